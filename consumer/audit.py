"""The store, as it is now, recounted against the topic: composes reading and comparing."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import NamedTuple

from consumer import decisions, erasures, log, rows, sieve
from consumer.decisions import Decisions
from consumer.erasures import Erasures
from consumer.incarnation import refuse_another
from consumer.marks import Mark
from consumer.places import Places
from consumer.recount import Compared, Recount
from consumer.retained import Retained
from consumer.settings import ConsumerSettings
from consumer.topic import Topic, identify, is_embedded
from consumer.unframing import schema_registry


@dataclass(frozen=True)
class Audit:
    """What came of a recount.

    Attributes:
        version: of the store; None: there is none.
        partitions: what came of each.
        others: rows of other topics, which cannot be compared.
        remarks: what was not compared, and why.
    """

    version: int | None
    partitions: Mapping[int, Compared]
    others: int = 0
    remarks: list[str] = field(default_factory=list)


class _Held(NamedTuple):
    """The store, as of one moment."""

    snapshot: log.Snapshot
    places: Places
    erased: Erasures


def audit(settings: ConsumerSettings, share: Callable[[float | None], None]) -> Audit:
    """Recount the store against the topic, from its start to the store's positions.

    Args:
        settings: both of them.
        share: told how much is done, 0 to 1.

    Raises:
        ConsumerError: a server is away, the store is damaged, or the topic is another one.
    """
    topic = identify(settings)
    with closing(Mark(settings.store)):  # its files stay until they are read
        snapshot = log.replay(settings.store)
        if snapshot is None:
            return Audit(None, {}, remarks=["topic: nothing is stored yet"])
        refuse_another(topic, snapshot.positions, settings)
        decided = decisions.of(settings.store)
        doubt = _doubt(topic, snapshot, decided)
        if doubt is not None:
            return Audit(snapshot.version, {}, remarks=[f"topic not compared: {doubt}"])
        places = Places.of(settings.store, snapshot.files.values())
    return _audited(topic, settings, _Held(snapshot, places, decided.erasures), share)


def _audited(
    topic: Topic, settings: ConsumerSettings, held: _Held, share: Callable[[float | None], None]
) -> Audit:
    places, ends = held.places, positions(topic, held.snapshot)
    with (
        schema_registry(settings) as unframe,
        closing(Retained(topic=topic, settings=settings, ends=ends)) as retained,
    ):
        recount = Recount(places=places, topic_id=topic.topic_id, lows=retained.lows, ends=ends)
        done, total = 0, sum(max(1, ends[n] - retained.lows[n]) for n in ends)
        for messages in retained.read():
            table = rows.table(messages, topic_id=topic.topic_id, unframe=unframe)
            recount.take(sieve.sifted(table, held.erased))
            done += len(messages)
            share(min(1.0, done / total))
    found = recount.finish()
    others = places.others(topic.topic_id, ends)
    return Audit(held.snapshot.version, found, others, _remarks(found, others))


def positions(topic: Topic, snapshot: log.Snapshot) -> dict[int, int]:
    """The store's position of each partition of this topic that it has one of."""
    names = {topic.app_id(number): number for number in topic.partitions}
    return {names[name]: end for name, end in snapshot.positions.items() if name in names}


def _doubt(topic: Topic, snapshot: log.Snapshot, decided: Decisions) -> str | None:
    """Why topic and store cannot be compared now."""
    clusters = {name.partition("/")[0] for name in snapshot.positions if is_embedded(name)}
    if topic.embedded and clusters - {topic.cluster_id}:
        return "rows of an embedded broker cannot be told from those of the one before it"
    last = {record.request: record.status for record in decided.records}
    if any(status != erasures.COMPLETE for status in last.values()):
        return "an erasure is not complete; say it again, then this"
    return None


def _remarks(found: Mapping[int, Compared], others: int) -> list[str]:
    below = sum(each.below for each in found.values())
    said = []
    if below:
        said.append(f"{below:,} rows not compared: Kafka does not hold their records any more")
    if others:
        said.append(f"{others:,} rows not compared: they are of other topics")
    return said
