"""Recount: what must be stored, computed from the topic, against what is stored."""

import json
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from chaos.feed import Place
from consumer.errors import StoreDamaged
from consumer.kafka.topic import Topic, identify
from consumer.settings import ConsumerSettings
from consumer.store.reader import StoreReader
from support.data.records import stored
from support.data.statements import Statement, settled, tombstone
from trainer.plays.interactions import Interactions


@dataclass(frozen=True)
class Recount:
    """The store against the topic.

    Attributes:
        records: how many the topic holds.
        lost: places that are not stored, or not as they were sent.
        doubled: rows too many, those of aborted transactions among them.
        plays_differ: whether the settled plays are others than the oracle's.
    """

    records: int
    lost: list[Place]
    doubled: list[Place]
    plays_differ: bool = field(default=False)


def recount(settings: ConsumerSettings, acknowledged: dict[Place, int]) -> Recount:
    """Compare the store with the topic and with what its broker acknowledged."""
    topic = identify(settings)
    log = read(settings, topic)
    wanted = {place: (_kind(message), _digest(message)) for place, message in log.items()}
    found = defaultdict(list)
    for row in stored(settings.store):
        found[row["partition"], row["offset"]].append((row["kind"], row["digest"]))
    lost = [place for place, row in wanted.items() if row not in found[place]]
    lost += [place for place, digest in acknowledged.items() if not _holds(log, place, digest)]
    doubled = [place for place, rows in found.items() for _ in rows[place in wanted :]]
    return Recount(len(log), lost, doubled, _plays(settings) != _settled(topic, log))


def read(settings: ConsumerSettings, topic: Topic) -> dict[Place, Message]:
    """All committed records of the topic."""
    consumer = Consumer(
        {
            "bootstrap.servers": settings.kafka_bootstrap,
            "group.id": "oracle",
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.assign([TopicPartition(topic.name, number, 0) for number in topic.partitions])
    found, left = {}, set(topic.partitions)
    while left:
        for message in consumer.consume(10_000, 1):
            error = message.error()
            if error is None:
                found[message.partition(), message.offset()] = message
            elif error.code() == KafkaError._PARTITION_EOF:
                left.discard(message.partition())
            else:
                raise AssertionError(error)
    consumer.close()
    return found


def _holds(log: dict[Place, Message], place: Place, digest: int) -> bool:
    return place in log and _digest(log[place]) == digest


def _digest(message: Message) -> int:
    return crc32(message.value() or b"")


def _said(message: Message) -> dict[str, Any] | None:
    """The statement as a tuple; None: it breaks the contract."""
    try:
        said = json.loads(message.value())
    except ValueError:
        return None
    whole = isinstance(said, dict) and said.get("artist_id") and isinstance(said.get("time"), int)
    return said if whole else None


def _kind(message: Message) -> str:
    return "event" if message.value() is None or _said(message) else "dead"


def _statement(topic: Topic, message: Message) -> Statement | None:
    if message.value() is None:
        return tombstone(message.key().decode())
    said = _said(message)
    return said and Statement(
        **{name: said[name] for name in ("event_id", "artist_id", "venue_id", "time", "status")},
        version=said.get("version"),
        recorded_at=message.timestamp()[1],
        topic_id=topic.topic_id,
        partition=message.partition(),
        offset=message.offset(),
        digest=_digest(message),
    )


def _settled(topic: Topic, log: dict[Place, Message]) -> Counter[tuple[str, str, int]]:
    statements = (_statement(topic, message) for message in log.values())
    return Counter(settled(each for each in statements if each))


def _plays(settings: ConsumerSettings) -> Counter[tuple[str, str, int]]:
    """Plays as the trainer reads them; none if the store cannot be read."""
    interactions, chunk = Interactions(), None
    with suppress(StoreDamaged):
        chunk = StoreReader(settings.store).read()
    if chunk is not None:
        interactions.settle(chunk.events)
    found = interactions.plays()
    artists, venues = interactions.artists, interactions.venues
    rows = zip(found.artist.tolist(), found.venue.tolist(), found.at_ms.tolist(), strict=True)
    return Counter((artists[a], venues[v], at) for a, v, at in rows)


def counted(logs: Path) -> Counter[str]:
    """How often each guard fired, counted in the consumers' logs."""
    words = {
        "fences": "another consumer has stored on",
        "conflicts": "Commit lost to another",
        "housekeeping killed": "Maintenance of the store ended (-9)",
    }
    text = "\n".join(path.read_text(errors="replace") for path in logs.glob("*.log"))
    return Counter({name: text.count(said) for name, said in words.items()})
