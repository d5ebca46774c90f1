"""The hashes of a generation while they are built: written in chunks, gone if forgotten."""

import re
from collections.abc import Iterable
from typing import NamedTuple

import redis
from redis.client import Pipeline

from serving.contract import GENERATION, HASHES, TextView, View, as_text, live_key, staging_key
from serving.publisher.fields import Field, chunks, size_of
from serving.redis_errors import translated

TTL_S = 3600
"""Every chunk renews it for all hashes, so that the first outlives a long stage of the last."""
FIELDS = 100
"""Fields per HSET: more make the server pause, fewer cost a reply each."""
CHUNK_CHARS = 1 << 20
"""Fields and values per round trip, about: what client and server buffer at a time."""

_SPECIAL = re.compile(r"([\\*?\[\]])")  # in a pattern of SCAN


class Staged(NamedTuple):
    """How much was written: fields, removed ones included, and characters of all of them."""

    fields: int
    chars: int


class Staging:
    """The staging hashes of one generation and writer."""

    def __init__(self, client: redis.Redis, *, prefix: str, generation: int, token: int) -> None:
        self._client = client
        self._prefix = prefix
        self._generation = generation
        self._keys = {view: staging_key(prefix, view, generation, token) for view in HASHES}

    def begin(self) -> None:
        """Drop what an earlier attempt left, and mark each hash as begun (see commit.lua)."""
        with translated(self._client, self._prefix), self._client.pipeline(False) as pipe:
            pipe.unlink(*self._keys.values())  # first: the marks are fields of the same hashes
            for key in self._keys.values():
                pipe.hset(key, GENERATION, str(self._generation))
            self._renew(pipe)
            pipe.execute()

    def write(self, view: View | TextView, fields: Iterable[Field]) -> "Staged":
        """Set and remove fields."""
        found, chars = 0, 0
        for chunk in chunks(fields, CHUNK_CHARS, size_of):
            self._write(view, chunk)
            found, chars = found + len(chunk), chars + sum(map(size_of, chunk))
        return Staged(found, chars)

    def _write(self, view: View | TextView, chunk: list[Field]) -> None:
        with translated(self._client, self._prefix), self._client.pipeline(False) as pipe:
            _apply(pipe, self._keys[view], chunk)
            self._renew(pipe)  # in the same round trip: else a slow stage expires between two
            pipe.execute()

    def _renew(self, pipe: Pipeline) -> None:
        for key in self._keys.values():
            pipe.expire(key, TTL_S)


def drop_outrun(client: redis.Redis, prefix: str, token: int, *, foreign: bool) -> list[str]:
    """Remove the stagings of writers before this one, which may be large. Returns their keys.

    Args:
        client: of the server.
        prefix: which lists.
        token: of the writer that claimed the prefix.
        foreign: also those of higher tokens: the writers before were another registry's.
    """
    begins = tuple(f"{live_key(prefix, view)}:staging:" for view in HASHES)
    pattern = _SPECIAL.sub(r"\\\1", prefix) + ":*:staging:*"
    with translated(client, prefix):
        found = [as_text(key) for key in client.scan_iter(pattern, count=1000)]
        outrun = [
            key
            for key in found
            if key.startswith(begins) and _is_outrun(key.rpartition("-")[2], token, foreign=foreign)
        ]
        for key in outrun:
            client.unlink(key)
    return outrun


def _is_outrun(theirs: str, ours: int, *, foreign: bool) -> bool:
    return theirs.isdecimal() and (int(theirs) < ours or (foreign and int(theirs) > ours))


def _apply(pipe: Pipeline, key: str, chunk: list[Field]) -> None:
    kept = [(name, value) for name, value in chunk if value is not None]
    gone = [name for name, value in chunk if value is None]
    for start in range(0, len(kept), FIELDS):
        pipe.hset(key, items=[text for pair in kept[start : start + FIELDS] for text in pair])
    for start in range(0, len(gone), FIELDS):
        pipe.hdel(key, *gone[start : start + FIELDS])
