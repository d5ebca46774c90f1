"""The lists in Redis: the public contract for apps, its publisher, and a reader."""
