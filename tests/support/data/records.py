"""Handmade Kafka messages, and the rows of a store as another engine reads them."""

import json
import time
from collections import Counter
from pathlib import Path

import pyarrow as pa
from confluent_kafka import Message
from deltalake import DeltaTable

CREATE_TIME = 1
RECORDED_MS = 1_541_000_000_000


def gig(number: int, **fields: object) -> bytes:
    """The JSON of a new gig."""
    said = {
        "event_id": f"e{number}",
        "artist_id": f"a{number % 50}",
        "venue_id": f"v{number % 9}",
        "time": "2018-10-31T12:00:00Z",
    }
    return json.dumps(said | fields).encode()


def message(
    offset: int, value: bytes | None = None, *, partition: int = 0, **fields: object
) -> Message:
    """A message with this value, by default a new gig."""
    known = {"topic": "gigs", "timestamp": (CREATE_TIME, RECORDED_MS)}
    value = gig(offset) if value is None and "key" not in fields else value
    return Message(partition=partition, offset=offset, value=value, **{**known, **fields})


def stored(path: Path) -> list[dict]:
    """All rows of the store, read by Delta's own engine."""
    return pa.table(DeltaTable(path).scan().read_all()).to_pylist()


def places(path: Path) -> Counter:
    """How often each (topic id, partition, offset) is stored."""
    return Counter((row["topic_id"], row["partition"], row["offset"]) for row in stored(path))


def until(condition, within_s: float = 60.0):
    """Wait until a value is true. Returns it."""
    deadline = time.monotonic() + within_s
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within_s} s")
        time.sleep(0.01)
