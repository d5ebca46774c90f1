"""Following a store through quarantines: what changed is known, row by row."""

from functools import partial
from itertools import chain

import numpy as np
import pytest
from deltalake import DeltaTable

from consumer.store.erase import Erasing
from support.data.growing import MERGES, Growing, facts, history
from support.data.statements import Statement, table, tombstone
from trainer.live.following import Following
from trainer.plays.interactions import ChangedRows
from trainer.plays.read import settled
from trainer.registry.snapshot import Snapshots

SPAM = [
    Statement("e1", "a1", "spam venue", 99, source="spam", recorded_at=10, artist_name="Spam"),
    Statement("e2", "new artist", "v3", 99, source="spam", recorded_at=20),
    Statement("e2", "new artist", "v3", 100, "cancelled", source="spam", recorded_at=30),
    Statement("e3", "a2", "v3", 99, source="spam", recorded_at=20),
    tombstone("e3", "spam")._replace(recorded_at=30),
]


@pytest.fixture
def growing(tmp_path) -> Growing:
    found = Growing(tmp_path / "store")
    found.grow()
    found.merge(MERGES)
    found.add(table(s._replace(offset=found.next + n) for n, s in enumerate(SPAM)))
    return found


@pytest.fixture
def following(growing) -> Following:
    made = Following(growing.path)
    made.listen(0.0)
    made.all_done()
    return made


def by_row(following: Following) -> dict[tuple[str, str], list[tuple[str, int]]]:
    """Plays by side and id."""
    found, ids = following.interactions.plays(), following.interactions
    cells = zip(found.artist.tolist(), found.venue.tolist(), found.at_ms.tolist(), strict=True)
    made: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for a, v, at in cells:
        artist, venue = ids.artists[a], ids.venues[v]
        made.setdefault(("artist", artist), []).append((venue, at))
        made.setdefault(("venue", venue), []).append((artist, at))
    return {key: sorted(value) for key, value in made.items()}


def names(following: Following, changed: ChangedRows) -> set[tuple[str, str]]:
    ids = following.interactions
    artists = (("artist", ids.artists[row]) for row in changed.artists.tolist())
    venues = (("venue", ids.venues[row]) for row in changed.venues.tolist())
    return {*chain(artists, venues)}


def waits_after(following: Following, decide) -> set[tuple[str, str]]:
    """The ids whose lists wait after a decision, and whose plays are checked against the store."""
    before = by_row(following)
    decide()
    assert following.listen(0.0)
    assert following.recounted
    assert not following.reread
    after = by_row(following)
    waiting = names(following, following.pending(10**6))
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert changed <= waiting
    whole = facts(settled(following._tail._path)[0])
    ours = facts(following.interactions)
    del whole["ids"], ours["ids"]
    assert ours == whole
    following.recounted = False
    following.all_done()
    return waiting


def test_what_a_quarantined_source_said_waits_to_leave_lists_and_comes_back(growing, following):
    whole, held = by_row(following), following.interactions.artists.ids
    gone = waits_after(following, lambda: growing.quarantine("spam"))
    without = by_row(following)

    assert ("venue", "spam venue") in gone
    assert ("venue", "spam venue") not in without
    assert (
        "Spam"
        not in following.interactions.artist_names.by_id(following.interactions.artists).values()
    )
    assert following.interactions.artists.ids == held
    # Only what the source had said something of, and mates of its artists.
    assert {name for side, name in gone if side == "venue"} <= {"spam venue", "v1", "v2"}

    assert waits_after(following, lambda: growing.release("spam")) == gone
    assert by_row(following) == whole


def test_from_a_moment_on_a_source_neither_books_nor_cancels_nor_deletes(growing, following):
    waits_after(following, lambda: growing.quarantine("spam", 30_000))

    found = by_row(following)
    assert ("v3", 99) in found["artist", "new artist"]
    assert ("v3", 99) in found["artist", "a2"]
    waits_after(following, lambda: growing.quarantine("spam", 20_000))
    assert ("artist", "new artist") not in by_row(following)
    assert ("venue", "spam venue") in by_row(following)


def test_statements_that_come_during_a_quarantine_count_after_it(growing, following):
    waits_after(following, lambda: growing.quarantine("spam"))
    later = Statement("e9", "late", "v5", 100, source="spam", offset=growing.next)
    growing.add(table([later]))
    assert following.listen(0.0)
    assert following.interactions.events == growing.next
    assert not len(following.pending(10).artists)

    assert ("artist", "late") in waits_after(following, lambda: growing.release("spam"))


def test_random_decisions_come_to_what_the_rest_settles_to(growing, following):
    draw = np.random.default_rng(3)
    for turn in range(12):
        said = history(growing.next, 30)
        sources = draw.choice(["default", "spam", "other"], len(said)).tolist()
        at = draw.integers(0, 40, len(said)).tolist()
        growing.add(
            table(
                s._replace(source=n, recorded_at=t)
                for s, n, t in zip(said, sources, at, strict=True)
            )
        )
        following.listen(0.0)
        if turn % 4 == 3:
            DeltaTable(growing.path).optimize.compact()
            growing.store.refresh()
        decisions = [
            partial(growing.quarantine, "spam"),
            partial(growing.quarantine, "other", int(draw.integers(0, 40)) * 1000),
            partial(growing.quarantine, "spam", 20_000 + turn),
            partial(growing.release, "other"),
        ]
        waits_after(following, decisions[turn % 4])


def test_an_erasure_forgets_rows_under_quarantines_as_ever(growing, following):
    growing.quarantine("spam")
    Erasing(path=growing.path, side="artist", identity="a5").run({})

    assert following.listen(0.0)
    assert following.reread
    assert following.recounted
    assert following.erased
    assert "a5" not in following.interactions.artists.ids
    assert facts(following.interactions) == facts(settled(growing.path)[0])


def test_a_snapshot_serves_under_its_own_quarantines_only(growing, tmp_path):
    snapshots = Snapshots(tmp_path / "models")
    growing.quarantine("spam")
    growing.save(snapshots)
    growing.grow()
    saved = snapshots.load()

    resumed = Following(growing.path, snapshots)
    resumed.listen(0.0)
    assert not resumed.reread
    assert facts(resumed.interactions) == facts(settled(growing.path)[0])
    again = settled(growing.path, (saved.interactions, saved.known))[0]
    assert facts(again) == facts(settled(growing.path)[0])
    growing.release("spam")
    saved = snapshots.load()
    again = settled(growing.path, (saved.interactions, saved.known))[0]
    assert facts(again) == facts(settled(growing.path)[0])
    begun = Following(growing.path, snapshots)
    begun.listen(0.0)
    assert begun.reread
    assert facts(begun.interactions) == facts(settled(growing.path)[0])
