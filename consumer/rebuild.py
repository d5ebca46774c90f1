"""A second store, made from the topic: the same records, the same positions.

Its own positions say how far it is, so that a rebuild that was killed is run again and goes on.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from consumer import decisions, log, rows
from consumer.audit import positions
from consumer.batch import Batch
from consumer.carrying import carry_over
from consumer.errors import NothingStored, StoreUnusable
from consumer.framing import Unframe
from consumer.incarnation import refuse_another
from consumer.marks import Mark
from consumer.places import Places
from consumer.recount import Compared, Recount
from consumer.retained import Retained
from consumer.settings import ConsumerSettings
from consumer.store import Store
from consumer.topic import Topic, identify
from consumer.unframing import schema_registry


@dataclass(frozen=True)
class Rebuilt:
    """What came of it.

    Attributes:
        topic: the one that was read.
        added: records stored by this run.
        partitions: the first store compared with the second.
        others: rows of the first store that are of other topics.
    """

    topic: Topic
    added: int
    partitions: Mapping[int, Compared]
    others: int


def rebuild(
    settings: ConsumerSettings, target: Path, share: Callable[[float | None], None]
) -> Rebuilt:
    """Make, or finish, a second store of what the topic still holds below the store's positions.

    Args:
        settings: the topic and the first store.
        target: folder of the second one.
        share: told how much is done, 0 to 1.

    Raises:
        NothingStored: there is no first store.
        StoreUnusable: `target` is the first store, or has read other topics.
        ConsumerError: what else keeps it from going on; run it again.
    """
    topic = identify(settings)
    with closing(Mark(settings.store)):  # its files stay until they are compared
        snapshot = log.replay(settings.store)
        if snapshot is None:
            raise NothingStored(settings.store)
        refuse_another(topic, snapshot.positions, settings)
        _refuse(settings.store, target, topic)
        _carry_over(settings.store, target)
        filled = _filled(settings, topic, target, positions(topic, snapshot), share)
        first = Places.of(settings.store, snapshot.files.values())
    recount = _compared(first, _places(target), filled)
    return Rebuilt(topic, filled.added, recount.finish(), first.others(topic.topic_id, filled.ends))


class _Filled(NamedTuple):
    """What the second store was filled with."""

    topic: Topic
    lows: Mapping[int, int]
    ends: Mapping[int, int]
    added: int


def _filled(
    settings: ConsumerSettings,
    topic: Topic,
    target: Path,
    ends: Mapping[int, int],
    share: Callable[[float | None], None],
) -> _Filled:
    with (
        schema_registry(settings) as unframe,
        closing(Retained(topic=topic, settings=settings, ends=ends)) as retained,
    ):
        filling = _Filling(Store.open(target), topic, settings, unframe, ends)
        filling.fill(retained, share)
        return _Filled(topic, retained.lows, ends, filling.added)


def _places(target: Path) -> Places:
    made = log.replay(target)
    return Places.of(target, made.files.values() if made else ())


class _Filling:
    """Stores what is read, in batches as large as the consumer's."""

    def __init__(
        self,
        store: Store,
        topic: Topic,
        settings: ConsumerSettings,
        unframe: Unframe | None,
        ends: Mapping[int, int],
    ) -> None:
        self._store, self._topic = store, topic
        self._most = settings.flush_max_events
        self._todo = ends.items()
        self._batch = Batch(rows.Gathering(topic_id=topic.topic_id, unframe=unframe))
        self.added = 0

    def fill(self, retained: Retained, share: Callable[[float | None], None]) -> None:
        """Read on from the second store's positions to the ends."""
        begin = self._own()
        total = max(1, sum(max(0, end - max(begin[n], retained.lows[n])) for n, end in self._todo))
        for messages in retained.read(begin):
            self._batch.take(messages, time.monotonic())
            share(min(1.0, (self.added + self._batch.pending.events) / total))
            if self._batch.pending.events >= self._most:
                self._flush()
        self._end()

    def _own(self) -> dict[int, int]:
        names = {number: self._topic.app_id(number) for number, _ in self._todo}
        held = self._store.positions(names.values())
        for number, name in names.items():
            self._batch.own(number, held[name])
        return {number: held[name] or 0 for number, name in names.items()}

    def _end(self) -> None:
        for number, end in self._todo:
            self._batch.reach(number, end, time.monotonic())
        self._flush()

    def _flush(self) -> None:
        handed = self._batch.hand_over()
        if handed.spans:
            named = {self._topic.app_id(number): span for number, span in handed.spans.items()}
            self._store.append(handed.rows, named)
            self.added += handed.rows.num_rows


def _refuse(first: Path, target: Path, topic: Topic) -> None:
    if target.resolve() == first.resolve():
        raise StoreUnusable(target, "it is the store that is to be rebuilt")
    there = log.replay(target)
    if there is not None and set(there.positions) - set(topic.app_ids.values()):
        raise StoreUnusable(target, "it holds another topic")


def _carry_over(first: Path, target: Path) -> None:
    """People's decisions are not in the topic; those that are there already stay as they are."""
    wanted, there = decisions.of(first), decisions.of(target)
    missing = set(wanted.records) - set(there.records)
    if missing or set(wanted.all_merges) - set(there.all_merges):
        carry_over(first, target)


def _compared(first: Places, second: Places, filled: _Filled) -> Recount:
    topic_id, lows, ends = filled.topic.topic_id, filled.lows, filled.ends
    told = {number: second.of_partition(topic_id, number) for number in ends}
    # What an earlier run stored may be gone from Kafka by now.
    begin = {n: min([lows[n], *held.offset[:1].tolist()]) for n, held in told.items()}
    recount = Recount(places=first, topic_id=topic_id, lows=begin, ends=ends)
    for number, held in told.items():
        recount.compare(number, held)
    return recount
