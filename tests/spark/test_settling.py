"""Spark adds the store up to the same plays as we do, whatever was said, merged and erased."""

import gzip
import json
import threading
import time
from contextlib import suppress
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from consumer.ids import merges, quarantines
from consumer.ids.merges import Merge
from consumer.ids.quarantines import ALL, QUARANTINED, Quarantine
from consumer.ingest import rows
from consumer.maintenance import compaction, vacuum
from consumer.store.erase import Erasing
from consumer.store.writer import Store
from consumer.table.delta_log import Span
from consumer.table.reader_marks import Mark
from support.data.records import RECORDED_MS, gig, message
from support.processes.installation import INDISTREET
from trainer.plays.interactions import Interactions
from trainer.plays.matrix import confidence, counts
from trainer.plays.read import settled_at
from trainer.recipe import Recipe
from trainer.spark.settle import settled, source

RECIPE = Recipe(als_half_life_days=200)
APP = "c/t/0"


class Interrupted(Exception):
    """Ends an erasure at a step."""


class Told:
    """A store, and records in it at the next free offsets."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._store = Store.open(path)
        self._end = 0

    def say(self, *values: bytes | tuple[None, bytes], at_ms: int = RECORDED_MS) -> int:
        """Append them as one commit; (None, key) is a tombstone. Returns the version."""
        messages = [
            message(n, v, timestamp=(1, at_ms))
            if isinstance(v, bytes)
            else message(n, None, key=v[1])
            for n, v in enumerate(values, self._end)
        ]
        begin, self._end = self._end or None, self._end + len(values)
        return self._store.append(rows.table(messages, topic_id="T"), {APP: Span(begin, self._end)})

    def merge(self, *said: Merge) -> int:
        for merge in said:
            version = self._store.append(merges.table(merge), {})
        return version

    def quarantine(self, source: str, since_us: int) -> int:
        said = Quarantine(self._end, source, QUARANTINED, since_us)
        return self._store.append(quarantines.table(said), {})


def shows() -> list[dict[str, str]]:
    """The gigs of Indistreet; every fourth is on the bill of the one before."""
    header, *lines = gzip.decompress(INDISTREET.read_bytes()).decode().splitlines()
    names = header.split("\t")
    made = []
    for number, line in enumerate(lines):
        row = dict(zip(names, line.split("\t"), strict=True))
        made.append(
            {
                "event_id": f"e{number - (number % 4 == 3)}",
                "artist_id": row["artist_id"],
                "venue_id": row["venue_id"],
                "time": f"{row['date']}T19:30:00.125Z",
            }
        )
    return made


LATER = {"time": "2018-10-20T00:00:00Z"}
MOVED = LATER | {"starts_at": "2018-12-24T20:00:00Z"}
AGAIN = {
    7: lambda show, _: show | LATER | {"status": "cancelled"},
    11: lambda show, other: show | MOVED | {"venue_id": other},
    13: lambda show, other: (
        show | {"venue_id": other}
    ),  # of two at the same time the offset decides
    17: lambda show, _: show | {"time": "2001-01-01T00:00:00Z"},  # comes too late
    19: lambda show, other: show | {"version": 10, "venue_id": other},
    21: lambda show, _: show | {"version": 9, "venue_id": "nowhere"},
    23: lambda show, _: (None, show["event_id"].encode()),
    29: lambda show, _: show | {"venue_id": "closed", "status": "cancelled"},
    31: lambda show, _: show | {"source": "other"},
    37: lambda _, other: {"venue_id": other},  # a dead letter
}
"""What is stated again of every n-th show; the second argument is another venue."""


def said_again(gigs: list[dict[str, str]]) -> list[bytes | tuple[None, bytes]]:
    """Cancellations, moves, repetitions, late and numbered statements, and tombstones."""
    made = [
        say(show, gigs[number // 2]["venue_id"])
        for number, show in enumerate(gigs)
        for every, say in AGAIN.items()
        if number % every == 0
    ]
    return [json.dumps(said).encode() if isinstance(said, dict) else said for said in made]


def merged(gigs: list[dict[str, str]]) -> list[Merge]:
    """Artists of one bill, a chain of artists, and venues."""
    pairs = [(gigs[n]["artist_id"], gigs[n - 1]["artist_id"]) for n in range(3, 4000, 400)]
    chain = [(gigs[n]["artist_id"], gigs[n + 10]["artist_id"]) for n in (40, 50)]
    venues = [(gigs[n]["venue_id"], gigs[n + 500]["venue_id"]) for n in (0, 1000)]
    moment = count(1)
    made = [Merge(next(moment), *pair, "artist") for pair in (*pairs, *chain)]
    return made + [Merge(next(moment), *pair, "venue") for pair in venues]


def ask_to_erase(path: Path, side: str, identity: str) -> None:
    """Record an erasure, and be killed before anything is rewritten."""

    def on_step(name: str) -> None:
        raise Interrupted(name)

    with suppress(Interrupted):
        Erasing(path=path, side=side, identity=identity, on_step=on_step).run({})


def ours(path: Path, version: int) -> dict[tuple[int, int], tuple[int, float]]:
    """Plays and confidence by pair, rows numbered as in a fit: playing ids, sorted."""
    known, _ = settled_at(path, version)
    plays = known.plays()
    sides = (known.artists, plays.per_artist), (known.venues, plays.per_venue)
    artists, venues = (ids.order()[per_row[ids.order()] > 0] for ids, per_row in sides)
    inside = plays.for_artists(artists).transposed().for_artists(venues).transposed()
    found = confidence(inside, clock_ms(known), RECIPE).tocoo()
    cells = zip(found.row.tolist(), found.col.tolist(), strict=True)
    values = zip(counts(inside).data.tolist(), found.data.tolist(), strict=True)
    return dict(zip(cells, values, strict=True))


def clock_ms(known: Interactions) -> int:
    return known.clock(time.time_ns() // 1_000_000).as_of_ms or 0


def sparks(spark, path: Path, version: int, scratch: Path) -> dict[tuple[int, int], tuple]:
    known, _ = settled_at(path, version)
    scratch.mkdir(exist_ok=True)
    found = settled(
        spark, source(path, version, clock_ms(known), known.plays(), known), RECIPE, scratch
    ).collect()
    assert len({(row.artist, row.venue) for row in found}) == len(found)
    return {(row.artist, row.venue): (row.plays, row.confidence) for row in found}


def assert_equal(theirs: dict, mine: dict) -> None:
    assert theirs.keys() == mine.keys()
    assert [theirs[cell][0] for cell in mine] == [plays for plays, _ in mine.values()]
    weights = [theirs[cell][1] for cell in mine], [weight for _, weight in mine.values()]
    np.testing.assert_allclose(*weights, rtol=1e-6)


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """A store of real gigs, and its version after each chapter."""
    told, gigs = Told(tmp_path_factory.mktemp("history") / "store"), shows()
    told.versions = [told.say(*(json.dumps(show).encode() for show in gigs))]
    told.versions.append(told.say(*said_again(gigs)))
    told.versions.append(told.merge(*merged(gigs)))
    ask_to_erase(told.path, "artist", gigs[100]["artist_id"])
    ask_to_erase(told.path, "venue", gigs[200]["venue_id"])
    told.versions.append(told.say(gig(0)))
    told.quarantine("other", ALL)
    cancelled = (json.dumps(show | LATER | {"status": "cancelled"}).encode() for show in gigs[:500])
    told.versions.append(told.say(*cancelled, at_ms=RECORDED_MS + 1))
    told.versions.append(told.quarantine("default", 1000 * RECORDED_MS + 1))
    return told


@pytest.mark.timeout(400)
def test_spark_settles_real_gigs_as_we_do(spark, history, tmp_path):
    found = [ours(history.path, version) for version in history.versions]
    plays = [sum(n for n, _ in each.values()) for each in found]
    assert plays[0] > plays[1] > plays[2] > plays[3] > 30_000  # corrected, merged, erased
    assert plays[3] > plays[5] > plays[4] > 29_000  # quarantined, also of what was cancelled

    theirs = sparks(spark, history.path, history.versions[-1], tmp_path / "ids")

    assert_equal(theirs, found[-1])


@pytest.mark.timeout(400)
def test_the_version_asked_for_is_read_while_the_store_grows_and_is_compacted(spark, tmp_path):
    told = Told(tmp_path / "store")
    version = told.say(*(gig(n) for n in range(3000)))
    for n in range(10):
        version = told.say(gig(n, venue_id="moved", time="2018-10-31T13:00:00Z"))
    mine, mark, end = ours(told.path, version), Mark(told.path, version), threading.Event()
    numbers = count(5000)

    def grow() -> None:
        while not end.wait(0.02):
            told.say(gig(next(numbers)))
            compaction.compact(told.path, on_step=lambda _: None)
            vacuum.vacuum(told.path, grace_s=0)
            vacuum.clean_log(told.path)

    growing = threading.Thread(target=grow)
    growing.start()
    try:
        theirs = sparks(spark, told.path, version, tmp_path / "ids")
    finally:
        end.set()
        growing.join()

    assert_equal(theirs, mine)
    assert next(numbers) > 5010
    mark.close()
