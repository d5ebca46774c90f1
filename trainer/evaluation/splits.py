"""Splitting dated plays by time, and the ranking tasks on the later part.

The *cut* is the date of the play at position floor(share * n): train is all plays up to and
including that day, the rest is later. Ids are numbered by first appearance among all plays in
date order, so that those seen in train come first. A *view* asks for rankings of candidates
(all ids of the other side seen in train) for its *subjects*:

    known      subjects seen in train; targets: later pairs not in train; train pairs are masked
    new, new2, new3    subjects first seen later, with their first 1, 2, 3 plays as history;
               targets: their pairs after that, not in that history, which is masked
    night      the same with all plays of their first day as history
    returns    subjects seen in train; targets: all later pairs; nothing is masked

Later plays with ids of the other side that train never saw are dropped first.
"""

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from trainer.errors import BadSplit, NothingToFit
from trainer.plays.ids import Ids
from trainer.plays.matrix import DAY_MS, Plays

Direction = Literal["artist_to_venue", "venue_to_artist"]
DIRECTIONS: tuple[Direction, ...] = ("artist_to_venue", "venue_to_artist")
HISTORIES = (1, 2, 3)
"""Number of known plays of a new subject."""


@dataclass(frozen=True)
class Gigs:
    """Plays in date order, rows numbered by first appearance."""

    plays: Plays
    artist_ids: list[str]
    venue_ids: list[str]


@dataclass(frozen=True)
class Split:
    """Plays before and after a cut; both parts share their row numbers."""

    train: Plays
    later: Plays
    cut_ms: int
    artist_ids: list[str]
    venue_ids: list[str]


@dataclass(frozen=True)
class View:
    """One ranking task."""

    name: str
    direction: Direction
    subjects: NDArray[np.int32]
    """r rows: artists, or venues for `venue_to_artist`."""
    candidates: NDArray[np.int32]
    """c rows of the other side: 0, 1, ... c - 1."""
    plays: Plays
    """The known plays, artists x venues: train, and the histories of new subjects."""
    targets: csr_matrix
    """r x c."""
    masked: csr_matrix | None
    """r x c: pairs that must not be returned."""


class _Cells(NamedTuple):
    """Plays as seen from one direction, in date order."""

    subject: NDArray[np.int32]
    target: NDArray[np.int32]
    at_ms: NDArray[np.int64]

    def where(self, chosen: NDArray[np.bool_]) -> "_Cells":
        return _Cells(self.subject[chosen], self.target[chosen], self.at_ms[chosen])

    def codes(self, n_candidates: int) -> NDArray[np.int64]:
        """One number per pair, distinct and sorted."""
        # In 64 bits: 32 are too few from 46,341 x 46,341 pairs on.
        return np.unique(self.subject.astype(np.int64) * n_candidates + self.target)


class _Task(NamedTuple):
    """A view before it becomes matrices."""

    name: str
    history: _Cells
    targets: _Cells
    masked: _Cells | None


def ordered(table: pa.Table) -> Gigs:
    """Plays of a table with `artist_id`, `venue_id` (string) and `date` (date32, no nulls)."""
    table = table.take(pc.sort_indices(table["date"]))  # stable
    artists, venues = Ids(), Ids()
    artist, venue = artists.add(table["artist_id"]), venues.add(table["venue_id"])
    at_ms = table["date"].cast(pa.int32()).to_numpy().astype(np.int64) * DAY_MS
    plays = Plays(artist, venue, at_ms, len(artists), len(venues))
    return Gigs(plays, artists.ids, venues.ids)


def split(gigs: Gigs, share: float) -> Split:
    """Cut at the date of the play at position floor(share * n).

    Raises:
        BadSplit: the share is not between 0 and 1.
        NothingToFit: one of the parts is empty.
    """
    if not 0 < share < 1:
        raise BadSplit(f"split: {share} is not between 0 and 1; use a share such as 0.8")
    at_ms = gigs.plays.at_ms
    if not len(at_ms) or at_ms[int(share * len(at_ms))] == at_ms[-1]:
        raise NothingToFit(f"no play is later than the cut at {share:g}; use a smaller split")
    cut_ms = int(at_ms[int(share * len(at_ms))])
    size = int(np.searchsorted(at_ms, cut_ms, side="right"))
    train, later = slice_of(gigs.plays, slice(size)), slice_of(gigs.plays, slice(size, None))
    return Split(train, later, cut_ms, gigs.artist_ids, gigs.venue_ids)


def until(gigs: Gigs, cut_ms: int, end_ms: int) -> Split:
    """Train up to a date, and what came after it until another.

    Args:
        gigs: in date order.
        cut_ms: of the last plays of train.
        end_ms: of the last plays after it.
    """
    size, end = np.searchsorted(gigs.plays.at_ms, [cut_ms, end_ms], side="right").tolist()
    train, later = slice_of(gigs.plays, slice(size)), slice_of(gigs.plays, slice(size, end))
    return Split(train, later, cut_ms, gigs.artist_ids, gigs.venue_ids)


