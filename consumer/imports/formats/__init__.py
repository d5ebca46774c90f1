"""Kinds of files: each becomes a stream of Arrow tables with numbered rows."""
