"""Records that confluent_kafka's Python API will not make, by its own librdkafka: raw headers."""

import ctypes
import pathlib
from collections.abc import Sequence
from typing import Self

import confluent_kafka
from confluent_kafka import Consumer, Message, TopicPartition

Raw = tuple[bytes | None, Sequence[tuple[bytes, bytes | None]]]
"""A value, and headers whose names may be any bytes."""

_TOPIC, _VALUE, _KEY, _FLAGS, _HEADERS = 1, 4, 5, 7, 10
_COPY = 2


class _Part(ctypes.Structure):
    class _Union(ctypes.Union):
        _fields_ = [
            ("text", ctypes.c_char_p),
            ("int", ctypes.c_int32),
            ("memory", ctypes.c_void_p * 2),
            ("pointer", ctypes.c_void_p),
            ("size", ctypes.c_char * 64),
        ]

    _fields_ = [("kind", ctypes.c_int), ("is", _Union)]


def _library() -> ctypes.CDLL:
    package = pathlib.Path(confluent_kafka.__file__).parents[1]
    (path,) = (package / "confluent_kafka.libs").glob("librdkafka-*")
    found = ctypes.CDLL(path)
    for name in ("conf_new", "new", "headers_new", "produceva"):
        getattr(found, f"rd_kafka_{name}").restype = ctypes.c_void_p
    pointer, text, size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_ssize_t
    found.rd_kafka_new.argtypes = [ctypes.c_int, pointer, text, size]
    found.rd_kafka_conf_set.argtypes = [pointer, text, text, text, size]
    found.rd_kafka_headers_new.argtypes = [size]
    found.rd_kafka_header_add.argtypes = [pointer, text, size, text, size]
    found.rd_kafka_produceva.argtypes = [pointer, ctypes.POINTER(_Part), size]
    found.rd_kafka_flush.argtypes = [pointer, ctypes.c_int]
    found.rd_kafka_poll.argtypes = [pointer, ctypes.c_int]
    found.rd_kafka_destroy.argtypes = [pointer]
    return found


class RawProducer:
    """Sends raw records; a context manager that waits for their delivery in the end."""

    def __init__(self, bootstrap: str, **options: str) -> None:
        self._library, said = _library(), ctypes.create_string_buffer(512)
        settings = self._library.rd_kafka_conf_new()
        named = {name.replace("_", "."): value for name, value in options.items()}
        for name, value in {"bootstrap.servers": bootstrap, **named}.items():
            failed = self._library.rd_kafka_conf_set(
                settings, name.encode(), value.encode(), said, 512
            )
            assert not failed, said.value
        self._producer = self._library.rd_kafka_new(0, settings, said, 512)
        assert self._producer, said.value

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._library.rd_kafka_flush(self._producer, 60_000) == 0
        self._library.rd_kafka_destroy(self._producer)

    def send(
        self,
        topic: str,
        value: bytes | None,
        headers: Sequence[tuple[bytes, bytes | None]] = (),
        *,
        key: bytes | None = None,
    ) -> None:
        parts = [_part(_TOPIC, text=topic.encode()), _part(_FLAGS, int=_COPY)]
        kept = [ctypes.create_string_buffer(each, len(each)) for each in (value or b"", key or b"")]
        for kind, given, buffer in zip((_VALUE, _KEY), (value, key), kept, strict=True):
            if given is not None:
                memory = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), len(given))
                parts.append(_part(kind, memory=memory))
        parts.append(_part(_HEADERS, pointer=self._headers(headers)))
        while self._library.rd_kafka_produceva(
            self._producer, (_Part * len(parts))(*parts), len(parts)
        ):
            self._library.rd_kafka_poll(self._producer, 100)  # the queue is full

    def _headers(self, headers: Sequence[tuple[bytes, bytes | None]]) -> int:
        found: int = self._library.rd_kafka_headers_new(8)
        for name, value in headers:
            size = -1 if value is None else len(value)
            self._library.rd_kafka_header_add(found, name, len(name), value, size)
        return found


def received(kafka, records: Sequence[Raw]) -> list[Message]:
    """These records as a consumer gets them from a topic of their own."""
    topic = kafka.create_topic()
    with RawProducer(kafka.bootstrap) as producer:
        for value, headers in records:
            producer.send(topic, value, headers, key=b"e1")
    options = {"bootstrap.servers": kafka.bootstrap, "group.id": topic}
    consumer = Consumer({**options, "auto.offset.reset": "error"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    found: list[Message] = []
    while len(found) < len(records):
        found += consumer.consume(len(records), 0.5)
    consumer.close()
    return found


def _part(kind: int, **value: object) -> _Part:
    part = _Part(kind=kind)
    for name, each in value.items():
        setattr(getattr(part, "is"), name, each)
    return part
