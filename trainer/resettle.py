"""Two stores settled side by side: whether they add up to the same plays."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer.chunk import Pieces
from consumer.tail import Tail
from trainer.fingerprints import differing, fingerprints
from trainer.interactions import CODED, COLUMNS, Interactions, Totals

Place = tuple[str, int]
"""A topic id and the number of a partition."""
Between = tuple[int, int]
"""The first offset, and the one after the last."""


@dataclass(frozen=True)
class Settlement:
    """What two stores add up to.

    Attributes:
        first: of the rows that both can hold.
        second: of all rows.
        artists: how many have other plays in the one than in the other.
        venues: likewise.
    """

    first: Totals
    second: Totals
    artists: int
    venues: int

    @property
    def equal(self) -> bool:
        """Whether they are the same to the last play."""
        return self.first == self.second and not self.artists and not self.venues


def settle_both(first: Path, second: Path, within: Mapping[Place, Between]) -> Settlement:
    """Settle two stores and compare.

    Args:
        first: a store.
        second: another one.
        within: which rows of the first count.

    Raises:
        StoreDamaged: one of them cannot be read.
    """
    ours, theirs = _settled(first, within), _settled(second, None)
    ours.artists.add_all(theirs.artists.ids)
    ours.venues.add_all(theirs.venues.ids)
    mine = fingerprints(ours.plays(), ours.artists, ours.venues)
    others = fingerprints(theirs.plays(), theirs.artists, theirs.venues)
    return Settlement(
        first=ours.totals(),
        second=theirs.totals(),
        artists=len(differing(ours.artists, mine.artists, theirs.artists.ids, others.artists)),
        venues=len(differing(ours.venues, mine.venues, theirs.venues.ids, others.venues)),
    )


def _settled(store: Path, within: Mapping[Place, Between] | None) -> Interactions:
    taken = Tail(store, columns=COLUMNS, coded=CODED).take(partial(_taken, within))
    return taken or Interactions()


def _taken(within: Mapping[Place, Between] | None, pieces: Pieces) -> Interactions:
    interactions, chosen = Interactions(), partial(_chosen, within=within)
    interactions.merge(pieces.chunk.merges)
    interactions.settle_all(map(chosen, pieces.events), pieces.rows)
    return interactions


def _chosen(events: pa.Table, within: Mapping[Place, Between] | None) -> pa.Table:
    return events if within is None else events.filter(_kept(events, within))


def _kept(events: pa.Table, within: Mapping[Place, Between]) -> pa.Array:
    kept = np.zeros(len(events), np.bool_)
    for (topic_id, partition), (begin, end) in within.items():
        own = pc.and_(
            pc.equal(events["topic_id"], topic_id), pc.equal(events["partition"], partition)
        )
        offsets = events["offset"].to_numpy()
        kept |= own.to_numpy() & (offsets >= begin) & (offsets < end)
    return pa.array(kept)
