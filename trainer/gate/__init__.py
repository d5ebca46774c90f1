"""What a new generation is judged by before it is published."""
