"""A feed of gigs, and the offset of each in Kafka."""

import threading
import time
from typing import Self

from confluent_kafka import KafkaError, Message, Producer

from support.data.records import gig

_OPTIONS = {"enable.idempotence": True, "linger.ms": 1, "log_level": 0}


class Feed:
    """Sends numbered gigs from a thread of its own until the context ends.

    Attributes:
        delivered: (partition, offset) of each gig that the broker took.
    """

    def __init__(self, bootstrap: str, topic: str, *, per_s: float = 200) -> None:
        self._producer = Producer({**_OPTIONS, "bootstrap.servers": bootstrap})
        self._topic = topic
        self._pause_s = 1 / per_s
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)
        self.delivered: set[tuple[int, int]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        assert self._producer.flush(60) == 0

    def _send(self) -> None:
        number = 0
        while not self._end.is_set():
            key = f"e{number}"
            self._producer.produce(self._topic, gig(number), key, on_delivery=self._note)
            self._producer.poll(0)
            number += 1
            time.sleep(self._pause_s)

    def _note(self, error: KafkaError | None, message: Message) -> None:
        assert error is None, error
        self.delivered.add((message.partition(), message.offset()))


def send(bootstrap: str, topic: str, *values: bytes | None, **options: object) -> None:
    """Send these values and wait until the broker has them."""
    producer = Producer({**_OPTIONS, "bootstrap.servers": bootstrap})
    for value in values:
        producer.produce(topic, value, **options)
    assert producer.flush(30) == 0
