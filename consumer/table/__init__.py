"""The Delta table on disk: its log, files, commits and locks."""
