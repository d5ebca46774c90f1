"""What apps see now: the generation that all hashes of a prefix agree on."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import redis

from serving.contract import GENERATION, HASHES, META, SEQ, live_key
from serving.faults import translated


@dataclass(frozen=True)
class Live:
    """One live generation; all None where a hash is missing or the hashes disagree."""

    generation: int | None = None
    model_hash: str | None = None
    seq: int | None = None
    """Fold-ins since its swap."""
    meta: Mapping[str, Any] = field(default_factory=dict)
    """Its ``_meta``."""


def read_live(client: redis.Redis, prefix: str) -> Live:
    """One round trip over all hashes, one more where they disagree.

    Raises:
        ServingError: see `serving.faults.translated`.
    """
    # No transaction: a server that is full refuses even reads in one. So a swap may come between
    # two of the reads, but not twice in a row.
    return _agreed(_read(client, prefix)) or _agreed(_read(client, prefix)) or Live()


def _read(client: redis.Redis, prefix: str) -> list[list[bytes | str | None]]:
    with translated(client, prefix), client.pipeline(transaction=False) as pipe:
        for view in HASHES:
            pipe.hmget(live_key(prefix, view), [GENERATION, SEQ, META])
        return pipe.execute()


def _agreed(found: list[list[bytes | str | None]]) -> Live | None:
    generation, seq, meta = found[0]
    if generation is None or seq is None or meta is None or found.count(found[0]) < len(found):
        return None
    facts = json.loads(meta)
    return Live(int(generation), facts.get("model_hash"), int(seq), facts)
