"""The live model with everything stored folded in, for a process that only reads.

`follow` brings it up to date; `reading` lends it. One lock keeps the two apart, since fold-ins
write rows in place.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple

import numpy as np

from serving.lookup import Recommendation, Side
from trainer.live.following import Following
from trainer.live.generation import Generation
from trainer.live.reasons import Explained, explained
from trainer.plays.interactions import ChangedRows
from trainer.registry.artifact import Artifact, load
from trainer.registry.state import Registry
from trainer.settings import TrainerSettings
from web.errors import NotReady, UnknownId
from web.live.facts import VenueColumns, VenueFacts
from web.live.pool import OTHER, IdTable, Pool, pool
from web.metrics import NOTHING, Followed

logger = logging.getLogger(__name__)

BLOCK = 4096
"""Rows that are folded in while readers wait."""

_SIDES: tuple[Side, Side] = ("artist", "venue")
_NOTHING = np.empty(0, np.int32)


class Known(NamedTuple):
    """An id with plays."""

    id: str
    name: str | None
    plays: int


@dataclass(frozen=True)
class State:
    """The live model at one store version: borrowed."""

    generation: Generation
    version: int
    pools: dict[Side, Pool]
    facts: VenueFacts

    @property
    def tag(self) -> str:
        """What changes with each generation and each commit of the store."""
        return f"{self.generation.number}.{self.version}"

    @property
    def as_of_s(self) -> int:
        """The data's clock, epoch seconds."""
        return self.generation.current.as_of_ms // 1000

    @property
    def tables(self) -> dict[Side, IdTable]:
        """The ids of both sides."""
        return {side: pool.subjects for side, pool in self.pools.items()}

    def hidden(self, side: Side) -> frozenset[str]:
        """Ids of a side that no list may show."""
        pool = self.pools[OTHER[side]]
        return frozenset(pool.targets.ids[row] for row in pool.hidden.tolist())

    def columns(self, asked: Pool) -> VenueColumns:
        """What is known of a pool's candidates, which are venues."""
        return self.facts.columns(asked.targets, asked.candidates.rows)

    def row(self, side: Side, identity: str) -> int:
        """The row of a known id.

        Raises:
            UnknownId: no statement named it.
        """
        row = self.pools[side].subjects.row(identity)
        if row is None or row >= self.pools[side].plays.n_artists:
            raise UnknownId(side, identity)
        return row


