"""A whole store, settled, at its newest or at an earlier version."""

from functools import partial
from pathlib import Path

from consumer.ids.quarantines import Quarantines
from consumer.store.chunk import Chunk, Pieces
from consumer.store.reader import ReaderState, StoreReader, take_at
from trainer.plays.interactions import READ_CODED, READ_COLUMNS, Interactions


def settled(
    store: Path, saved: tuple[Interactions, ReaderState] | None = None
) -> tuple[Interactions, Chunk] | None:
    """The whole store as it is, settled, and what else it says; None where there is none.

    Args:
        store: its folder.
        saved: a snapshot of its settled state, to read only newer commits. The chunk's `dead`
            then counts only those commits, too.

    Raises:
        StoreDamaged, StoreNewer: it cannot be read.
    """
    tail = StoreReader(store, columns=READ_COLUMNS, coded=READ_CODED)
    if saved is not None:
        interactions, known = saved
        events = interactions.events
        resumed = tail.resume(known, partial(_settled, interactions))
        if resumed is not None:
            # Files may have been compacted since, so some of these rows may have been known.
            interactions.events = events + resumed.rows
            return resumed.result
        tail = StoreReader(store, columns=READ_COLUMNS, coded=READ_CODED)
    return tail.take(_settled_whole)


def settled_under(store: Path, quarantines: Quarantines) -> Interactions:
    """The whole store as it is, settled as if these sources were quarantined, and no others.

    Raises:
        StoreDamaged, StoreNewer: it cannot be read.
    """

    def settle(pieces: Pieces) -> Interactions:
        return _settled(Interactions(quarantines), pieces)[0]

    found = StoreReader(store, columns=READ_COLUMNS, coded=READ_CODED).take(settle)
    return found or Interactions(quarantines)


def settled_at(store: Path, version: int) -> tuple[Interactions, Chunk]:
    """The same as it was at one version.

    Raises:
        VersionGone, StoreDamaged, StoreNewer: see `consumer.store.reader.take_at`.
    """
    return take_at(store, version, _settled_whole, columns=READ_COLUMNS, coded=READ_CODED)


def _settled_whole(pieces: Pieces) -> tuple[Interactions, Chunk]:
    return _settled(Interactions(pieces.chunk.quarantines), pieces)


def _settled(interactions: Interactions, pieces: Pieces) -> tuple[Interactions, Chunk]:
    interactions.merge(pieces.chunk.merges)
    interactions.hide(pieces.chunk.visibility)
    interactions.settle_all(pieces.events, pieces.rows)
    return interactions, pieces.chunk
