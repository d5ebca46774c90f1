"""The store as the trainer knows it: settled so far, and what changed since lists were made."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from consumer.chunk import Chunk, Pieces
from consumer.erasures import NONE, Erasures
from consumer.merges import Side
from consumer.tail import Tail, take_at
from trainer.artifact import Artifact
from trainer.fingerprints import differing, fingerprints
from trainer.ids import Ids
from trainer.interactions import CODED, COLUMNS, Interactions, Touched
from trainer.journal import Step
from trainer.matrix import Plays
from trainer.snapshot import Snapshots

logger = logging.getLogger(__name__)


class Settled(Protocol):
    """What lists are made from."""

    interactions: Interactions
    plays: Plays


NOTHING = Touched(np.empty(0, np.int32), np.empty(0, np.int32))


class Following:
    """Follows the store commit by commit.

    Args:
        store: its folder.
        snapshots: where the settled state of an earlier process may lie; None: begin anew.
    """

    def __init__(self, store: Path, snapshots: Snapshots | None = None) -> None:
        self.snapshots = snapshots
        self._tail = Tail(store, columns=COLUMNS, coded=CODED)
        self._chunk: Chunk | None = None
        self._artists: set[int] = set()
        self._venues: set[int] = set()
        self.interactions = Interactions()
        self.plays: Plays = self.interactions.present()
        self.first_change_s: float | None = None  # since the last refit began
        self.last_change_s = 0.0
        self.merged = False
        """Whether lists of untouched artists and venues may show ids that were merged since."""
        self.erasures = NONE
        self.erased = False
        """Whether ids were erased since this was last set back."""
        self.knew_erased = False
        """Whether any of those was among the ids settled before."""

    @property
    def version(self) -> int | None:
        """The newest store version settled, None before the first."""
        return self._chunk.version if self._chunk else None

    @property
    def offsets(self) -> dict[str, int]:
        """Next offset by app id (see `consumer.store`), as of `version`."""
        return dict(self._chunk.positions) if self._chunk else {}

    def listen(self, now_s: float, reference: Artifact | None) -> bool:
        """Settle what was stored since the last look. Returns whether anything was.

        Args:
            now_s: the time.
            reference: what a store that must be read anew is compared with.
        """
        taker = partial(self._take, reference)
        touched = self._resumed(taker) if self._chunk is None else None
        if touched is None:
            touched = self._tail.take(taker)
        if touched is None:
            return False
        self._note(touched, now_s)
        self._note_place()
        return True

    def _take(self, reference: Artifact | None, pieces: Pieces) -> Touched:
        """Settle what came; where that breaks off, what comes next is anew."""
        chunk = pieces.chunk
        self._hear_erasures(chunk.erasures)  # by the ids that were settled before
        ours = self._forgotten() if chunk.anew else self.interactions
        touched = self._settle(ours, pieces)
        self._chunk, self.interactions, self.plays = chunk, ours, ours.present()
        if not chunk.anew:
            return touched
        return self.differing(reference) if reference else NOTHING

    def _resumed(self, taker: Callable[[Pieces], Touched]) -> Touched | None:
        """What came since the snapshot, which is taken over; None where there is none to use."""
        saved = self.snapshots.load() if self.snapshots else None
        if saved is None:
            return None
        self.interactions, events = saved.interactions, saved.interactions.events
        resumed = self._tail.resume(saved.known, taker)
        if resumed is None:
            logger.info("What was settled is of another state of the store: settling it anew.")
            self.interactions = Interactions()
            return None
        # Some of these rows may have been known: files were compacted since.
        self.interactions.events = events + resumed.rows
        logger.info("Went on from version %d of the store, settled before.", saved.known.version)
        return resumed.made

    def _settle(self, ours: Interactions, pieces: Pieces) -> Touched:
        merged = ours.merge(pieces.chunk.merges)
        self.merged = self.merged or any(map(len, merged))
        return _both(merged, ours.settle_all(pieces.events, pieces.rows))

    def differing(self, artifact: Artifact) -> Touched:
        """The rows whose plays are not those that the artifact's model was fitted on.

        Ids that the artifact knows and the store no longer does get a row, so that their lists go;
        erased ids get none.
        """
        ours, model, theirs = self.interactions, artifact.model, artifact.fingerprints
        gone = self.erasures.gone
        ours.artists.add_all(name for name in model.artist_ids if not gone("artist", name))
        ours.venues.add_all(name for name in model.venue_ids if not gone("venue", name))
        self.plays = ours.present()
        prints = fingerprints(ours.plays(), ours.artists, ours.venues)
        touched = Touched(
            differing(ours.artists, prints.artists, model.artist_ids, theirs.artists),
            differing(ours.venues, prints.venues, model.venue_ids, theirs.venues),
        )
        return ours.with_merged(touched)

    def step(self, seq: int, touched: Touched = NOTHING) -> Step:
        """A note of what is settled, as the lists of the touched are made from it."""
        ids = self.interactions
        return Step(
            seq=seq,
            positions=self.offsets,
            events=ids.events,
            merges=len(self._chunk.merges) if self._chunk else 0,
            artists=[ids.artists[row] for row in touched.artists.tolist()],
            venues=[ids.venues[row] for row in touched.venues.tolist()],
        )

    def pending(self, most: int) -> Touched:
        """Rows that wait to be folded in, at most so many of a kind."""
        return Touched(_first(self._artists, most), _first(self._venues, most))

    def done(self, touched: Touched) -> None:
        """These rows are folded in and published."""
        self._artists.difference_update(touched.artists.tolist())
        self._venues.difference_update(touched.venues.tolist())

    def all_done(self) -> None:
        """Everything settled so far is published."""
        self._artists.clear()
        self._venues.clear()

    def _hear_erasures(self, erasures: Erasures) -> None:
        if len(erasures) > len(self.erasures):
            self.erasures, self.erased = erasures, True
            known: dict[Side, Ids] = {
                "artist": self.interactions.artists,
                "venue": self.interactions.venues,
            }
            found = (erasures.gone(side, name) for side, ids in known.items() for name in ids.ids)
            self.knew_erased = self.knew_erased or any(found)

    def _forgotten(self) -> Interactions:
        """To begin anew with; what is settled until now stays until that is done."""
        if self.snapshots:
            self.snapshots.clear()
        self.all_done()
        return Interactions()

    def _note_place(self) -> None:
        place = self._tail.place
        if place and self.snapshots and self._chunk and not self._chunk.anew:
            self.snapshots.note(*place)

    def _note(self, touched: Touched, now_s: float) -> None:
        if self.first_change_s is None:
            self.first_change_s = now_s
        self.last_change_s = now_s
        self._artists.update(touched.artists.tolist())
        self._venues.update(touched.venues.tolist())


def settled(store: Path) -> tuple[Interactions, Chunk] | None:
    """The whole store as it is, settled, and what else it says; None where there is none.

    Raises:
        StoreDamaged, StoreNewer: it cannot be read.
    """
    return Tail(store, columns=COLUMNS, coded=CODED).take(_settled)


def settled_at(store: Path, version: int) -> tuple[Interactions, Chunk]:
    """The same as it was at one version.

    Raises:
        VersionGone, StoreDamaged, StoreNewer: see `consumer.tail.take_at`.
    """
    return take_at(store, version, _settled, columns=COLUMNS, coded=CODED)


def _settled(pieces: Pieces) -> tuple[Interactions, Chunk]:
    interactions = Interactions()
    interactions.merge(pieces.chunk.merges)
    interactions.settle_all(pieces.events, pieces.rows)
    return interactions, pieces.chunk


def _both(one: Touched, other: Touched) -> Touched:
    return Touched(*(np.union1d(*rows).astype(np.int32) for rows in zip(one, other, strict=True)))


def _first(rows: set[int], most: int) -> NDArray[np.int32]:
    return np.array(sorted(rows)[:most], np.int32)
