"""Descriptions of request bodies, by the types that read them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema

_REF = "$ref"


@dataclass
class PlainSchema(Schema):
    """A JSON schema that is there already."""

    plain: Any = None

    def to_schema(self) -> dict[str, Any]:
        """The schema itself."""
        found: dict[str, Any] = self.plain
        return found


def described_by(schema: Mapping[str, Any]) -> type[Operation]:
    """An operation whose body has this schema.

    Litestar's own description of a body leaves out bounds of items and of optional members.
    """

    @dataclass
    class Described(Operation):
        def __post_init__(self) -> None:
            media = OpenAPIMediaType(schema=PlainSchema(plain=schema))
            self.request_body = RequestBody(content={"application/json": media}, required=True)

    return Described


def schema_of(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The schema of a body, in one piece."""
    (schema,), parts = msgspec.json.schema_components([kind], ref_template="{name}")
    found: dict[str, Any] = _inlined(schema, parts)
    return found


def _inlined(schema: Any, parts: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(schema, Mapping):
        if _REF in schema:
            return _inlined(parts[schema[_REF]], parts)
        return {name: _inlined(value, parts) for name, value in schema.items()}
    if isinstance(schema, Sequence) and not isinstance(schema, str):
        return [_inlined(value, parts) for value in schema]
    return schema