def views(parts: Split, direction: Direction) -> list[View]:
    """All views of one direction; a view may have no subjects."""
    train, later = _seen_from(parts.train, direction), _seen_from(parts.later, direction)
    n_subjects, n_candidates = _number(train.subject), _number(train.target)
    # Numbered by first appearance: what train never saw stands behind all that it saw.
    later = later.where(later.target < n_candidates)
    old = later.where(later.subject < n_subjects)
    new = later.where(later.subject >= n_subjects)
    nothing = train.where(np.zeros(len(train.at_ms), np.bool_))
    questions = [
        _Task("known", nothing, old, train),
        *(_newcomers(new, size) for size in HISTORIES),
        _first_night(new),
        _Task("returns", nothing, old, None),
    ]
    return [_view(question, direction, parts, n_candidates) for question in questions]


def _newcomers(new: _Cells, size: int) -> _Task:
    """The first `size` plays of each subject are known; the other pairs are targets."""
    order = np.argsort(new.subject, kind="stable")
    grouped = new.subject[order]
    rank = np.empty(len(order), np.int64)
    # By play, how many of its subject came before it: the sort keeps their order in time.
    rank[order] = np.arange(len(order)) - np.searchsorted(grouped, grouped)
    history = new.where(rank < size)
    return _Task("new" if size == 1 else f"new{size}", history, new, history)


def _first_night(new: _Cells) -> _Task:
    """The plays of each subject's first day are known; the other pairs are targets."""
    first_ms = np.full(_number(new.subject), np.iinfo(np.int64).max)
    np.minimum.at(first_ms, new.subject, new.at_ms)
    history = new.where(new.at_ms == first_ms[new.subject])
    return _Task("night", history, new, history)


def _view(question: _Task, direction: Direction, parts: Split, n_candidates: int) -> View:
    name, history, targets, masked = question
    wanted = targets.codes(n_candidates)
    hidden = None if masked is None else masked.codes(n_candidates)
    if hidden is not None:
        wanted = np.setdiff1d(wanted, hidden, assume_unique=True)
    subjects = np.unique(wanted // n_candidates).astype(np.int32)
    return View(
        name,
        direction,
        subjects,
        np.arange(n_candidates, dtype=np.int32),
        _joined(parts.train, history, direction),
        _matrix(wanted, subjects, n_candidates),
        None if hidden is None else _matrix(hidden, subjects, n_candidates),
    )


def _seen_from(plays: Plays, direction: Direction) -> _Cells:
    if direction == "artist_to_venue":
        return _Cells(plays.artist, plays.venue, plays.at_ms)
    return _Cells(plays.venue, plays.artist, plays.at_ms)


def _joined(train: Plays, history: _Cells, direction: Direction) -> Plays:
    """Train and the histories, artists x venues."""
    if not len(history.at_ms):
        return train
    own, other, at_ms = history
    artist, venue = (own, other) if direction == "artist_to_venue" else (other, own)
    return Plays(
        np.concatenate([train.artist, artist]),
        np.concatenate([train.venue, venue]),
        np.concatenate([train.at_ms, at_ms]),
        *train.shape,
    )


def _matrix(codes: NDArray[np.int64], subjects: NDArray[np.int32], width: int) -> csr_matrix:
    """Pairs of these subjects: subjects x width, True where stored; `codes` sorted."""
    row, column = np.divmod(codes[np.isin(codes // width, subjects)], width)
    ones = np.ones(len(row), np.bool_)
    at = np.searchsorted(subjects, row)
    return csr_matrix((ones, (at, column)), shape=(len(subjects), width))


def _number(rows: NDArray[np.int32]) -> int:
    return int(rows.max(initial=-1)) + 1


def slice_of(plays: Plays, part: slice) -> Plays:
    """These plays, rows numbered as before."""
    return Plays(plays.artist[part], plays.venue[part], plays.at_ms[part], *plays.shape)


def where(plays: Plays, chosen: NDArray[np.bool_]) -> Plays:
    """The chosen plays, rows numbered as before."""
    return Plays(plays.artist[chosen], plays.venue[chosen], plays.at_ms[chosen], *plays.shape)


def paired(gigs: Gigs, test: pa.Table) -> tuple[Split, View]:
    """All plays as train, and the test pairs that are not in it as one view, `test`.

    Targets may be venues that train never saw: no ranking can find those, and they count.
    """
    artists, venues = Ids(gigs.artist_ids), Ids(gigs.venue_ids)
    # Before the test pairs are added: their venues may be targets, and are no candidates.
    n_candidates = len(venues)
    artist, venue = artists.add(test["artist_id"]), venues.add(test["venue_id"])
    shape = len(artists), len(venues)
    train = replace(gigs.plays, n_artists=shape[0], n_venues=shape[1])
    later = Plays(artist, venue, np.zeros(len(artist), np.int64), *shape)
    played = _seen_from(train, "artist_to_venue")
    asked = _seen_from(later, "artist_to_venue")
    wanted = np.setdiff1d(asked.codes(shape[1]), played.codes(shape[1]), assume_unique=True)
    subjects = np.unique(wanted // shape[1]).astype(np.int32)
    view = View(
        "test",
        "artist_to_venue",
        subjects,
        np.arange(n_candidates, dtype=np.int32),
        train,
        _matrix(wanted, subjects, shape[1]),
        _matrix(played.codes(n_candidates), subjects, n_candidates),
    )
    cut_ms = int(gigs.plays.at_ms[-1])
    return Split(train, later, cut_ms, artists.ids, venues.ids), view
