"""Avro payloads as JSON, with the logical types as JSON writes them.

A timestamp becomes RFC 3339 in UTC, a date ``2018-10-31``, a decimal its digits as a string,
bytes base64; a local timestamp has no offset, so it is no ``time`` of the contract. The times of
the contract become milliseconds, so that a number of another unit is found here as well.
Importing this needs the extra ``schema-registry``.
"""

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import fastavro
import msgspec
from fastavro.schema import SchemaParseException

_FAULTS = (EOFError, LookupError, ValueError, TypeError, ArithmeticError, RecursionError)
"""What fastavro raises on bytes or a schema that it cannot read."""


_TIMES = ("time", "starts_at")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Unreadable(Exception):
    """A schema that is none, or a payload that does not follow it; ``str`` says why in a word."""


class Reader:
    """Reads payloads of one schema.

    Args:
        schema: the writer's, as JSON.
        references: schemas whose types it names, each after those that it needs itself.

    Raises:
        Unreadable: one of them is no Avro schema, or has an array whose items take no bytes: of
            those a few bytes may state more than any memory holds.
    """

    def __init__(self, schema: str, references: Iterable[str] = ()) -> None:
        named: dict[str, Any] = {}
        try:
            for each in (*references, schema):
                self._schema = fastavro.parse_schema(json.loads(each), named_schemas=named)
        except (SchemaParseException, *_FAULTS) as error:
            raise Unreadable(type(error).__name__) from None
        if any(_takes_no_bytes(items, named) for items in _items([self._schema, *named.values()])):
            raise Unreadable("an array of items that take no bytes")

    def __call__(self, payload: bytes) -> bytes:
        """The payload as JSON.

        Raises:
            Unreadable: it does not follow the schema, or has bytes after its end.
        """
        stream = io.BytesIO(payload)
        try:
            record = fastavro.schemaless_reader(stream, self._schema, None)
            value = msgspec.json.encode(_with_milliseconds(record))
        except _FAULTS as error:
            raise Unreadable(type(error).__name__) from None
        if stream.tell() != len(payload):
            raise Unreadable("bytes are left over")
        return value


def _with_milliseconds(record: object) -> object:
    """The same, its timestamps of the contract's times as milliseconds since 1970, rounded."""
    if not isinstance(record, dict):
        return record
    found = {name: record[name] for name in _TIMES if isinstance(record.get(name), datetime)}
    return record | {
        name: (instant - _EPOCH + _MILLISECOND / 2) // _MILLISECOND
        for name, instant in found.items()
        if instant.tzinfo
    }


def _items(schema: object) -> Iterator[object]:
    """What the arrays hold that a schema, or a list of them, defines at any depth."""
    if isinstance(schema, list):
        for each in schema:
            yield from _items(each)
    elif isinstance(schema, dict):
        if schema.get("type") == "array":
            yield schema["items"]
        inner = (schema.get(name) for name in ("type", "items", "values", "fields"))
        yield from _items([each for each in inner if isinstance(each, list | dict)])


def _takes_no_bytes(schema: object, named: Mapping[str, Any], within: tuple[str, ...] = ()) -> bool:
    """Whether a value of this schema is written as nothing; a union at least says which it is."""
    if isinstance(schema, str):
        if schema in within or schema not in named:
            return schema == "null"
        return _takes_no_bytes(named[schema], named, (*within, schema))
    if not isinstance(schema, dict):
        return False
    kind = schema["type"]
    if kind == "fixed":
        return bool(schema["size"] == 0)
    if kind in {"record", "error"}:
        within = (*within, schema["name"])
        return all(_takes_no_bytes(field["type"], named, within) for field in schema["fields"])
    return _takes_no_bytes(kind, named, within)
