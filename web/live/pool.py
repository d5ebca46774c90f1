"""The candidates for subjects of one side, in rank order, kept from request to request.

Words used here:
    subject: whom a list is for.
    candidate: what may be in the list; of the other side, with at least one play.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from serving.lookup import Side
from trainer.live.following import Following
from trainer.live.generation import Generation
from trainer.model.fit import Model
from trainer.plays.ids import Ids, Names
from trainer.plays.matrix import DAY_MS, Plays
from trainer.plays.merged_rows import Merged
from trainer.ranking.history import History
from trainer.ranking.part import Candidates, index_of
from trainer.ranking.score import Subjects

Rows = NDArray[np.int32]

SUBJECTS: dict[Side, Subjects] = {"artist": "artists", "venue": "venues"}
OTHER: dict[Side, Side] = {"artist": "venue", "venue": "artist"}


@dataclass(frozen=True)
class IdTable:
    """The ids of one side: their rows, what they count as, and their names."""

    ids: Ids
    merged: Merged
    names: Names

    def row(self, identity: str) -> int | None:
        """The row that an id counts as; None where it was never seen."""
        row = self.ids.row(identity)
        return None if row is None else int(self.merged.mapped(np.array([row], np.int32))[0])

    def rows(self, identities: frozenset[str]) -> Rows:
        """The rows that these ids count as; unknown ones are left out."""
        found = [row for row in map(self.ids.row, identities) if row is not None]
        return self.merged.mapped(np.array(found, np.int32))

    def names_of(self, identities: Sequence[str]) -> dict[str, str]:
        """Known display names by id; unknown ids are left out."""
        rows = [row for row in map(self.ids.row, identities) if row is not None]
        return self.named(np.array(rows, np.int32))

    def named(self, rows: NDArray[np.integer]) -> dict[str, str]:
        """Known display names of these rows, by id."""
        return self.names.for_rows(self.ids, rows.astype(np.int32))


@dataclass(frozen=True)
class Pool:
    """All that ranking for a subject of one side needs, at one state of the live model.

    Borrowed: valid until the next fold-in.
    """

    side: Side
    """Of the subjects."""
    model: Model
    plays: Plays
    """Subjects x candidates' side."""
    subjects: IdTable
    targets: IdTable
    candidates: Candidates
    hidden: Rows
    """Rows of the candidates' side that no list may show."""
    history: History

    def own(self, row: int) -> Plays:
        """The plays of one subject, which becomes row 0."""
        return self.plays.for_artists(np.array([row], np.int32))

    @cached_property
    def play_days(self) -> tuple[Rows, NDArray[np.int64]]:
        """By play: the row of the candidates' side, and its day since 1970 (UTC)."""
        return self.plays.venue, self.plays.at_ms // DAY_MS

    def busy_on(self, day: int) -> Rows:
        """Rows of the candidates' side that have a play on that day since 1970."""
        # Looks at every play: few requests ask for a day, and an index would cost each fold-in.
        rows, days = self.play_days
        return np.unique(rows[days == day])


def id_tables(following: Following) -> dict[Side, IdTable]:
    """The ids of both sides."""
    known = following.interactions
    return {
        "artist": IdTable(known.artists, known.merged_artists, known.artist_names),
        "venue": IdTable(known.venues, known.merged_venues, known.venue_names),
    }


def pool(
    side: Side, generation: Generation, following: Following, before: Pool | None, changed: Rows
) -> Pool:
    """The pool after a fold-in.

    Args:
        side: of the subjects.
        generation: folded in.
        following: what is settled.
        before: the pool of the same generation before the fold-in, which must not be used any
            more; None: none.
        changed: rows of the candidates' side that were solved since.
    """
    model, tables = generation.model, id_tables(following)
    plays = following.plays if side == "artist" else following.plays.transposed()
    targets = tables[OTHER[side]]
    rows = plays.transposed().active_rows(targets.ids)
    ranked = Candidates(model.venues if side == "artist" else model.artists, rows)
    if before is not None:
        _carry_over(before.candidates, ranked, changed)
    hidden = targets.rows(frozenset(following.interactions.hidden.get(OTHER[side], ())))
    history = History(plays, model.as_of_ms)
    return Pool(side, model, plays, tables[side], targets, ranked, hidden, history)


def _carry_over(before: Candidates, after: Candidates, changed: Rows) -> None:
    """Take the arrays over, with the changed rows written into them."""
    # A new candidate shifts the others: then all arrays are made again.
    if not np.array_equal(before.rows, after.rows):
        return
    places = index_of(after.rows, len(after.side))[changed]
    places, rows = places[places >= 0], changed[places >= 0]
    for name in ("factors", "bias", "yearly", "liveness"):
        held = getattr(before, name)
        # In place, as readers wait: copying the factors of 20,000 venues takes 5 ms.
        held[places] = getattr(after.side, name)[rows]
        vars(after)[name] = held
