"""The live lists made again, from the journal, the artifact and the rows of the store.

Words used here:
    step: a moment at which lists were made: the staging of all, the swap, each fold-in since.
    last step: of an artist or venue, the one that made its live lists.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from consumer.ids.merges import Merge
from consumer.ids.quarantines import Quarantines
from consumer.ids.visibility import Visibility
from serving.contract import VIEWS, Entry, View, side_of
from trainer.live.generation import Generation, changed_lists, defaults
from trainer.plays.interactions import ChangedRows, Interactions
from trainer.plays.matrix import Plays
from trainer.ranking.lists import Lists
from trainer.registry.artifact import Artifact
from trainer.registry.journal import History, Step

Made = tuple[View, Mapping[str, Entry | None]]

_BLOCK = 4096


class NotRepeatable(Exception):
    """The store no longer holds what the lists were made from; ``str`` says what is other."""


@dataclass
class Settled:
    """What was settled at a step; as `Following`, for a generation to look at."""

    interactions: Interactions
    plays: Plays


class Remade:
    """Makes every list as it was made.

    Args:
        history: of the live generation.
        artifact: its model.
        events: the rows of the store, `trainer.plays.interactions.COLUMNS`.
        merges: all of the store.
        visibility: all decisions of the store about hidden ids.
        quarantined: sources that do not count, by the store.
        up_to_seq: fold-ins after that one are left out.

    Raises:
        NotRepeatable: the store cannot tell any more what was settled at some step.
    """

    def __init__(
        self,
        history: History,
        artifact: Artifact,
        events: pa.Table,
        merges: Sequence[Merge],
        *,
        visibility: Sequence[Visibility],
        quarantined: Quarantines,
        up_to_seq: int,
    ) -> None:
        self._history = history
        self._artifact = artifact
        self._steps = [step for step in history.steps if step.seq <= up_to_seq]
        if any(step.merges != len(merges) for step in self._steps):
            raise NotRepeatable("ids were merged or unmerged since")
        if any(step.quarantined != quarantined for step in self._steps):
            raise NotRepeatable("sources were quarantined or released since")
        if any(step.visibility != len(visibility) for step in self._steps):
            raise NotRepeatable("ids were hidden or shown since")
        self._events, self._begin = _by_step(events, self._steps)
        self._ids = Interactions(quarantined)
        self._ids.merge(merges)
        self._ids.hide(visibility)
        self._last = _last_steps(self._steps)
        self.defaults: Mapping[View, Entry] = {}

    def lists(self) -> Iterator[Made]:
        """All lists, each once, in blocks; None: the id has none. Then `defaults` is set.

        Raises:
            NotRepeatable: rows that were settled at a step are gone from the store.
        """
        self._settle(0)
        made = self._fitted()
        made.follow(self._state())
        yield from self._untouched(self._lists(made))
        # The trainer numbers the model's ids before those that come since, and so do we.
        self._ids.artists.add_all(self._artifact.model.artist_ids)
        self._ids.venues.add_all(self._artifact.model.venue_ids)
        made = self._fitted()
        for at, step in enumerate(self._steps[1:], start=1):
            self._settle(at)
            if step.resumed:
                made = self._fitted()
            made.fold(self._state(step), self._rows(step.artists, step.venues))
            lists = self._lists(made)
            if at == 1:
                self.defaults = defaults(lists)
            yield from self._touched(lists, at, step)

    def _fitted(self) -> Generation:
        return Generation.before_foldin(self._history.generation, self._artifact)

    def _settle(self, at: int) -> None:
        start, end = self._begin[at], self._begin[at + 1]
        self._ids.settle(self._events.slice(start, end - start))
        if self._ids.events != self._steps[at].events:
            raise NotRepeatable("rows that were settled then are not in the store any more")

    def _state(self, step: Step | None = None) -> Settled:
        """What is settled now, with rows for all ids of a step."""
        if step is not None:
            self._ids.artists.add_all(step.artists)
            self._ids.venues.add_all(step.venues)
        return Settled(self._ids, self._ids.view())

    def _lists(self, made: Generation) -> Lists:
        return made.lists(self._state(), self._history.list_size)

    def _untouched(self, lists: Lists) -> Iterator[Made]:
        for view in VIEWS:
            last = self._last[side_of(view)]
            kept = (made for made in lists.complete(view) if made[0] not in last)
            while block := dict(islice(kept, _BLOCK)):
                yield view, block

    def _touched(self, lists: Lists, at: int, step: Step) -> Iterator[Made]:
        told = *step.artists, *step.mates
        artists = [name for name in told if self._last["artist"][name] == at]
        venues = [name for name in step.venues if self._last["venue"][name] == at]
        if artists or venues:
            yield from changed_lists(lists, self._rows(artists, venues)).items()

    def _rows(self, artists: Sequence[str], venues: Sequence[str]) -> ChangedRows:
        sides = self._ids.artists.rows(artists), self._ids.venues.rows(venues)
        return ChangedRows(*(np.sort(np.array(rows, np.int32)) for rows in sides))


def _last_steps(steps: Sequence[Step]) -> dict[str, dict[str, int]]:
    """By side and id, the last step that made its lists."""
    last: dict[str, dict[str, int]] = {"artist": {}, "venue": {}}
    for at, step in enumerate(steps):
        if step.resumed:
            continue
        last["artist"].update(dict.fromkeys((*step.artists, *step.mates), at))
        last["venue"].update(dict.fromkeys(step.venues, at))
    return last


def _by_step(events: pa.Table, steps: Sequence[Step]) -> tuple[pa.Table, NDArray[np.int64]]:
    """The rows in the order of the step that settled them first, and where each step begins."""
    first = _first_step(events, steps)
    # Stable: rows of one step keep the order of the store.
    order = np.argsort(first, kind="stable")
    begin = np.searchsorted(first[order], np.arange(len(steps) + 1))
    return events.take(pa.array(order[: begin[-1]])), begin


def _first_step(events: pa.Table, steps: Sequence[Step]) -> NDArray[np.int64]:
    """By row, the first step whose positions are beyond it; their number where none is."""
    first = np.full(len(events), len(steps))
    offsets = events["offset"].to_numpy()
    for (topic_id, partition), names in _partitions(steps).items():
        if len(names) > 1:
            raise NotRepeatable("rows of embedded brokers cannot be told apart")
        # Positions only grow, so that the steps of a partition can be bisected.
        own = pc.and_(
            pc.equal(events["topic_id"], topic_id), pc.equal(events["partition"], partition)
        ).to_numpy()
        reached = [step.positions.get(names[0], 0) for step in steps]
        first[own] = np.searchsorted(reached, offsets[own], side="right")
    return first


def _partitions(steps: Sequence[Step]) -> dict[tuple[str, int], list[str]]:
    """The app ids of each topic and partition, of different clusters where there are several."""
    found: dict[tuple[str, int], list[str]] = {}
    for name in {name for step in steps for name in step.positions}:
        topic_id, _, partition = name.partition("/")[2].rpartition("/")
        found.setdefault((topic_id, int(partition)), []).append(name)
    return found