class LiveModel:
    """Follows the store and the registry of one home."""

    def __init__(self, settings: TrainerSettings) -> None:
        self._models = settings.models
        self._registry = Registry(settings.models)
        self._following = Following(settings.store)
        self._facts = VenueFacts(settings.store)
        self._lock = Lock()
        self._state: State | None = None
        self._artifact: Artifact | None = None
        self._changed_after: int | None = None
        self._is_behind = False

    @contextmanager
    def reading(self) -> Iterator[State]:
        """The state, which does not change while this lasts.

        Raises:
            NotReady: nothing was published from this home, or it is not loaded yet.
        """
        with self._lock:
            if self._state is None:
                raise NotReady(
                    "the live model is not loaded; wait for /readyz, and see that `gigstream "
                    "train` publishes from this home"
                )
            yield self._state

    def names(self, side: Side, identities: Sequence[str]) -> dict[str, str] | None:
        """Known display names by id; None where that would have to wait, or nothing is loaded.

        Args:
            side: of the ids.
            identities: known or not.
        """
        if not self._lock.acquire(blocking=False):
            return None
        try:
            return self._state.tables[side].names_of(identities) if self._state else None
        finally:
            self._lock.release()

    def known(self, side: Side) -> int | None:
        """How many ids of a side have plays; None where nothing is loaded.

        Args:
            side: of the ids.
        """
        state = self._state
        # Candidates of the other side's subjects are the ids of this side that have plays.
        return len(state.pools[OTHER[side]].candidates.rows) if state else None

    def all_known(self, side: Side) -> list[Known]:
        """All ids of a side that have plays; none where nothing is loaded.

        Args:
            side: of the ids.
        """
        with self._lock:
            if self._state is None:
                return []
            pool = self._state.pools[side]
            rows = self._state.pools[OTHER[side]].candidates.rows
            names, ids = pool.subjects.named(rows), pool.subjects.ids
            plays = pool.plays.per_artist[rows].tolist()
        counted = zip((ids[row] for row in rows.tolist()), plays, strict=True)
        return [Known(name, names.get(name), count) for name, count in counted]

    def explain(self, side: Side, found: Recommendation) -> Explained:
        """The reasons of every entry of a list, from what is known now.

        Args:
            side: for whom the list is.
            found: the list.

        Raises:
            NotReady: nothing is loaded.
        """
        with self.reading() as state:
            return explained(state.generation, self._following, side, found)

    def is_ahead_of(self, version: int) -> bool:
        """Whether plays changed after a version of the store, as far as this process has read.

        Args:
            version: up to which lists are right.
        """
        # Not the newest version: commits of maintenance, and repeated statements, change no list.
        return self._changed_after is not None and version <= self._changed_after

    @property
    def is_ready(self) -> bool:
        """Whether `reading` lends a state."""
        return self._state is not None

    @property
    def silent_s(self) -> float:
        """Seconds since it last read events of the store."""
        return self._following.meters.pulse.age_s()

    @property
    def followed(self) -> Followed:
        """What answers now."""
        state = self._state
        return Followed(state.generation.number, state.version) if state else NOTHING

    def follow(self, now_s: float) -> None:
        """Take in what was stored and published since the last call.

        Args:
            now_s: the time, of a monotonic clock.

        Raises:
            ConsumerError, TrainerError, OSError: the store or the model cannot be read; the next
                call tries again.
        """
        artifact = self._published()
        with self._lock:
            # Under one lock: filters and ranking must see the same venues.
            before = self._following.version
            heard = self._following.listen(now_s)
            # Kept until it is folded in: what follows may fail, and it is read only once.
            self._is_behind |= heard
            if heard and any(map(len, self._following.pending(1))):
                # Lists that are right up to `before` are behind: what came after it changed plays.
                self._changed_after = before
            told = self._facts.follow()
            if artifact is None or self._following.version is None:
                self._state = None
            elif self._is_other(artifact) or self._following.reread:
                self._begin(artifact)
            elif self._is_behind or told:
                self._fold_in()
            self._is_behind = False

    def _published(self) -> tuple[int, Artifact] | None:
        """The number and the model that apps see."""
        state = self._registry.state()
        if state.live_artifact is None or state.live_generation is None:
            return None
        path = self._models / state.live_artifact
        # Read before the lock is taken: it may have hundreds of megabytes.
        if self._artifact is None or self._artifact.path != path:
            self._artifact = load(path)
        return state.live_generation, self._artifact

    def _is_other(self, published: tuple[int, Artifact]) -> bool:
        held = self._state.generation if self._state else None
        return held is None or (held.number, held.artifact.path) != (
            published[0],
            published[1].path,
        )

    def _begin(self, published: tuple[int, Artifact]) -> None:
        """Load a generation, and fold in whatever its model was not fitted on."""
        number, artifact = published
        is_held = False
        # Ready meanwhile: readers wait for the lock, and what is half folded in is never read.
        try:
            generation = Generation.before_foldin(number, artifact)
            generation.fold(self._following, self._following.differing(artifact))
            self._following.all_done()
            self._hold(generation, None, ChangedRows(_NOTHING, _NOTHING))
            is_held = True
        finally:
            if not is_held:
                self._state = None
        logger.info("Answering from generation %d, store version %s.", number, self._version)

    def _fold_in(self) -> None:
        state = self._state
        if state is None:
            return
        # First: ids that are new get rows before a pool is made of them.
        state.generation.follow(self._following)
        self._hold(state.generation, state, ChangedRows(_NOTHING, _NOTHING))
        while any(map(len, waiting := self._following.pending(BLOCK))):
            solved = self._following.unsolved(waiting)
            state.generation.fold(self._following, solved)
            self._following.done(waiting)
            self._hold(state.generation, self._state, solved)

    def _hold(self, generation: Generation, before: State | None, solved: ChangedRows) -> None:
        changed = {"artist": solved.venues, "venue": solved.artists}
        pools = {
            side: pool(
                side,
                generation,
                self._following,
                before.pools[side] if before else None,
                changed[side],
            )
            for side in _SIDES
        }
        self._state = State(generation, self._version, pools, self._facts)

    @property
    def _version(self) -> int:
        return self._following.version or 0
