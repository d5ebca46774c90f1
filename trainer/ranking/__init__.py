"""From factors to exact top-N lists."""
