"""New gigs are looked for in the lists before them: which list, which entries, which gigs count."""

import json

import numpy as np
import pyarrow as pa

from consumer.ingest import rows
from consumer.store.writer import Span, Store
from serving.contract import Entry
from serving.publisher.publish import Seen
from support.data.records import message
from trainer.live.announced import Booking, bookings, tallies
from trainer.live.arrivals import MOST, Arrivals, is_beyond
from trainer.live.following import Following
from trainer.plays.matrix import DAY_MS
from trainer.registry.hits import Tally

AS_OF_S = 1_541_030_400
NOW_MS = AS_OF_S * 1000
LISTED = [f"v{n}" for n in range(20)]


def listed(ids: list[str], kind: str = "model") -> Entry:
    return Entry(7, AS_OF_S, kind, ids, [1.0] * len(ids))


def seen(own: list[str] | None, popular: list[str]) -> Seen:
    return Seen({} if own is None else {"a": listed(own)}, listed(popular, "popular"))


def booked(venue: str, view: str = "artist", met: tuple[str, ...] = (), days: int = 0) -> Booking:
    return Booking(view, "a", venue, frozenset(met), NOW_MS + days * DAY_MS)


def test_the_first_ten_entries_are_hits_and_the_eleventh_is_none():
    found = tallies([booked("v9"), booked("v10")], {"artist": seen(LISTED, ["x"])})

    assert found == {"artist": Tally(gigs=2, hits=1)}


def test_the_popular_list_is_looked_at_without_those_that_met_except_for_returns():
    popular = LISTED[:11]
    new, again = booked("v10", met=("v0",)), booked("v10", "artist:returns", met=("v0", "v10"))
    found = tallies(
        [new, again], {"artist": seen(["x"], popular), "artist:returns": seen(["x"], popular)}
    )

    assert found["artist"] == Tally(gigs=1, popular=1)
    assert found["artist:returns"] == Tally(gigs=1)


def test_gigs_of_those_without_a_list_are_counted_apart():
    assert tallies([booked("v0")], {"artist": seen(None, LISTED)}) == {"artist": Tally(without=1)}
    assert tallies([booked("v0")], {"artist": seen([], LISTED)}) == {"artist": Tally(without=1)}


def test_history_is_no_announcement_and_what_is_not_published_hits_nothing():
    asked = [booked("v0", days=-8), booked("v0", days=-6), booked("v0", days=400)]

    assert tallies(asked, {"artist": seen(LISTED, LISTED)})["artist"].gigs == 2
    assert tallies(asked, {"artist": Seen({}, None)}) == {}


class Source:
    """A store, written to as a consumer does."""

    def __init__(self, home):
        self.path = home / "store"
        self._store = Store.open(self.path)
        self._next = 0

    def say(self, *said: tuple[str, str, str], status: str = "confirmed") -> None:
        values = [
            {"event_id": e, "artist_id": a, "venue_id": v, "status": status, "time": NOW_MS}
            for e, a, v in said
        ]
        messages = [
            message(self._next + n, json.dumps(value).encode()) for n, value in enumerate(values)
        ]
        span = Span(self._next or None, self._next + len(said))
        self._store.append(rows.table(messages, topic_id="t"), {"c/t/0": span})
        self._next += len(said)


def following(source: Source) -> Following:
    """One that has read what was stored before."""
    found = Following(source.path, arrivals=Arrivals({}))
    found.listen(0.0)
    assert not found.arrivals.is_waiting  # the whole store is no news
    return found


def pairs(follower: Following) -> list[tuple[str, str, bool]]:
    """Of the artists' side: who, where, and whether they met before."""
    found = bookings(follower, follower.arrivals.waiting())
    return [
        (each.owner, each.other, each.view == "artist:returns")
        for each in found
        if each.view.startswith("artist")
    ]


def test_gigs_that_are_stated_first_and_count_are_announced(tmp_path):
    source = Source(tmp_path)
    source.say(("e1", "a1", "v1"))
    follower = following(source)
    source.say(("e1", "a1", "v2"))  # corrected
    source.say(("e2", "a1", "v2"), ("e3", "a2", "v1"), ("e4", "a2", "v1"))
    source.say(("e5", "a3", "v1"), status="cancelled")
    source.say(("e6", "a2", "v1"))
    source.say(("e6", "a2", "v1"), status="cancelled")
    while follower.listen(0.0):
        pass

    assert pairs(follower) == [("a1", "v2", True), ("a2", "v1", False), ("a2", "v1", False)]
    follower.arrivals.clear()
    source.say(("e7", "a2", "v1"))
    follower.listen(0.0)
    assert pairs(follower) == [("a2", "v1", True)]


def test_both_sides_are_looked_at(tmp_path):
    source = Source(tmp_path)
    source.say(("e1", "a1", "v1"))
    follower = following(source)
    source.say(("e2", "a2", "v1"))
    follower.listen(0.0)

    artist, venue = bookings(follower, follower.arrivals.waiting())

    assert artist == Booking("artist", "a2", "v1", frozenset(), NOW_MS)
    assert venue == Booking("venue", "v1", "a2", frozenset({"a1"}), NOW_MS)


def test_an_import_is_left_out(tmp_path):
    source = Source(tmp_path)
    source.say(("e", "a", "v"))
    follower = following(source)
    source.say(*((f"i{n}", f"a{n}", "v1") for n in range(MOST + 1)))
    follower.listen(0.0)

    assert (len(follower.arrivals), follower.arrivals.left_out) == (0, MOST + 1)


def test_rows_of_unknown_partitions_are_beyond():
    events = pa.table(
        {
            "topic_id": ["t", "t", "t", "u"],
            "partition": pa.array([0, 0, 1, 0], pa.int32()),
            "offset": [4, 5, 0, 0],
        }
    )

    assert np.array_equal(is_beyond(events, {"c/t/0": 5}), [False, True, True, True])
