"""Dead letters in a store, and what a reader of the dead-letter topic sees.

``python -m support.data.dead SETTINGS STEP`` forwards until it is killed (``kill -9``) at STEP.
"""

import json
import os
import signal
import sys
from collections import Counter
from contextlib import closing

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from consumer.dead_letters.forwarder import Forwarder
from consumer.ingest import rows
from consumer.settings import ConsumerSettings
from consumer.store.writer import Store
from consumer.table.delta_log import Span
from support.data.records import message


def bury(settings, topic_id, offsets, *, partition=0, value=b"?", **fields) -> None:
    """Store dead letters at these offsets, in one commit."""
    said = [message(each, value, partition=partition, **fields) for each in offsets]
    table = rows.table(said, topic_id=topic_id)
    assert set(table["kind"].to_pylist()) == {"dead"}
    name = f"c/{topic_id}/{partition}"
    store = Store.open(settings.store)
    store.append(table, {name: Span(store.positions([name])[name], max(offsets) + 1)})


def letters(settings, topic) -> list[Message]:
    """Everything in a topic."""
    options = {
        **settings.kafka,
        "bootstrap.servers": settings.kafka_bootstrap,
        "group.id": "reader",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "earliest",
        "log_level": 0,
    }
    found: list[Message] = []
    with closing(Consumer(options)) as consumer:
        numbers = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, 0) for number in numbers])
        ends = 0
        while ends < len(numbers):
            one = consumer.poll(10)
            assert one is not None, "no end of the topic"
            if one.error() is None:
                found.append(one)
            elif one.error().code() == KafkaError._PARTITION_EOF:
                ends += 1
    return found


def place(letter: Message) -> tuple[str, int, int]:
    """Where a letter of the dead-letter topic came from."""
    source = json.loads(dict(letter.headers())["gigstream-source"])
    return source["topic_id"], source["partition"], source["offset"]


def places(found) -> Counter:
    """How often each source position occurs."""
    return Counter(map(place, found))


def _main(settings: str, step: str) -> None:
    def on_step(name: str) -> None:
        if name == step:
            os.kill(os.getpid(), signal.SIGKILL)

    parsed = ConsumerSettings.model_validate_json(settings)
    forwarder = Forwarder(settings=parsed, on_step=on_step)
    while True:
        forwarder.run_once()


if __name__ == "__main__":
    _main(*sys.argv[1:])
