"""Drift: what one venue or one source takes over is held, and honest refits are not."""

import json
import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from support.data.gigs import rows
from support.data.indistreet import EVENTS
from support.data.moments import gigs, moment
from trainer.evaluation.evaluate import read_plays
from trainer.gate.drift import Drift, Limits, drift
from trainer.gate.moment import Moment
from trainer.gate.moment import moment as summed
from trainer.plays.matrix import DAY_MS, Plays

PLANTED = {
    "60 gigs of 60 new artists at a new venue": (
        lambda _artists, _venues: [(f"new-{n}", "planted") for n in range(60)],
        "default",
        None,
    ),
    "100,000 gigs of one venue": (
        lambda artists, venues: [(artists[n % len(artists)], venues[0]) for n in range(100_000)],
        "default",
        "brings 100% of 100,000 new plays",
    ),
    "a source that books everybody everywhere": (
        lambda artists, venues: [
            (artist, venue) for artist in artists for venue in random.Random(1).sample(venues, 20)
        ],
        "planted",
        "source 'planted' brings 100% of",
    ),
    "100,000 gigs of new artists, one each, at a new venue": (
        lambda _artists, _venues: [(f"new-{n}", "planted") for n in range(100_000)],
        "planted",
        "source 'planted' brings 100% of 100,000 new plays",
    ),
}


@pytest.fixture(scope="module")
def real() -> pa.Table:
    """Real gigs, the oldest first."""
    read = read_plays(EVENTS)
    at_ms = pc.cast(pc.cast(read["date"], pa.timestamp("ms")), pa.int64())
    columns = {"artist": read["artist_id"], "venue": read["venue_id"], "at_ms": at_ms}
    columns |= {"source": pa.array(["default"] * len(read))}
    return pa.table(columns).sort_by("at_ms")


@pytest.fixture(scope="module")
def live(real) -> Moment:
    return moment(real)


@pytest.mark.timeout(400)
def test_of_20_honest_monthly_refits_19_are_published(real):
    at_ms = real["at_ms"].to_numpy()
    ends = [np.searchsorted(at_ms, at_ms[-1] - n * 30 * DAY_MS) for n in range(20, -1, -1)]
    moments = [moment(real.slice(0, end)) for end in ends]
    found = [drift(*each) for each in pairwise(moments)]

    assert len(found) == 20
    assert max(each.new_plays for each in found) > 200
    assert sum(each.is_held for each in found) <= 1, [each.reasons for each in found]


@pytest.mark.parametrize("case", PLANTED)
def test_what_was_planted_is_held_or_shown_to_none(real, live, case):
    plant, source, reason = PLANTED[case]
    now_ms = real["at_ms"][-1].as_py()
    made = plant(live.artists, live.venues)
    planted = gigs([(artist, venue, now_ms) for artist, venue in made], source)

    now = moment(pa.concat_tables([real, planted.cast(real.schema)]))
    found = drift(live, now)

    if reason:
        assert found.is_held
        assert any(reason in each for each in found.reasons), found.reasons
    else:
        assert now.shown[list(now.venues).index("planted")] == 0


def test_nothing_new_is_no_drift(live):
    found = drift(live, live)

    assert (found.new_plays, found.new_artists, found.new_venues) == (0, 0, 0)
    assert not found.is_held
    assert all(each.shown == each.shown_before for each in found.lists)


def made(
    sources: dict[str, int], plays: list[int], shown: list[int], rooted: list[int] | None = None
) -> Moment:
    """Venues v0, v1, ..., with ten artists each, of 100 lists."""
    size = len(plays)
    return Moment(
        artists=[f"a{n}" for n in range(10 * size)],
        venues=[f"v{n}" for n in range(size)],
        sources=sources,
        plays=np.array(plays),
        visitors=np.full(size, 10),
        rooted=np.array(rooted or [10] * size),
        shown=np.array(shown),
        top=np.array(shown) // 10,
        lists=100,
    )


BEFORE = made({"a": 900, "b": 100}, [500, 500], [100, 100])


