"""The compiled decoder: messages that are plain, valid JSON become columns.

It takes a part of what the contract allows, never more: every other message, and each one where
this install has no compiled code, is left to ``consumer.events``.
"""

import importlib
import logging
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:  # readers of the store need no Kafka client
    from confluent_kafka import Message

    from consumer.ingest._decode import Rows

logger = logging.getLogger(__name__)

UNKNOWN = -1
"""Next offset of a partition of which no message came yet."""

Column = tuple[np.ndarray[Any, Any] | None, ...]
"""Buffers in Arrow's layout: presence bits or None, offsets of a text, values."""


@cache
def built() -> bool:
    """Whether the compiled code is here, loads, and knows this Kafka client's messages."""
    try:
        _compiled()
    except (ImportError, TypeError) as error:
        logger.warning(
            "Messages are decoded in Python, several times slower, as the compiled decoder is "
            "not built here (%s): reinstall with a C++ compiler.",
            error,
        )
        return False
    return True


def decoder() -> "Rows | PythonDecoder":
    """An empty one: compiled, or in Python where that was not built, which is logged once."""
    return _compiled() if built() else PythonDecoder()


def exit_after_byte(pipe: int, seconds: float) -> bool:
    """Have this process end so long after a byte came from the pipe, see ``_decode.pyi``.

    Returns:
        Whether it will: not where the compiled code is missing.
    """
    if built():
        importlib.import_module("consumer.ingest._decode").exit_after_byte(pipe, seconds)
    return built()


def _compiled() -> "Rows":
    from confluent_kafka import Message  # noqa: PLC0415 - readers of the store need no Kafka client

    found: Rows = importlib.import_module("consumer.ingest._decode").Rows(Message)
    return found


class PythonDecoder:
    """In place of `_decode.Rows`: leaves every message to the contract's own decoder."""

    def __len__(self) -> int:
        """None is taken, ever."""
        return 0

    def take(
        self,
        messages: "list[Message]",
        positions: dict[int, int] | None,
        _now_ms: int,
        _clock_ms: int,
    ) -> tuple[int, list[int], list[int]]:
        """Sort errors and what lies below its partition's position out; leave the rest.

        Args:
            messages: see ``_decode.pyi``.
            positions: see ``_decode.pyi``.
            _now_ms: not used.
            _clock_ms: not used.
        """
        errors: list[int] = []
        rest: list[int] = []
        for index, message in enumerate(messages):
            if message.error() is not None:
                errors.append(index)
            elif positions is None or _takes(positions, message):
                rest.append(index)
        return 0, errors, rest

    def cut(self, rows: int) -> None:
        """There is nothing to forget."""

    def finish(self) -> dict[str, Column]:
        """There is nothing to hand over."""
        return {}


def _takes(positions: dict[int, int], message: "Message") -> bool:
    partition, offset = message.partition(), message.offset()
    if partition is None or offset is None:
        raise ValueError("a message without partition or offset")
    if partition not in positions or offset < positions[partition]:
        return False
    positions[partition] = offset + 1
    return True


def arrays(
    columns: Mapping[str, Column], rows: int, constants: Mapping[str, str], schema: pa.Schema
) -> Sequence[pa.Array]:
    """The columns of a schema, nulls where nothing is said of one.

    Args:
        columns: of the compiled decoder, by name.
        rows: how many.
        constants: columns with the same text in every row.
        schema: the columns to return.
    """
    return [_array(columns, constants, field, rows) for field in schema]


def _array(
    columns: Mapping[str, Column], constants: Mapping[str, str], field: pa.Field, rows: int
) -> pa.Array:
    if field.name in constants:
        return pa.repeat(constants[field.name], rows)
    if field.name not in columns:
        return pa.nulls(rows, field.type)
    buffers = [None if part is None else pa.py_buffer(part) for part in columns[field.name]]
    return pa.Array.from_buffers(field.type, rows, buffers)
