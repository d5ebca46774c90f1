"""The interaction store: append, read, erase."""
