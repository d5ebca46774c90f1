"""Two producers that keep sending during faults, and a record of what the broker acknowledged.

One is idempotent, the other one sends transactions and aborts some of them.
"""

import random
import threading
import time
from collections.abc import Callable
from typing import Self
from zlib import crc32

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from chaos.stories import Stories

_OPTIONS = {"log_level": 0, "linger.ms": 1, "reconnect.backoff.max.ms": 500}
_REPLY_S = 30

Place = tuple[int, int]
"""Partition and offset."""


class Feed:
    """Sends until the context ends, then until all of it is acknowledged.

    Attributes:
        acknowledged: place to digest of the value, of all that the broker took for good.
        aborted: places of what was taken back.
        failed: what went wrong; empty.
    """

    def __init__(self, bootstrap: str, topic: str, *, seed: int, per_s: float) -> None:
        self._servers = {**_OPTIONS, "bootstrap.servers": bootstrap}
        self._topic = topic
        self._pause_s = 1 / per_s
        self._seed = seed
        self._end = threading.Event()
        self._threads = [
            threading.Thread(target=self._guarded, args=(work,), daemon=True)
            for work in (self._send, self._transact)
        ]
        self.acknowledged: dict[Place, int] = {}
        self.aborted: set[Place] = set()
        self.failed: list[str] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - a thread's edge: raised again at the end
            self.failed.append(f"{work.__name__}: {error!r}")

    def _send(self) -> None:
        producer = Producer({**self._servers, "enable.idempotence": True})
        stories = Stories(self._seed)
        while not self._end.wait(self._pause_s):
            story = stories.next()
            producer.produce(self._topic, story.value, story.key, on_delivery=self._note)
            producer.poll(0)
        left = producer.flush(120)
        if left:
            self.failed.append(f"{left} records were not acknowledged within two minutes")

    def _note(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.failed.append(f"not delivered: {error}")
        else:
            self.acknowledged[_place(message)] = _digest(message)

    def _transact(self) -> None:
        draw = random.Random(self._seed)
        producer = Producer({**self._servers, "transactional.id": self._topic})
        _tried(lambda: producer.init_transactions(_REPLY_S))
        stories = Stories(self._seed + 1)
        while not self._end.wait(1):
            sent: list[Message] = []
            producer.begin_transaction()
            for _ in range(draw.randint(1, 20)):
                story = stories.next()
                producer.produce(
                    self._topic,
                    story.value,
                    story.key,
                    on_delivery=lambda _error, message, sent=sent: sent.append(message),
                )
            self._end_transaction(producer, sent, commit=draw.random() < 0.6)

    def _end_transaction(self, producer: Producer, sent: list[Message], *, commit: bool) -> None:
        _tried(lambda: producer.flush(_REPLY_S))
        try:
            if commit:
                _tried(lambda: producer.commit_transaction(_REPLY_S))
                self.acknowledged |= {_place(message): _digest(message) for message in sent}
                return
        except KafkaException as error:
            if not error.args[0].txn_requires_abort():
                raise
        _tried(lambda: producer.abort_transaction(_REPLY_S))
        self.aborted |= {_place(message) for message in sent if message.error() is None}


def _tried(call: Callable[[], object], patience_s: float = 120) -> None:
    """Repeat a call of a transaction while its errors are retriable."""
    give_up_at = time.monotonic() + patience_s
    while True:
        try:
            call()
        except KafkaException as error:
            if not error.args[0].retriable() or time.monotonic() > give_up_at:
                raise
        else:
            return


def _place(message: Message) -> Place:
    return message.partition(), message.offset()


def _digest(message: Message) -> int:
    return crc32(message.value() or b"")
