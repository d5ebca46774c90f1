"""The compiled decoder (native/rows.cpp)."""

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
        self, messages: list[Message], positions: dict[int, int] | None, now_ms: int
    ) -> tuple[int, list[int], list[int]]:
        """Makes rows of the messages that are plain, valid JSON.

        Args:
            positions: next offset by partition; what lies below it, or in no partition of these,
                is passed over; moved on in place. None: every message is taken.
            now_ms: the timestamp of messages that carry none.

        Returns:
            Bytes of the values taken, the indices of Kafka's errors, and the indices of those
            that the Python decoder has to judge.

        Raises:
            ValueError: a message without partition or offset; no row is kept.
        """

    def cut(self, rows: int, /) -> None:
        """Forgets all rows but the first so many."""

    def finish(self) -> dict[str, tuple[np.ndarray[Any, Any] | None, ...]]:
        """Hands over the columns that hold anything, and begins anew.

        Returns:
            By name: presence bits (None: every row has a value), the offsets of a text, values.
        """

def crc32(value: bytes, /) -> int:
    """As ``zlib.crc32``."""
