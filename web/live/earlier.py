"""Lists of earlier generations: what a model that is still stored makes of the plays of now.

Lists are kept nowhere once they are replaced; models are (`trainer.registry.state.KEPT`). So a list
here is made by that generation's model (its weights, date and vectors) with every artist and venue
folded in whose plays changed since its fit. A roll-back to it publishes the same list for an id
whose plays changed; for another one, the list as it was before others were folded in.

One earlier model is in memory at a time, to a minute after the last request, and one request at a
time makes lists from it: others wait, and beyond a few they are refused. The lock of the live model
is held for a copy of the plays only.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from operations.errors import NotThere
from operations.generations import kept
from operations.settings import OperationSettings
from serving.lookup import Side
from trainer.errors import BadArtifact
from trainer.model.fit import Model
from trainer.model.foldin import folded
from trainer.plays.fingerprints import differing, fingerprints
from trainer.plays.ids import Ids, Names
from trainer.plays.matrix import Plays
from trainer.plays.merged_rows import Merged
from trainer.ranking.history import History
from trainer.ranking.part import Candidates
from trainer.registry.artifact import Artifact, load
from trainer.registry.generations import Record
from web.errors import TooMany
from web.live.facts import VenueColumns
from web.live.model import LiveModel, State
from web.live.pool import OTHER, IdTable, Pool, Rows
from web.live.ranking import Asked, Item, known_subject, popular, ranked

IDLE_S = 60.0
"""So long after the last request the model is still in memory."""
AT_ONCE = 4
"""Requests that work or wait; each holds a thread of the server."""
_NAMED = 10


class Snapshot(NamedTuple):
    """What is settled at one store version: copied, so that following need not wait."""

    version: int
    plays: Plays
    """Artists x venues."""
    ids: dict[Side, list[str]]
    """By row."""
    candidates: dict[Side, NDArray[np.integer]]
    """By side of the subjects, in rank order."""
    hidden: dict[Side, Rows]
    """By side of the subjects."""


class _Held(NamedTuple):
    artifact: str
    version: int
    pools: dict[Side, Pool]


class Earlier:
    """Ranks by models of earlier generations.

    Args:
        settings: location of the models.
        live: the live model, which knows the plays.
    """

    def __init__(self, settings: OperationSettings, live: LiveModel) -> None:
        self._settings, self._live = settings, live
        self._places = BoundedSemaphore(AT_ONCE)
        self._lock = Lock()
        self._held: _Held | None = None
        self._asked_s = 0.0

    def kept(self) -> list[Record]:
        """The generations whose lists can be made, newest first."""
        return kept(self._settings)

    def ranked(self, side: Side, identity: str, since: int, asked: Asked) -> list[Item]:
        """The asked part of a list by an earlier generation's model; names are left out.

        Args:
            side: of the id.
            identity: known or not: an unknown one has the popular list.
            since: number of the generation.
            asked: which part; without filters.

        Raises:
            NotThere: it is no published generation whose model is stored.
            TooMany: too many ask already.
            NotReady: the live model is not loaded.
            TrainerError: the model cannot be read.
        """
        with self._turn():
            record = self._record(since)
            with self._live.reading() as state:
                # From one state with the plays: a reset of the store gives rows other numbers.
                row = _row(state, side, identity)
                ready = self._ready(record, state.version) or snapshot(state)
            held = ready if isinstance(ready, _Held) else self._made(record, ready)
            return _ranked(held.pools[side], row, asked)

    def rest(self, now_s: float) -> None:
        """Free the model in memory where the last request was long ago.

        Args:
            now_s: the time, of the monotonic clock.
        """
        # Not by the next request alone: the plays of all are in it, and ids erased since.
        if now_s - self._asked_s > IDLE_S and self._lock.acquire(blocking=False):
            self._held = None
            self._lock.release()

    def _ready(self, record: Record, version: int) -> "_Held | None":
        held = self._held
        is_right = held and (held.artifact, held.version) == (record.artifact, version)
        return held if is_right else None

    def _made(self, record: Record, settled: Snapshot) -> _Held:
        # First: two earlier models are never in memory together.
        self._held = None
        try:
            pools = pools_of(load(self._settings.models / record.artifact), settled)
        except BadArtifact:
            # It may have been removed meanwhile, as too old or with an erased id.
            self._record(record.number)
            raise
        self._held = _Held(record.artifact, settled.version, pools)
        return self._held

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise TooMany(
                f"{AT_ONCE} requests wait for lists of earlier generations already; ask again"
            )
        try:
            with self._lock:
                yield
                self._asked_s = time.monotonic()
        finally:
            self._places.release()

    def _record(self, since: int) -> Record:
        known = self.kept()
        # What is removed from the disk must not be answered from memory: an id may be erased.
        if self._held and self._held.artifact not in {each.artifact for each in known}:
            self._held = None
        for record in known:
            if record.number == since:
                return record
        named = ", ".join(str(each.number) for each in known[:_NAMED]) or "none"
        raise NotThere(
            f"no model of a published generation {since} is kept; those that are: {named}",
            field="since",
        )


def snapshot(state: State) -> Snapshot:
    """A copy of what is settled.

    Args:
        state: the live model; borrowed for this call alone.
    """
    # The live plays are read on demand, and only until more is settled: this copies all of them.
    pool = state.pools["artist"]
    view = pool.plays
    return Snapshot(
        version=state.version,
        plays=Plays(view.artist, view.venue, view.at_ms, *view.shape),
        ids={
            "artist": pool.subjects.ids.ids[: view.n_artists],
            "venue": pool.targets.ids.ids[: view.n_venues],
        },
        candidates={side: each.candidates.rows for side, each in state.pools.items()},
        hidden={side: each.hidden for side, each in state.pools.items()},
    )


def pools_of(artifact: Artifact, settled: Snapshot) -> dict[Side, Pool]:
    """The candidates by an artifact's model, with all plays folded in; by side of the subjects.

    Args:
        artifact: of an earlier generation.
        settled: the plays of now.
    """
    ids: dict[Side, Ids] = {side: Ids(names) for side, names in settled.ids.items()}
    model = _folded(artifact, settled.plays, ids)
    tables = {side: IdTable(each, Merged(side, each), Names()) for side, each in ids.items()}
    return {side: _pool(side, model, settled, tables) for side in tables}


def _folded(artifact: Artifact, plays: Plays, ids: Mapping[Side, Ids]) -> Model:
    artists, venues = ids["artist"], ids["venue"]
    model, theirs = artifact.model, artifact.fingerprints
    ours = fingerprints(plays, artists, venues)
    return folded(
        model.aligned(artists.ids, venues.ids),
        plays,
        differing(artists, ours.artists, model.artist_ids, theirs.artists),
        differing(venues, ours.venues, model.venue_ids, theirs.venues),
    )


def _pool(side: Side, model: Model, settled: Snapshot, tables: Mapping[Side, IdTable]) -> Pool:
    forward = side == "artist"
    plays = settled.plays if forward else settled.plays.transposed()
    ranked_side = model.venues if forward else model.artists
    return Pool(
        side=side,
        model=model,
        plays=plays,
        subjects=tables[side],
        targets=tables[OTHER[side]],
        candidates=Candidates(ranked_side, settled.candidates[side]),
        hidden=settled.hidden[side],
        history=History(plays, model.as_of_ms),
    )


def _row(state: State, side: Side, identity: str) -> int | None:
    pool = state.pools[side]
    row = pool.subjects.row(identity)
    return None if row is None or row >= pool.plays.n_artists else row


def _ranked(pool: Pool, row: int | None, asked: Asked) -> list[Item]:
    subject = None if row is None else known_subject(pool, row)
    if subject is None or not len(subject.plays):
        return popular(pool, asked, _no_facts)
    return ranked(pool, subject, asked, _no_facts)


def _no_facts(_pool: Pool) -> VenueColumns:
    raise ValueError("lists of earlier generations are not filtered")
