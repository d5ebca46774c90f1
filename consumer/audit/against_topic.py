"""The store, as it is now, compared with the topic."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import NamedTuple

from consumer.audit.compare import Compared, Recount
from consumer.audit.row_digests import RowDigests
from consumer.ids import decisions, erasures, redactor
from consumer.ids.erasures import Erasures
from consumer.ingest.rows import RowBuilder
from consumer.kafka.scan import Retained
from consumer.kafka.topic import Topic, identify
from consumer.kafka.topic_check import refuse_another
from consumer.registry.connect import schema_registry
from consumer.settings import ConsumerSettings
from consumer.table import delta_log
from consumer.table.reader_marks import Mark

_INCOMPLETE = (
    "topic not compared: an erasure is incomplete: run `gigstream erase` for it again, then "
    "`gigstream verify`"
)


@dataclass(frozen=True)
class Audit:
    """The result of an audit.

    Attributes:
        version: of the store; None: there is none.
        partitions: the comparison of each.
        others: rows of other topics, which cannot be compared.
        remarks: what was not compared, and why.
    """

    version: int | None
    partitions: Mapping[int, Compared]
    others: int = 0
    remarks: list[str] = field(default_factory=list)


class _Held(NamedTuple):
    """The store at one version."""

    snapshot: delta_log.Snapshot
    rows: RowDigests
    erased: Erasures


def audit(settings: ConsumerSettings, share: Callable[[float | None], None]) -> Audit:
    """Compare the store with the topic, from its start to the store's positions.

    Args:
        settings: both of them.
        share: called with the part that is done, 0 to 1.

    Raises:
        ConsumerError: a server is away, the store is damaged, or the topic is another one.
    """
    topic = identify(settings)
    with closing(Mark(settings.store)):  # keeps its files until they are read
        snapshot = delta_log.replay(settings.store)
        if snapshot is None:
            return Audit(None, {}, remarks=["topic: nothing is stored yet"])
        refuse_another(topic, snapshot.positions, settings)
        decided = decisions.read(settings.store)
        # Read after the snapshot, so that an erasure that began in between shows here.
        last = {record.request: record.status for record in decided.records}
        if any(status != erasures.COMPLETE for status in last.values()):
            return Audit(snapshot.version, {}, remarks=[_INCOMPLETE])
        stored = RowDigests.read(settings.store, snapshot.files.values())
    return _audited(topic, settings, _Held(snapshot, stored, decided.erasures), share)


def _audited(
    topic: Topic, settings: ConsumerSettings, held: _Held, share: Callable[[float | None], None]
) -> Audit:
    stored, ends = held.rows, positions(topic, held.snapshot)
    with (
        schema_registry(settings) as unframe,
        closing(Retained(topic=topic, settings=settings, ends=ends)) as retained,
    ):
        recount = Recount(stored=stored, topic_id=topic.topic_id, lows=retained.lows, ends=ends)
        done, total = 0, sum(max(1, ends[n] - retained.lows[n]) for n in ends)
        for piece in retained.read():
            builder = RowBuilder(
                topic_id=topic.topic_id, unframe=unframe, statuses=settings.statuses, past=True
            )
            builder.take(piece.messages)
            for number, first, _, letter in piece.unpackable:
                builder.bury(number, first, letter, 0)
            # The store left erased ids out: so must the topic's side.
            recount.take(redactor.redacted(builder.table(), held.erased))
            done += len(piece.messages)
            share(min(1.0, done / total))
    found = recount.finish()
    others = stored.count_others(topic.topic_id, ends)
    return Audit(held.snapshot.version, found, others, _remarks(found, others))


def positions(topic: Topic, snapshot: delta_log.Snapshot) -> dict[int, int]:
    """The store's position of each partition of this topic that it has one of."""
    names = {topic.app_id(number): number for number in topic.partitions}
    return {names[name]: end for name, end in snapshot.positions.items() if name in names}


def _remarks(found: Mapping[int, Compared], others: int) -> list[str]:
    below = sum(each.below for each in found.values())
    remarks = []
    if below:
        remarks.append(f"{below:,} rows not compared: Kafka does not hold their records any more")
    if others:
        remarks.append(f"{others:,} rows not compared: they are of other topics")
    valid = sum(each.valid_now for each in found.values())
    if valid:
        remarks.append(
            f"{valid:,} dead letters are valid by today's rules: `gigstream dead-letters replay` "
            "sends them again"
        )
    return remarks
