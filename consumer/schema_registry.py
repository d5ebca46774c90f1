"""Values that a schema registry's clients wrote: Avro becomes JSON, and JSON stays what it is.

The registry is asked once for each schema. One that is away is waited for; nothing that only it
can explain becomes a dead letter, unless it answers and says that it knows no such schema.
Importing this needs the extra ``schema-registry``.
"""

import random
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Self, TypeVar
from uuid import UUID

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, SchemaRegistryError
from confluent_kafka.schema_registry.common._httpx_compat import httpx
from confluent_kafka.schema_registry.error import OAuthTokenError

from consumer import avro
from consumer.errors import RegistryOptionRefused, RegistryRefused, RegistryUnreachable, Stopped
from consumer.framing import Frame
from consumer.invalid import InvalidEvent

LATE_S = 2.0
"""How long a registry that does not know a schema is asked again: a schema that was registered
the moment before its first record may not have reached this server of it."""

KNOWN_FOR_UNKNOWN_S = 60.0
"""How long an unknown schema stays unknown without being asked for again."""

_NOT_FOUND = 404
_NO_SUCH_SCHEMA = 40403
_NOT_LET_IN = {401, 403}
_PAUSE_S = 0.25
_REQUEST_TIMEOUT_S = 5.0
_NUMBERS = {"timeout": float, "cache.capacity": int, "cache.latest.ttl.sec": int}
_AWAY = (httpx.TransportError, OAuthTokenError, SchemaRegistryError)
_NO_REGISTRY = (ValueError, KeyError, TypeError, AttributeError)
"""What the client raises on an answer that no schema registry gives, such as a web page."""

_MOST_UNKNOWN = 10_000

_Reader = Callable[[bytes], bytes]
T = TypeVar("T")


class _Unknown(Exception):
    """The registry answers, and knows no such schema."""


