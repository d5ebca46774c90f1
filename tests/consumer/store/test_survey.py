"""What an erasure would remove is counted before, as the erasure itself counts it."""

import pytest

from consumer.ids import merges, visibility
from consumer.ids.merges import Merge
from consumer.ids.visibility import HIDDEN, Visibility
from consumer.ingest import rows
from consumer.store.erase import Erasing
from consumer.store.survey import Stated, count_of_source, stated, survey
from consumer.store.writer import Store
from consumer.table.delta_log import Span
from support.data.records import gig, message

MESSAGES = [
    message(0),
    message(1, gig(1, artist_id="x", artist_name="The Gone")),
    message(2, gig(1, artist_id="x", status="cancelled")),
    message(3, gig(3, artist_id="old-x")),
    message(4, gig(4, support=["x"])),
    message(5, b'{"artist_id": "x"}'),
    message(6, gig(6, source="box")),
]


@pytest.fixture
def path(tmp_path):
    """Two ids that are one, and what mentions them."""
    store = Store.open(tmp_path / "store")
    store.append(rows.table(MESSAGES, topic_id="T"), {"c/t/0": Span(None, len(MESSAGES))})
    store.append(merges.table(Merge(1, "old-x", "x", "artist")), {})
    store.append(visibility.table(Visibility(1, "x", HIDDEN, "artist")), {})
    return tmp_path / "store"


def test_statements_and_gigs_of_ids_are_counted_as_they_were_stated(path):
    assert stated(path, "artist", ["x"]) == Stated(2, 1)
    assert stated(path, "artist", ["x", "old-x"]) == Stated(3, 2)
    assert stated(path, "venue", ["x"]) == Stated(0, 0)


def test_a_survey_counts_what_the_erasure_removes(path):
    found = survey(path, "artist", "x")
    done = Erasing(path=path, side="artist", identity="x").run({})

    assert found.ids == done.ids == ["x", "old-x"]
    assert (found.dead, found.decisions, found.mentions) == (1, 2, 1)
    assert found.stated == Stated(3, 2)
    expected = {"rows": found.stated.statements, "dead": found.dead, "scrubbed": found.mentions}
    assert {name: done.facts[name] for name in expected} == expected
    assert survey(path, "artist", "x").is_empty


def test_nothing_is_known_of_an_id_that_nothing_names_nor_without_a_store(path, tmp_path):
    assert survey(path, "artist", "y").is_empty
    assert survey(path, "venue", "y").is_empty
    assert survey(path, "venue", "x").stated == Stated(0, 0)
    assert survey(tmp_path / "none", "artist", "x").is_empty


def test_statements_of_a_source_are_counted_from_a_moment_on(path):
    assert count_of_source(path, "box") == 1
    assert count_of_source(path, "box", 2**62) == 0
    assert count_of_source(path, "other") == 0
