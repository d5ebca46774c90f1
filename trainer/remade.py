"""The live lists made again, from the journal, the artifact and the rows of the store.

Words used here:
    step: a moment at which lists were made: the staging of all, the swap, each fold-in since.
    last step: of an artist or venue, the one that made its live lists.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from consumer.merges import Merge
from serving.contract import VIEWS, Entry, View
from trainer.artifact import Artifact
from trainer.generation import Generation, changed_lists, defaults
from trainer.interactions import Interactions, Touched
from trainer.journal import History, Step
from trainer.lists import Lists
from trainer.matrix import Plays

Made = tuple[View, Mapping[str, Entry | None]]
Side = TypeVar("Side", Sequence[str], set[str])

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
        events: the rows of the store, `trainer.interactions.COLUMNS`.
        merges: all of the store.
        up_to_seq: fold-ins after that one are left out.

    Raises:
        NotRepeatable: the store cannot tell any more what was settled at some step.
    """

    def __init__(
        self,
        *,
        history: History,
        artifact: Artifact,
        events: pa.Table,
        merges: Sequence[Merge],
        up_to_seq: int,
    ) -> None:
        self._history = history
        self._artifact = artifact
        self._steps = [step for step in history.steps if step.seq <= up_to_seq]
        if any(step.merges != len(merges) for step in self._steps):
            raise NotRepeatable("ids were merged since")
        self._events, self._begin = _by_step(events, self._steps)
        self._state = Settled(Interactions(), Interactions().present())
        self._state.interactions.merge(merges)
        self._last = _last_steps(self._steps)
        self.defaults: Mapping[View, Entry] = {}

    def lists(self) -> Iterator[Made]:
        """All lists, each once, in blocks; None: the id has none. Then `defaults` is set.

        Raises:
            NotRepeatable: rows that were settled at a step are gone from the store.
        """
        self._settle(0)
        ids, model = self._state.interactions, self._artifact.model
        made = Generation.of(self._history.generation, self._artifact)
        made.follow(self._state)
        yield from self._untouched(self._lists(made))
        ids.artists.add_all(model.artist_ids)
        ids.venues.add_all(model.venue_ids)
        made = Generation.of(self._history.generation, self._artifact)
        for at, step in enumerate(self._steps[1:], start=1):
            self._settle(at)
            self._fold(made, step)
            lists = self._lists(made)
            if at == 1:
                self.defaults = defaults(lists)
            yield from self._touched(lists, at, step)

    def _settle(self, at: int) -> None:
        start, end = self._begin[at], self._begin[at + 1]
        state = self._state
        if end > start:
            state.interactions.settle(self._events.slice(start, end - start))
        state.plays = state.interactions.present()
        self._check(at)

    def _check(self, at: int) -> None:
        if self._state.interactions.events != self._steps[at].events:
            raise NotRepeatable("rows that were settled then are not in the store any more")

    def _fold(self, made: Generation, step: Step) -> None:
        ids = self._state.interactions
        ids.artists.add_all(step.artists)
        ids.venues.add_all(step.venues)
        self._state.plays = ids.present()
        made.fold(self._state, self._rows(step.artists, step.venues))

    def _lists(self, made: Generation) -> Lists:
        return made.lists(self._state, self._history.list_size)

    def _untouched(self, lists: Lists) -> Iterator[Made]:
        for view in VIEWS:
            last = self._last["venue" if view == "venue" else "artist"]
            kept = (made for made in lists.complete(view) if made[0] not in last)
            while block := dict(islice(kept, _BLOCK)):
                yield view, block

    def _touched(self, lists: Lists, at: int, step: Step) -> Iterator[Made]:
        artists = [name for name in step.artists if self._last["artist"][name] == at]
        venues = [name for name in step.venues if self._last["venue"][name] == at]
        if artists or venues:
            yield from changed_lists(lists, self._rows(artists, venues)).items()

    def _rows(self, artists: Sequence[str], venues: Sequence[str]) -> Touched:
        ids = self._state.interactions
        return Touched(
            np.sort(np.array(ids.artists.rows(artists), np.int32)),
            np.sort(np.array(ids.venues.rows(venues), np.int32)),
        )


def _last_steps(steps: Sequence[Step]) -> dict[str, dict[str, int]]:
    """By side and id, the last step that made its lists."""
    last: dict[str, dict[str, int]] = {"artist": {}, "venue": {}}
    for at, step in enumerate(steps):
        last["artist"].update(dict.fromkeys(step.artists, at))
        last["venue"].update(dict.fromkeys(step.venues, at))
    return last


def _by_step(events: pa.Table, steps: Sequence[Step]) -> tuple[pa.Table, NDArray[np.int64]]:
    """The rows in the order of the step that settled them first, and where each step begins."""
    first = _first_step(events, steps)
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