class SchemaRegistry:
    """Reads framed values as plain JSON; one thread uses it.

    Args:
        url: for what is said of it.
        client: asks once per call, without retries of its own.
        patience_s: how long a registry that does not answer is waited for.
        stopping: whether to give up waiting because this process stops.
    """

    def __init__(
        self,
        *,
        url: str,
        client: SchemaRegistryClient,
        patience_s: float,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._url = url
        self._client = client
        self._patience_s = patience_s
        self._stopping = stopping
        self._readers: dict[int | UUID, _Reader] = {}
        self._unknown: dict[int | UUID, float] = {}
        self._grace_from = 0.0

    @classmethod
    def connect(
        cls,
        url: str,
        options: Mapping[str, str],
        *,
        patience_s: float,
        stopping: Callable[[], bool] = lambda: False,
    ) -> Self:
        """A registry at this address; nothing is asked yet.

        Raises:
            RegistryOptionRefused: the client does not take an option.
        """
        try:
            named = {name: _NUMBERS.get(name, str)(value) for name, value in options.items()}
            ours = {"url": url, "max.retries": 0}
            client = SchemaRegistryClient({"timeout": _REQUEST_TIMEOUT_S, **named, **ours})
        except (ValueError, TypeError, OSError) as error:
            raise RegistryOptionRefused(error) from None
        return cls(url=url, client=client, patience_s=patience_s, stopping=stopping)

    def __call__(self, frame: Frame) -> bytes:
        """The payload as JSON.

        Raises:
            InvalidEvent: the registry knows no such schema, or the payload does not follow it.
            RegistryUnreachable: it did not answer for too long.
            RegistryRefused: it does not let us in.
            Stopped: this process stops.
        """
        reader = self._readers.get(frame.schema)
        if reader is None:
            reader = self._readers[frame.schema] = self._reader(frame)
        try:
            return reader(frame.payload)
        except avro.Unreadable as error:
            raise _invalid(frame, f"which it does not follow ({error})", _SERIALIZE) from None

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def answers(self) -> None:
        """Ask for anything, so that a wrong address or login shows; raises like a call."""
        self._asked(self._client.get_schema_types)

    def _reader(self, frame: Frame) -> _Reader:
        try:
            schema = self._schema(frame.schema)
        except _Unknown:
            raise _invalid(frame, "which the registry does not know", _REGISTER) from None
        kind = schema.schema_type
        if kind == "JSON":
            return bytes
        if kind != "AVRO":
            raise _invalid(frame, f"which is {kind}", "send Avro or JSON")
        try:
            return avro.Reader(schema.schema_str or "", self._references(schema))
        except (_Unknown, avro.Unreadable) as error:
            said = str(error) or "it refers to one that is unknown"
            raise _invalid(frame, f"which cannot be read ({said})", _REGISTER) from None

    def _schema(self, schema: int | UUID) -> Schema:
        if self._unknown.get(schema, 0.0) > time.monotonic():
            raise _Unknown
        grace_until = time.monotonic() + LATE_S
        while True:
            try:
                return self._asked(lambda: self._get(schema))
            except _Unknown:
                if not self._in_grace(grace_until):
                    self._remember_unknown(schema)
                    raise
            self._pause()

    def _in_grace(self, until: float) -> bool:
        # Bytes that only look like a frame name a new schema each time: no grace for each of them.
        return self._grace_from < time.monotonic() < until

    def _remember_unknown(self, schema: int | UUID) -> None:
        if len(self._unknown) >= _MOST_UNKNOWN:
            self._unknown.clear()
        self._grace_from = self._unknown[schema] = time.monotonic() + KNOWN_FOR_UNKNOWN_S

    def _get(self, schema: int | UUID) -> Schema:
        if isinstance(schema, UUID):
            found = self._client.get_schema_by_guid(str(schema))
        else:
            found = self._client.get_schema(schema)
        if not found.schema_str:
            raise ValueError("an answer without a schema")
        return found

    def _references(self, schema: Schema) -> list[str]:
        """The schemas that one takes types from, each once, after those that it needs itself."""
        found: dict[tuple[str, int], str] = {}

        def add(of: Schema) -> None:
            for each in of.references or ():
                place = str(each.subject), int(each.version or 0)
                if place not in found:
                    referred = self._asked(partial(self._client.get_version, *place)).schema
                    add(referred)
                    found[place] = referred.schema_str or ""

        add(schema)
        return [*found.values()]

    def _asked(self, ask: Callable[[], T]) -> T:
        """The answer of a registry that may have to be waited for."""
        since_s = time.monotonic()
        while True:
            try:
                return ask()
            except _AWAY as error:
                cause: Exception = self._judged(error)
            except _NO_REGISTRY as error:
                cause = error
            if time.monotonic() - since_s > self._patience_s:
                raise RegistryUnreachable(self._url, self._patience_s, cause)
            self._pause()

    def _judged(self, error: Exception) -> Exception:
        """The error, where waiting may end it."""
        if not isinstance(error, SchemaRegistryError):
            return error
        if error.http_status_code in _NOT_LET_IN:
            raise RegistryRefused(self._url, error)
        if error.error_code == _NO_SUCH_SCHEMA or self._is_there(error):
            raise _Unknown
        return error

    def _is_there(self, error: SchemaRegistryError) -> bool:
        # Without its own code a 404 may be that of a wrong address: then it lists no types either.
        if error.http_status_code != _NOT_FOUND:
            return False
        try:
            return bool(self._client.get_schema_types())
        except (*_AWAY, *_NO_REGISTRY):
            return False

    def _pause(self) -> None:
        if self._stopping():
            raise Stopped
        time.sleep(random.uniform(_PAUSE_S / 2, _PAUSE_S))


_REGISTER = "register it, or correct schema_registry_url"
_SERIALIZE = "send what the schema's own serializer writes"


def _invalid(frame: Frame, problem: str, remedy: str) -> InvalidEvent:
    return InvalidEvent("value", frame.payload, f"names schema {frame.schema}, {problem}", remedy)
