"""Top-N lists of artists and venues, ready to publish, from one model and the plays so far.

Candidates are the ids with at least one play; columns stand in id order, so that ties go to the
lower id, whatever row numbers they happen to have.

An id that was merged into another one has that one's lists under its own name, so that what apps
remember goes on working; as an entry of a list, only the one that it became appears.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from serving.contract import Entry, Kind, View
from trainer import score
from trainer.ids import Ids
from trainer.matrix import Plays
from trainer.merged import Merged
from trainer.model import Model
from trainer.topn import TopN, top_n

Rows = NDArray[np.int32]
Changes = Mapping[str, Entry | None]
Ranked = Iterator[tuple[str, Entry]]

_BLOCK = 4096
"""Rows whose lists are held as Python objects at a time."""


class Lists:
    """The lists of one generation. `model` is aligned to `artists` and `venues`."""

    def __init__(
        self,
        *,
        model: Model,
        plays: Plays,
        artists: Ids,
        venues: Ids,
        generation: int,
        size: int,
        merged_artists: Merged | None = None,
        merged_venues: Merged | None = None,
    ) -> None:
        self._model = model
        self._artists = artists
        self._venues = venues
        self._generation = generation
        self._size = size
        self._plays = plays
        self._mirrored = plays.mirrored()
        self.artist_rows = self._plays.playing(artists)
        self.venue_rows = self._mirrored.playing(venues)
        self._merged_artists = merged_artists or Merged("artist", artists)
        self._merged_venues = merged_venues or Merged("venue", venues)

    @property
    def sizes(self) -> dict[View, int]:
        """How many lists a complete set holds, by view."""
        artists, venues = len(self._owners("artist")), len(self._owners("venue"))
        return {"artist": artists, "artist:returns": artists, "venue": venues}

    def complete(self, view: View) -> Ranked:
        """Every list of a view, block by block."""
        rows = self._owners(view)
        for start in range(0, len(rows), _BLOCK):
            yield from self._ranked(view, rows[start : start + _BLOCK], "model")

    def changes(self, view: View, rows: Rows) -> Changes:
        """The lists of these rows; None for a row that has no plays left."""
        ids, _, same = self._subjects(view)
        has_plays = self._plays_of(view).have_plays(same.mapped(rows))
        live, gone = rows[has_plays], rows[~has_plays]
        none: dict[str, Entry | None] = {ids[row]: None for row in gone.tolist()}
        return none | dict(self._ranked(view, live, "foldin"))

    def default(self, view: View) -> Entry:
        """What an app shows to somebody who never played: the popular list."""
        side = self._model.artists if view == "venue" else self._model.venues
        ids, columns = self._targets(view)
        ranked = np.argsort(-side.bias[columns], kind="stable")[: self._size]
        rows = columns[ranked]
        plays = [0] * len(rows) if view == "artist:returns" else None
        names = [ids[row] for row in rows.tolist()]
        return self._entry("popular", names, side.bias[rows].tolist(), plays)

    def _subjects(self, view: View) -> tuple[Ids, Rows, Merged]:
        if view == "venue":
            return self._venues, self.venue_rows, self._merged_venues
        return self._artists, self.artist_rows, self._merged_artists

    def _owners(self, view: View) -> Rows:
        """Rows that have a list: those with plays, and those that were merged into one of them."""
        _, playing, same = self._subjects(view)
        return np.append(playing, np.setdiff1d(same.family(playing), playing)) if same else playing

    def _targets(self, view: View) -> tuple[Ids, Rows]:
        if view == "venue":
            return self._artists, self.artist_rows
        return self._venues, self.venue_rows

    def _ranked(self, view: View, rows: Rows, kind: Kind) -> Ranked:
        subjects, _, same = self._subjects(view)
        targets, columns = self._targets(view)
        counted = same.mapped(rows)
        distinct, place = np.unique(counted, return_inverse=True)
        own = self._plays_of(view).counts_of(distinct)
        played = _among(own[place], columns)
        returns = view == "artist:returns"
        best = top_n(
            self._score(view, _spread(own, distinct, len(subjects)), counted, columns),
            self._size,
            exclude=None if returns else played,
        )
        names = subjects.ids
        owners = [names[row] for row in rows.tolist()]
        plays = _values(played, best.cols) if returns else None
        return zip(owners, self._entries(kind, targets.ids, columns, best, plays), strict=True)

    def _entries(
        self, kind: Kind, names: list[str], columns: Rows, best: TopN, plays: Rows | None
    ) -> Iterator[Entry]:
        """Row by row of `best`; whole blocks become Python objects at once, which is quicker."""
        rows = np.append(columns, np.int32(-1))[best.cols].tolist()  # place -1 is the last
        sizes = (best.cols >= 0).sum(axis=1).tolist()
        counted = [None] * len(rows) if plays is None else plays.tolist()
        for size, found, scores, times in zip(
            sizes, rows, best.scores.tolist(), counted, strict=True
        ):
            ids = [names[row] for row in found[:size]]
            yield self._entry(kind, ids, scores[:size], times and times[:size])

    def _plays_of(self, view: View) -> Plays:
        return self._mirrored if view == "venue" else self._plays

    def _score(
        self, view: View, played: sp.csr_matrix, rows: Rows, columns: Rows
    ) -> score.LinearScore:
        """Of `rows`, whose plays are in `played`: all rows x all columns, others' left out."""
        if view == "venue":
            return score.artists_for_venues(self._model, played.T, rows, columns)
        return score.venues_for_artists(self._model, played, rows, columns)

    def _entry(
        self, kind: Kind, ids: list[str], scores: list[float], plays: list[int] | None
    ) -> Entry:
        return Entry(
            generation=self._generation,
            as_of=self._model.as_of_ms // 1000,
            kind=kind,
            ids=ids,
            scores=scores,
            plays=plays,
        )


def _among(own: sp.csr_matrix, columns: Rows) -> sp.csr_matrix:
    """The same rows over these columns, in this order; what is stored is in one of them."""
    place = np.empty(own.shape[1], np.int32)
    place[columns] = np.arange(len(columns), dtype=np.int32)
    shape = own.shape[0], len(columns)
    moved = sp.csr_matrix((own.data, place[own.indices], own.indptr), shape=shape)
    moved.sort_indices()
    return moved


def _spread(own: sp.csr_matrix, rows: Rows, n: int) -> sp.csr_matrix:
    """A matrix of n rows that has those of `own` at `rows`, ascending, and nothing else."""
    indptr = np.zeros(n + 1, own.indptr.dtype)
    indptr[rows + 1] = np.diff(own.indptr)
    return sp.csr_matrix((own.data, own.indices, np.cumsum(indptr)), shape=(n, own.shape[1]))


def _values(matrix: sp.csr_matrix, columns: Rows) -> Rows:
    """What each row holds at its columns; 0 where it stores nothing, anything at -1."""
    if not matrix.nnz:
        return np.zeros_like(columns)
    rows = np.repeat(np.arange(len(columns)), columns.shape[1])
    return np.asarray(matrix[rows, columns.ravel()]).reshape(columns.shape)
