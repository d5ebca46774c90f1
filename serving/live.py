"""What apps see now: the generation that all hashes of a prefix agree on."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import redis

from serving.contract import ADDED, GENERATION, HASHES, META, SEQ, VERSION, TextView, View, live_key
from serving.redis_errors import translated

Fields = list[bytes | str | None]


class Progress(NamedTuple):
    """How far the live lists have come; written by the script that writes the lists."""

    seq: int
    """Number of the last fold-in, 0 at the swap."""
    version: int
    """Version of the store up to which all lists are right."""


@dataclass(frozen=True)
class Live:
    """One live generation; all None where a hash is missing or the hashes disagree."""

    generation: int | None = None
    model_hash: str | None = None
    seq: int | None = None
    """Number of its last fold-in, 0 at its swap."""
    version: int | None = None
    """Version of the store up to which its lists are right; None: an older gigstream wrote them."""
    meta: Mapping[str, Any] = field(default_factory=dict)
    """Its ``_meta``."""
    lacking: tuple[View | TextView, ...] = ()
    """Hashes that it does not have, since an earlier gigstream published it."""
    damage: str | None = None
    """What of it cannot be read, where all hashes agree on it: publish it again."""

    def __str__(self) -> str:
        """What is there, for logs."""
        return self.damage or f"generation {self.generation}"

    @property
    def progress(self) -> Progress | None:
        """Sequence number and store version.

        None where nothing can be folded in: either is missing, or the lists of a view are.
        """
        if self.seq is None or self.version is None or self.lacking:
            return None
        return Progress(self.seq, self.version)


def read_live(client: redis.Redis, prefix: str) -> Live:
    """One round trip over all hashes, one more where they disagree.

    Raises:
        ServingError: see `serving.redis_errors.translated`.
    """
    # No transaction: a server that is full refuses even reads in one. So a swap may come between
    # two of the reads, but not twice in a row.
    return _agreed(_read(client, prefix)) or _agreed(_read(client, prefix)) or Live()


def _read(client: redis.Redis, prefix: str) -> list[Fields]:
    with translated(client, prefix), client.pipeline(transaction=False) as pipe:
        for view in HASHES:
            pipe.hmget(live_key(prefix, view), [GENERATION, SEQ, META, VERSION])
        return pipe.execute()


def _agreed(found: list[Fields]) -> Live | None:
    generation, seq, meta, version = found[0]
    hashes = dict(zip(HASHES, found, strict=True))
    lacking = tuple(view for view in ADDED if not any(hashes[view]))
    agreeing = found.count(found[0]) + len(lacking)
    if generation is None or seq is None or meta is None or agreeing < len(found):
        return None
    try:
        facts = json.loads(meta)
        return Live(
            generation=int(generation),
            model_hash=facts.get("model_hash"),
            seq=int(seq),
            version=int(version) if version else None,
            meta=facts,
            lacking=lacking,
        )
    except (ValueError, AttributeError):
        return Live(damage=f"{GENERATION} {generation!r}, {SEQ} {seq!r}, {META} {meta[:80]!r}")
