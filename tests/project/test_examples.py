"""The gigs that we ship are all there."""

import csv
import gzip

from project.tree import ROOT


def test_indistreet_holds_the_gigs_that_its_page_counts() -> None:
    with gzip.open(ROOT / "examples/indistreet/events.tsv.gz", "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))

    assert len(rows) == 47_142
    assert len({row["artist_id"] for row in rows}) == 6_131
    assert len({row["venue_id"] for row in rows}) == 989
    assert len({(row["artist_id"], row["venue_id"]) for row in rows}) == 23_390
