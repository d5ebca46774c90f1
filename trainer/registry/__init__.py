"""The folder ``models/``: artifacts, snapshots, generation numbers and tokens."""
