"""The store compared with its topic, and rebuilt from it."""
