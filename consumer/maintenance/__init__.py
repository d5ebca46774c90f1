"""Maintenance of a table: compaction, vacuum, checks, and the process that does them."""
