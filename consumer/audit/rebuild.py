"""A second store, made from the topic: the same records, the same positions.

Erasures, their key, merges, quarantines and visibility are not in the topic: they are copied from
the first store. The second store's own positions say how far it is, so a rebuild that was killed is
completed by running it again.
"""

import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from consumer.audit.against_topic import positions
from consumer.audit.compare import Compared, Recount
from consumer.audit.row_digests import RowDigests
from consumer.dead_letters.verdicts import Verdicts
from consumer.errors import NothingStored, StoreUnusable
from consumer.ids import decisions, erasures, merges, quarantines, visibility
from consumer.ids.decisions import Decisions
from consumer.ingest.rows import RowBuilder
from consumer.kafka.scan import Retained
from consumer.kafka.topic import Topic, identify
from consumer.kafka.topic_check import refuse_another
from consumer.registry.connect import schema_registry
from consumer.settings import ConsumerSettings
from consumer.store.writer import Store
from consumer.table import delta_log, durable, parquet, schema
from consumer.table.delta_log import Span
from consumer.table.reader_marks import Mark


@dataclass(frozen=True)
class Rebuilt:
    """The result of a rebuild.

    Attributes:
        added: records stored by this run.
        partitions: the first store compared with the second.
        others: rows of the first store that are of other topics.
    """

    added: int
    partitions: Mapping[int, Compared]
    others: int


def rebuild(
    settings: ConsumerSettings, target: Path, share: Callable[[float | None], None]
) -> Rebuilt:
    """Make, or complete, a second store of what the topic holds below the store's positions.

    Args:
        settings: the topic and the first store.
        target: folder of the second store.
        share: called with the part that is done, 0 to 1.

    Raises:
        NothingStored: there is no first store.
        StoreUnusable: `target` is the first store, or has read other topics.
        ConsumerError: any other failure; run it again.
    """
    topic = identify(settings)
    with closing(Mark(settings.store)):  # keeps its files until they are compared
        snapshot = delta_log.replay(settings.store)
        if snapshot is None:
            raise NothingStored(settings.store)
        refuse_another(topic, snapshot.positions, settings)
        _refuse(settings.store, target, topic)
        # Before the first event: an append leaves out what is erased by then.
        copy_decisions(settings.store, target)
        ends = positions(topic, snapshot)
        with (
            schema_registry(settings) as unframe,
            closing(Retained(topic=topic, settings=settings, ends=ends)) as retained,
        ):
            builder = RowBuilder(
                topic_id=topic.topic_id, unframe=unframe, statuses=settings.statuses, past=True
            )
            verdicts = Verdicts(settings.store, snapshot.files.values())
            filling = _Filling(Store.open(target), topic, retained, builder, verdicts)
            added = filling.run(settings.flush_max_events, share)
        first = RowDigests.read(settings.store, snapshot.files.values())
    partitions = _compare(first, target, topic.topic_id, retained)
    return Rebuilt(added, partitions, first.count_others(topic.topic_id, ends))


def copy_decisions(path: Path, target: Path) -> int:
    """Copy all decisions, and the key of erasures, to another store that lacks some of them.

    Returns:
        How many rows were appended.

    Raises:
        StoreUnusable: the other store has erasures under a key of its own.
        StoreDamaged: one of the stores cannot be read.
    """
    wanted, present = decisions.read(path), decisions.read(target)
    if _made(wanted) <= _made(present):
        return 0
    store = Store.open(target)
    # Before the rows that need it: a store with erasures and without their key is refused.
    if erasures.has_key(path):
        _copy_key(path, target)
    snapshot = delta_log.replay(path)
    files = snapshot.files.values() if snapshot else ()
    kinds = {erasures.KIND, merges.KIND, quarantines.KIND, visibility.KIND}
    # Rows that are there already change nothing when they come again.
    copied = pa.concat_tables(
        schema.with_kind(parquet.read(path, file, schema.STORED), file.kind).cast(schema.SCHEMA)
        for file in files
        if file.kind in kinds
    )
    store.append(copied, {})
    return int(copied.num_rows)


def _made(known: Decisions) -> set[tuple[object, ...]]:
    return {
        *known.records,
        *known.all_merges,
        *known.all_quarantines,
        *known.all_visibility,
    }


def _copy_key(path: Path, target: Path) -> None:
    key = target / erasures.KEY_FILE
    if key.exists() and key.read_bytes() != erasures.load_key(path):
        raise StoreUnusable(target, "it has erasures under a key of its own")
    # copy2 keeps the mode: the key is for its owner alone.
    shutil.copy2(path / erasures.KEY_FILE, key)
    durable.sync([key, target])


def _refuse(first: Path, target: Path, topic: Topic) -> None:
    if target.resolve() == first.resolve():
        raise StoreUnusable(target, "it is the store that is to be rebuilt")
    there = delta_log.replay(target)
    if there is not None and set(there.positions) - set(topic.app_ids.values()):
        raise StoreUnusable(target, "it holds another topic")


class _Filling:
    """Stores what the topic retains, from the second store's positions on."""

    def __init__(
        self,
        store: Store,
        topic: Topic,
        retained: Retained,
        builder: RowBuilder,
        verdicts: Verdicts,
    ) -> None:
        self._store = store
        self._retained = retained
        self._builder = builder
        self._verdicts = verdicts
        self._app_ids = {number: topic.app_id(number) for number in retained.ends}
        held = store.positions(self._app_ids.values())
        self._start = {number: held[name] or 0 for number, name in self._app_ids.items()}

    def run(self, most: int, share: Callable[[float | None], None]) -> int:
        """Store all of it, in commits of about `most` rows. Returns how many records."""
        lows, ends = self._retained.lows, self._retained.ends
        begin = {number: max(self._start[number], low) for number, low in lows.items()}
        total = max(1, sum(max(0, end - begin[number]) for number, end in ends.items()))
        added, flushed, reached = 0, 0, dict(self._start)
        for messages, unpackable in self._retained.read(begin):
            added += self._builder.take(messages, reached).rows
            for number, first, end, letter in unpackable:
                self._builder.bury(number, first, letter, time.time_ns() // 1_000_000)
                reached[number], added = end, added + 1
            share(min(1.0, added / total))
            if added - flushed >= most:
                self._flush(reached)
                flushed = added
        # To the store's positions, even where the last offsets hold no record.
        self._flush(ends)
        return added

    def _flush(self, reached: Mapping[int, int]) -> None:
        spans = {
            self._app_ids[number]: Span(self._start[number], end)
            for number, end in reached.items()
            if end > self._start[number]
        }
        if spans:
            # Rows and positions in one commit, as the consumer does: a killed run is continued so.
            self._store.append(self._verdicts.applied(self._builder.table()), spans)
            self._start.update(reached)
        self._builder.keep(schema.SCHEMA.empty_table())


def _compare(
    first: RowDigests, target: Path, topic_id: str, retained: Retained
) -> Mapping[int, Compared]:
    snapshot, ends = delta_log.replay(target), retained.ends
    second = RowDigests.read(target, snapshot.files.values() if snapshot else ())
    rows = {number: second.partition(topic_id, number) for number in ends}
    # What an earlier run stored may be deleted from Kafka by now: it is compared all the same.
    lows = {n: min([retained.lows[n], *held.offset[:1].tolist()]) for n, held in rows.items()}
    recount = Recount(stored=first, topic_id=topic_id, lows=lows, ends=ends)
    for number, held in rows.items():
        recount.compare(number, held)
    return recount.finish()