@pytest.mark.parametrize(
    ("now", "held", "why"),
    [
        (made({"a": 1000, "b": 120}, [560, 560], [100, 100]), False, "all grow"),
        (made({"a": 900, "b": 300}, [600, 600], [100, 100]), False, "b had a tenth of all"),
        (made({"a": 900, "b": 100, "c": 200}, [600, 600], [100, 100]), True, "c had nothing"),
        (made({"a": 900, "b": 100, "c": 40}, [520, 520], [100, 100]), False, "c brings little"),
        (made({"a": 1000, "b": 100, "c": 90}, [600, 590], [100, 100]), False, "a brings more"),
        (made({"a": 1100, "b": 100}, [500, 500, 200], [100, 100, 0]), True, "v2 has all new plays"),
        (
            made({"a": 950, "b": 100}, [500, 500, 50], [100, 100, 90]),
            False,
            "its artists are known",
        ),
        (
            made({"a": 950, "b": 100}, [500, 500, 50], [100, 100, 90], [10, 10, 2]),
            True,
            "v2's artists have played nowhere else",
        ),
        (
            made({"a": 950, "b": 100}, [500, 500, 50], [100, 100, 30], [10, 10, 2]),
            False,
            "v2 is in few lists",
        ),
        (made({"a": 100}, [50, 50], [100, 100]), False, "much was taken back"),
    ],
)
def test_what_holds_a_generation(now, held, why):
    assert drift(BEFORE, now).is_held is held, why


def test_a_first_generation_takes_nothing_over():
    nothing = replace(made({}, [], []), lists=0)

    assert not drift(nothing, BEFORE).is_held
    assert drift(BEFORE, nothing).reasons == ()


def test_limits_are_given_and_shares_are_of_what_they_say():
    now = made({"a": 900, "b": 100, "c": 250}, [500, 500, 250], [100, 100, 50])
    found = drift(BEFORE, now, Limits(new_share=1.0))

    assert not found.is_held
    assert found.sources[0] == ("c", 250, 1.0, 0.0, 0.2)
    assert found.venues[0] == ("v2", 250, 1.0, 0.0, 0.2)
    assert found.lists[0] == ("v2", 0.0, 0.5, 0.0, 0.05, 1.0)
    assert (found.new_plays, found.new_artists, found.new_venues) == (250, 10, 1)


def test_a_report_is_json():
    now = made({"a": 900, "b": 100, "c": 250}, [500, 500, 250], [100, 100, 50])
    found: Drift = drift(BEFORE, now)
    read = json.loads(json.dumps(found.as_json()))

    assert read["held"]
    assert read["reasons"][0] == ("source 'c' brings 100% of 250 new plays and had 0.0% of all")
    assert read["sources"][0]["name"] == "c"
    assert read["lists"][0]["venue"] == "v2"


def test_a_moment_counts_plays_visitors_and_lists():
    plays = Plays(rows(0, 0, 1, 2, 2), rows(0, 0, 0, 0, 2), np.zeros(5, np.int64), 4, 3)
    entries = np.array([[2, 0], [0, -1], [-1, -1]], np.int32)
    sources = {"s": 2, "t": 3}
    found = summed(plays, ["a", "b", "c", "d"], ["u", "v", "w"], sources, entries)

    assert (found.artists, found.venues) == (["a", "b", "c"], ["u", "w"])
    assert found.sources == {"s": 2, "t": 3}
    assert found.plays.tolist() == [4, 1]
    assert found.visitors.tolist() == [3, 1]
    assert found.rooted.tolist() == [1, 1]
    assert (found.shown.tolist(), found.top.tolist(), found.lists) == ([2, 1], [1, 1], 3)


def test_a_moment_of_nothing_is_empty():
    none = Plays(rows(), rows(), np.empty(0, np.int64), 1, 1)
    found = summed(none, ["a"], ["v"], {}, np.empty((0, 10), np.int32))

    assert (found.artists, found.venues, found.lists) == ([], [], 0)
    assert drift(found, found).as_json()["held"] is False
