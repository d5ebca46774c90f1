"""The real gigs that ship with the project."""

from pathlib import Path

EVENTS = Path(__file__).parents[3] / "examples" / "indistreet" / "events.tsv.gz"
"""47,142 plays, 6,131 artists, 989 venues, 23,390 pairs; 2010-11-01 to 2018-09-02."""
