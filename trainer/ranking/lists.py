"""Top-N lists of artists and venues, ready to publish, from one model and the plays so far.

Candidates are the ids with at least one play; columns stand in id order, so that ties go to the
lower id, whatever row numbers they happen to have.

An id that was merged into another keeps lists of its own, equal to those of its target, since apps
may still ask for it. As an entry of a list only the target appears. A hidden id keeps its lists
too, and appears as an entry nowhere.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from consumer.table.schema import Side
from serving.contract import (
    SIDES,
    VIEWS,
    Entry,
    Kind,
    View,
    encode_head,
    has_returns,
    quoted,
    side_of,
)
from trainer.model.fit import Model
from trainer.plays.ids import Ids
from trainer.plays.interactions import Hidden
from trainer.plays.matrix import Plays, moved
from trainer.plays.merged_rows import Merged
from trainer.ranking import score
from trainer.ranking.history import History
from trainer.ranking.listed import Listed
from trainer.ranking.masked import excluded, visible
from trainer.ranking.part import index_of
from trainer.ranking.reasons import Explainer
from trainer.ranking.topn import TopN, top_n

Rows = NDArray[np.int32]
Changes = Mapping[str, Entry | None]
Ranked = Iterator[tuple[str, Entry]]
Encoded = Iterator[tuple[str, str]]
"""Ids, and their lists as `Entry.encode` gives them."""

_BLOCK = 4096
"""Rows whose lists are Python objects at the same time, at most."""
_CELLS = 1 << 24
"""Rows x candidates of a block, about: bill-mates and item-item may add to most of them."""
_LEAST = 512
"""Rows of a block, at least: for each block all candidates are packed again."""


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
        hidden: Hidden | None = None,
    ) -> None:
        self._model = model
        self._artists = artists
        self._venues = venues
        self._generation = generation
        self._size = size
        self._as_of = model.as_of_ms // 1000
        self._plays = plays
        self._mirrored = plays.transposed()
        self.artist_rows = self._plays.active_rows(artists)
        self.venue_rows = self._mirrored.active_rows(venues)
        self._merged_artists = merged_artists or Merged("artist", artists)
        self._merged_venues = merged_venues or Merged("venue", venues)
        hidden = hidden or {}
        self._may_show: dict[Side, NDArray[np.bool_]] = {
            "artist": visible(artists, hidden.get("artist", ()), self.artist_rows),
            "venue": visible(venues, hidden.get("venue", ()), self.venue_rows),
        }
        self._read(whole=False)

    @property
    def sizes(self) -> dict[View, int]:
        """How many lists a complete set holds, by view."""
        by_side = {side: len(self._owners(views[0])) for side, views in SIDES.items()}
        return {view: by_side[side_of(view)] for view in VIEWS}

    def complete(self, view: View) -> Ranked:
        """Every list of a view, block by block."""
        for block in self.blocks([view]):
            yield from block[view]

    def blocks(self, views: Sequence[View]) -> Iterator[Mapping[View, Ranked]]:
        """Every list of views of one side, block by block; the views share one score.

        Args:
            views: of artists, or of venues.
        """
        for part in self._parts(views[0]):
            yield {view: self._ranked(view, part, "model") for view in views}

    def encoded(self, views: Sequence[View]) -> Iterator[Mapping[View, Encoded]]:
        """The same as texts, without an object for each list.

        Args:
            views: of artists, or of venues.
        """
        ids, columns = self._targets(views[0])
        all_ids = ids.ids
        names = [quoted(all_ids[row]) for row in columns.tolist()]
        head = encode_head(self._generation, self._as_of, "model")
        for part in self._parts(views[0]):
            yield {view: self._listed(view, part).texts(head, names) for view in views}

    def changes(self, view: View, rows: Rows) -> Changes:
        """The lists of these rows; None for a row that has no plays left."""
        ids, _, same = self._subjects(view)
        # A merged id has no plays of its own: those of its target count.
        has_plays = self._plays_of(view).have_plays(same.mapped(rows))
        live, gone = rows[has_plays], rows[~has_plays]
        none: dict[str, Entry | None] = {ids[row]: None for row in gone.tolist()}
        return none | dict(self._ranked(view, live, "foldin"))

    def default(self, view: View) -> Entry:
        """The list for unknown ids: candidates by popularity."""
        model = self._model
        if side_of(view) == "venue":
            bias = score.everywhere(model.artists, model.weights.venues)
        else:
            bias = score.everywhere(model.venues, model.weights.artists)
        ids, columns = self._targets(view)
        columns = columns[self._shown(view)]
        # Stable: columns stand in id order, so that ties go to the lower id.
        ranked = np.argsort(-bias[columns], kind="stable")[: self._size]
        rows = columns[ranked]
        plays = [0] * len(rows) if has_returns(view) else None
        names = [ids[row] for row in rows.tolist()]
        return self._entry("popular", names, bias[rows].tolist(), plays)

    def explainer(self, side: Side, *, whole: bool = False) -> Explainer:
        """Gives the reasons of entries of this side's lists, from the same model and plays.

        Args:
            side: for whom the lists are.
            whole: read all plays at the first list: worth it for more than some ten lists.
        """
        plays, columns = (
            (self._plays, self.venue_rows)
            if side == "artist"
            else (self._mirrored, self.artist_rows)
        )
        # A history of its own: that of the lists is replaced while blocks are made.
        history = History(plays, self._model.as_of_ms, whole=whole)
        subjects: score.Subjects = "artists" if side == "artist" else "venues"
        return Explainer(subjects, self._model, history, columns)

    def _read(self, *, whole: bool) -> None:
        plays = {"artist": self._plays, "venue": self._mirrored}
        self._histories = {
            side: History(own, self._model.as_of_ms, whole=whole) for side, own in plays.items()
        }
        self._scores: dict[str, tuple[Rows, score.LinearScore]] = {}
        self._met: dict[str, tuple[Rows, sp.csr_matrix]] = {}

    def _subjects(self, view: View) -> tuple[Ids, Rows, Merged]:
        if side_of(view) == "venue":
            return self._venues, self.venue_rows, self._merged_venues
        return self._artists, self.artist_rows, self._merged_artists

    def _owners(self, view: View) -> Rows:
        """Rows that have a list: those with plays, and rows merged into one of those."""
        _, playing, same = self._subjects(view)
        return np.append(playing, np.setdiff1d(same.family(playing), playing)) if same else playing

    def _targets(self, view: View) -> tuple[Ids, Rows]:
        if side_of(view) == "venue":
            return self._artists, self.artist_rows
        return self._venues, self.venue_rows

    def _shown(self, view: View) -> NDArray[np.bool_]:
        """Which candidates of a view are not hidden."""
        return self._may_show["artist" if side_of(view) == "venue" else "venue"]

    def _parts(self, view: View) -> Iterator[Rows]:
        """All owners, a block at a time."""
        rows, (_, columns) = self._owners(view), self._targets(view)
        self._read(whole=True)
        size = min(_BLOCK, max(_LEAST, _CELLS // max(len(columns), 1)))
        for start in range(0, len(rows), size):
            yield rows[start : start + size]

    def _ranked(self, view: View, rows: Rows, kind: Kind) -> Ranked:
        targets, columns = self._targets(view)
        names, found = targets.ids, columns.tolist()
        for owner, (listed, scores, plays) in self._listed(view, rows).rows():
            ids = [names[found[column]] for column in listed]
            yield owner, self._entry(kind, ids, scores, plays)

    def _listed(self, view: View, rows: Rows) -> Listed:
        subjects, _, same = self._subjects(view)
        _, columns = self._targets(view)
        # Merged ids share one list: it is ranked once.
        distinct, index = np.unique(same.mapped(rows), return_inverse=True)
        played = self._played(view, distinct, columns)
        returns = has_returns(view)
        exclude = excluded(len(distinct), self._shown(view), None if returns else played)
        # No list is longer than there are candidates: the rest would be filling.
        size = min(self._size, max(len(columns), 1))
        found = top_n(self._score(view, distinct, columns), size, exclude=exclude)
        best = TopN(found.cols[index], found.scores[index])
        names = subjects.ids
        owners = [names[row] for row in rows.tolist()]
        plays = _values(played, found.cols)[index] if returns else None
        return Listed(owners, best, plays)

    def _plays_of(self, view: View) -> Plays:
        return self._mirrored if side_of(view) == "venue" else self._plays

    def _score(self, view: View, rows: Rows, columns: Rows) -> score.LinearScore:
        """The score of these rows; kept, as views of a side differ in what is masked only."""
        side = side_of(view)
        held = self._scores.get(side)
        if held is None or not np.array_equal(held[0], rows):
            formula = score.artists_for_venues if side == "venue" else score.venues_for_artists
            # One score is kept, not one a block: it may take a gigabyte.
            held = rows, formula(self._model, self._histories[side], rows, columns)
            self._scores[side] = held
        return held[1]

    def _played(self, view: View, rows: Rows, columns: Rows) -> sp.csr_matrix:
        """Number of plays of these rows by candidate; kept, as the score is."""
        side = side_of(view)
        held = self._met.get(side)
        if held is None or not np.array_equal(held[0], rows):
            own = self._plays_of(view).counts_of(rows)
            held = rows, moved(own, index_of(columns, own.shape[1]), len(columns))
            self._met[side] = held
        return held[1]

    def _entry(
        self, kind: Kind, ids: list[str], scores: list[float], plays: list[int] | None
    ) -> Entry:
        return Entry(
            generation=self._generation,
            as_of=self._as_of,
            kind=kind,
            ids=ids,
            scores=scores,
            plays=plays,
        )


def _values(matrix: sp.csr_matrix, columns: Rows) -> Rows:
    """The value of each row at its columns; 0 where nothing is stored, undefined at -1."""
    if not matrix.nnz:
        return np.zeros_like(columns)
    rows = np.repeat(np.arange(len(columns)), columns.shape[1])
    return np.asarray(matrix[rows, columns.ravel()]).reshape(columns.shape)
