"""Reads values framed for a schema registry: Avro becomes JSON, JSON stays as it is.

The registry is asked once for each schema. If it does not answer, the caller waits: a record
becomes a dead letter only when the registry answers that it has no such schema. Importing this
needs the extra ``schema-registry``.
"""

import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Self, TypeVar
from uuid import UUID

import httpx2
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, SchemaRegistryError
from confluent_kafka.schema_registry.error import OAuthTokenError

from consumer.deadline import Deadline
from consumer.errors import RegistryOptionRefused, RegistryRefused, RegistryUnreachable, Stopped
from consumer.events.framing import Frame
from consumer.events.invalid import InvalidEvent
from consumer.registry import avro

LATE_S = 2.0
"""How long an unknown schema is asked for again: one registered just before its first record may
not have reached this server of the registry yet."""

KNOWN_FOR_UNKNOWN_S = 60.0
"""How long an unknown schema is not asked for again."""

_NOT_FOUND = 404
_NO_SUCH_SCHEMA = 40403
_LOGIN_REFUSED = {401, 403}
_PAUSE_S = 0.25
_REQUEST_TIMEOUT_S = 5.0
_NUMBERS = {"timeout": float, "cache.capacity": int, "cache.latest.ttl.sec": int}
_AWAY = (httpx2.TransportError, OAuthTokenError, SchemaRegistryError)
_NO_REGISTRY = (ValueError, KeyError, TypeError, AttributeError)
"""What the client raises on an answer that is not a schema registry's, such as a web page."""

_MOST_UNKNOWN = 10_000

_Reader = Callable[[bytes], bytes]
T = TypeVar("T")


class _Unknown(Exception):
    """The registry answers that it has no such schema."""


class SchemaRegistry:
    """Reads framed values as plain JSON; one thread uses it.

    Args:
        url: for error texts.
        client: without retries of its own.
        patience_s: how long to wait for a registry that does not answer.
        stopping: whether this process stops, so that waiting ends.
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
        """A registry at this address; no request is sent yet.

        Args:
            url: its address.
            options: of its client.
            patience_s: see the class.
            stopping: see the class.

        Raises:
            RegistryOptionRefused: the client does not take an option.
        """
        try:
            named = {name: _NUMBERS.get(name, str)(value) for name, value in options.items()}
            # Our own retries, since the client's would not notice that this process stops.
            ours = {"url": url, "max.retries": 0}
            client = SchemaRegistryClient({"timeout": _REQUEST_TIMEOUT_S, **named, **ours})
        except (ValueError, TypeError, OSError) as error:
            raise RegistryOptionRefused(error) from None
        return cls(url=url, client=client, patience_s=patience_s, stopping=stopping)

    def __call__(self, frame: Frame) -> bytes:
        """The payload as JSON.

        Raises:
            InvalidEvent: the registry has no such schema, or the payload does not follow it.
            RegistryUnreachable: it did not answer in time.
            RegistryRefused: it refused the login.
            Stopped: this process stops.
        """
        reader = self._readers.get(frame.schema)
        if reader is None:
            # Schemas are immutable: a reader is kept for ever.
            reader = self._readers[frame.schema] = self._reader(frame)
        try:
            return reader(frame.payload)
        except avro.Unreadable as error:
            raise _invalid(frame, f"which it does not follow ({error})", _SERIALIZE) from None

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def answers(self) -> None:
        """Send one request, so that a wrong address or login shows; raises like a call."""
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
            cause = str(error) or "it refers to one that is unknown"
            raise _invalid(frame, f"which cannot be read ({cause})", _REGISTER) from None

    def _schema(self, schema: int | UUID) -> Schema:
        if self._unknown.get(schema, 0.0) > time.monotonic():
            raise _Unknown
        grace_until = time.monotonic() + LATE_S
        while True:
            try:
                return self._asked(lambda: self._get(schema))
            except _Unknown:
                # One grace a minute: random bytes that name ever new schemas would each hold the
                # stream up.
                if not (self._grace_from < time.monotonic() < grace_until):
                    self._remember_unknown(schema)
                    raise
            self._pause()

    def _remember_unknown(self, schema: int | UUID) -> None:
        # Bounded: random bytes may name any number of schemas.
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
        """The schemas that a schema refers to, each once, after those that it refers to itself."""
        found: dict[tuple[str, int], str] = {}

        def add(referring: Schema) -> None:
            for each in referring.references or ():
                name = str(each.subject), int(each.version or 0)
                if name not in found:
                    referred = self._asked(partial(self._client.get_version, *name)).schema
                    add(referred)
                    found[name] = referred.schema_str or ""

        add(schema)
        return [*found.values()]

    def _asked(self, ask: Callable[[], T]) -> T:
        """The answer to a request, repeated while the registry is away."""
        deadline = Deadline(self._patience_s)
        while True:
            try:
                return ask()
            except _AWAY as error:
                cause: Exception = self._checked(error)
            except _NO_REGISTRY as error:
                cause = error
            if deadline.is_over:
                raise RegistryUnreachable(self._url, self._patience_s, cause)
            self._pause()

    def _checked(self, error: Exception) -> Exception:
        """The error, if waiting may help; else it is raised as what it means."""
        if not isinstance(error, SchemaRegistryError):
            return error
        # No waiting ends it, so it is not asked again.
        if error.http_status_code in _LOGIN_REFUSED:
            raise RegistryRefused(self._url, error)
        if error.error_code == _NO_SUCH_SCHEMA or self._is_there(error):
            raise _Unknown
        return error

    def _is_there(self, error: SchemaRegistryError) -> bool:
        # A 404 without the registry's own code may mean a wrong address: then no types are listed.
        with suppress(*_AWAY, *_NO_REGISTRY):
            return error.http_status_code == _NOT_FOUND and bool(self._client.get_schema_types())
        return False

    def _pause(self) -> None:
        if self._stopping():
            raise Stopped
        # Random, so that consumers do not all ask at the same moment once the registry is back.
        time.sleep(random.uniform(_PAUSE_S / 2, _PAUSE_S))


_REGISTER = "register it, or correct schema_registry_url"
_SERIALIZE = "send what the schema's own serializer writes"


def _invalid(frame: Frame, problem: str, remedy: str) -> InvalidEvent:
    return InvalidEvent("value", frame.payload, f"names schema {frame.schema}, {problem}", remedy)
