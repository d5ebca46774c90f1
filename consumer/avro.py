"""Avro payloads as JSON, with the logical types as JSON writes them.

A timestamp becomes RFC 3339 in UTC, a date ``2018-10-31``, a decimal its digits as a string,
bytes base64; a local timestamp has no offset, so it is no ``time`` of the contract.
Importing this needs the extra ``schema-registry``.
"""

import io
import json
from collections.abc import Iterable
from typing import Any

import fastavro
import msgspec
from fastavro.schema import SchemaParseException

_FAULTS = (EOFError, LookupError, ValueError, TypeError, ArithmeticError, RecursionError)
"""What fastavro raises on bytes or a schema that it cannot read."""


class Unreadable(Exception):
    """A schema that is none, or a payload that does not follow it; ``str`` says why in a word."""


class Reader:
    """Reads payloads of one schema.

    Args:
        schema: the writer's, as JSON.
        references: schemas whose types it names, each after those that it needs itself.

    Raises:
        Unreadable: one of them is no Avro schema.
    """

    def __init__(self, schema: str, references: Iterable[str] = ()) -> None:
        named: dict[str, Any] = {}
        try:
            for each in (*references, schema):
                self._schema = fastavro.parse_schema(json.loads(each), named_schemas=named)
        except (SchemaParseException, *_FAULTS) as error:
            raise Unreadable(type(error).__name__) from None

    def __call__(self, payload: bytes) -> bytes:
        """The payload as JSON.

        Raises:
            Unreadable: it does not follow the schema, or goes on after its end.
        """
        stream = io.BytesIO(payload)
        try:
            value = msgspec.json.encode(fastavro.schemaless_reader(stream, self._schema, None))
        except _FAULTS as error:
            raise Unreadable(type(error).__name__) from None
        if stream.tell() != len(payload):
            raise Unreadable("bytes are left over")
        return value
