"""The compiled decoder (native/decode/rows.cpp)."""

from typing import Any

import numpy as np
from confluent_kafka import Message

class Rows:
    """Event rows as they gather, column by column, in Arrow's layout.

    Args:
        message: the class of the messages, ``confluent_kafka.Message``.

    Raises:
        TypeError: its methods are not as we know them.
    """

    def __init__(self, message: type[Message], /) -> None: ...
    def __len__(self) -> int: ...
    def take(
        self, messages: list[Message], positions: dict[int, int] | None, now_ms: int, clock_ms: int
    ) -> tuple[int, list[int], list[int]]:
        """Makes rows of the messages that are plain, valid JSON.

        Args:
            positions: next offset by partition; what lies below it, or in no partition of these,
                is passed over; moved on in place. None: every message is taken.
            now_ms: the timestamp of messages that carry none.
            clock_ms: what `time` is held against, beside the message's timestamp.

        Returns:
            Bytes of the values taken, the indices of Kafka's errors, and the indices of those
            that the Python decoder has to judge.

        Raises:
            ValueError: a message without partition or offset; no row is kept.
        """

    def cut(self, rows: int, /) -> None:
        """Forgets all rows but the first `rows`."""

    def finish(self) -> dict[str, tuple[np.ndarray[Any, Any] | None, ...]]:
        """Hands over the columns that hold anything, and is empty again.

        Returns:
            By name: presence bits (None: every row has a value), the offsets of a text, values.
        """

def exit_after_byte(fd: int, seconds: float, /) -> None:
    """Ends the process with 0 this many seconds after a byte came from this pipe.

    It does so whatever holds the interpreter; closing the pipe's other end calls it off. The
    pipe's end is closed by the thread that watches it.
    """

def crc32(value: bytes, /) -> int:
    """As ``zlib.crc32``."""
