"""Bill-mates: who shared a night, and whose lists follow from a change."""

import numpy as np
import pyarrow as pa
import pytest

from trainer.plays import plain
from trainer.plays.interactions import SCHEMA, Interactions
from trainer.plays.matrix import DAY_MS, Plays
from trainer.plays.nights import LARGEST_BILL, codes_of, mates_of, nights_of, shared


def plays(triples: list[tuple[int, int, float]], n_artists: int = 9, n_venues: int = 5) -> Plays:
    """Of (artist, venue, day)."""
    artist, venue, day = np.array(triples, float).reshape(-1, 3).T
    at_ms = (day * DAY_MS).astype(np.int64)
    return Plays(artist.astype(np.int32), venue.astype(np.int32), at_ms, n_artists, n_venues)


def test_a_night_is_a_venue_on_a_date_whatever_the_hour():
    given = plays([(0, 1, 10), (1, 1, 10.9), (0, 1, 10.5), (2, 1, 11), (3, 2, 10)])

    found = nights_of(given)

    assert np.diff(found.begin).tolist() == [2, 1, 1]
    assert found.artist.tolist() == [0, 1, 2, 3]


def test_a_shared_night_counts_by_its_age_and_the_size_of_its_bill():
    given = plays([(0, 0, 365), (1, 0, 365), (2, 0, 365), (0, 1, 0), (1, 1, 0), (3, 2, 365)])
    wanted = np.array([1, 3])

    found = shared(given.for_artists(wanted), wanted, nights_of(given), 365 * DAY_MS).toarray()

    assert found[0].tolist() == [0.5 + 0.5, 0, 0.5, 0]
    assert not found[1].any()


def test_artists_of_a_night_that_is_too_large_for_a_bill_are_no_mates():
    size = LARGEST_BILL + 1
    given = plays([*((n, 0, 5) for n in range(size)), (0, 1, 5), (1, 1, 5)], n_artists=size)
    rows = np.arange(size)

    found = shared(given, rows, nights_of(given), 5 * DAY_MS)

    assert (found.nnz, found[0, 1], found[1, 0]) == (2, 1, 1)
    assert mates_of(given, rows[:1], np.empty(0, np.int64)).tolist() == [0, 1]
    crowded = codes_of(given.venue[:1], given.at_ms[:1])
    assert len(mates_of(given, rows[:1], crowded)) == size


def test_dates_before_1970_are_dates_too():
    given = plays([(0, 0, -400), (1, 0, -400), (2, 0, -401)])

    found = shared(given.for_artists(np.array([0])), np.array([0]), nights_of(given), 0)

    assert found.indices.tolist() == [1]


def statement(event: str, artist: str, venue: str, day: int, **other: object) -> dict[str, object]:
    row = dict.fromkeys(SCHEMA.names) | {
        "topic_id": "t",
        "partition": 0,
        "offset": statement.offset,
        "recorded_at": 0,
        "digest": statement.offset,
        "source": "s",
        "event_id": event,
        "artist_id": artist,
        "venue_id": venue,
        "time": statement.offset * 1_000_000,
        "status": "confirmed",
        "starts_at": day * DAY_MS * 1000,
    }
    statement.offset += 1
    return row | other


statement.offset = 0


def settled(known: Interactions, *rows: dict[str, object]) -> set[str]:
    """The ids of the mates that a change reaches."""
    columns = {field.name: [row[field.name] for row in rows] for field in SCHEMA}
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    touched = known.settle(table.cast(SCHEMA))
    return {known.artists[row] for row in known.mates_of(touched).tolist()}


BILLS = [
    ("e1", "a", "v", 10),
    ("e2", "b", "v", 10),
    ("e3", "c", "v", 11),
    ("e4", "a", "w", 20),
    ("e5", "d", "w", 20),
    ("e6", "far", "x", 20),
]


@pytest.fixture(params=["compiled", "plain"])
def known(request, monkeypatch) -> Interactions:
    if request.param == "plain":
        monkeypatch.setattr("trainer.plays.gigs.implementation", lambda: plain)
    interactions = Interactions()
    settled(interactions, *(statement(*bill) for bill in BILLS))
    return interactions


def test_a_new_gig_reaches_all_mates_of_its_artist(known):
    assert settled(known, statement("e7", "a", "x", 50)) == {"b", "d"}


def test_a_cancelled_gig_reaches_the_mates_that_it_had(known):
    assert settled(known, statement("e1", "a", "v", 10, status="cancelled")) == {"b", "d"}


def test_a_moved_gig_reaches_the_mates_of_both_nights(known):
    assert settled(known, statement("e2", "b", "v", 11)) == {"a", "c"}


def test_a_deleted_bill_reaches_the_mates_that_it_had(known):
    tombstone = statement("e5", "d", "w", 20, status="deleted", artist_id=None, venue_id=None)

    assert settled(known, tombstone) == {"a"}


def test_a_statement_that_changes_nothing_reaches_nobody(known):
    old = statement("e1", "a", "x", 30, time=-1_000_000)

    assert settled(known, old) == set()


def test_after_more_changes_than_are_noted_everyone_at_those_venues_is_reached():
    known = Interactions()
    size = 100_001
    rows = [statement(f"more{number}", "a", "v", 10 + number % 900) for number in range(size)]
    columns = {field.name: [row[field.name] for row in rows] for field in SCHEMA}
    settled(known, *(statement(*bill) for bill in BILLS))
    touched = known.settle(pa.table(columns).cast(SCHEMA))

    found = {known.artists[row] for row in known.mates_of(touched).tolist()}

    assert found == {"b", "c", "d"}  # d by another night of a
    assert settled(known, statement("last", "far", "x", 21)) == set()
