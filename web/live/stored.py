"""The published lists, as apps read them from Redis."""

from collections.abc import Sequence
from typing import Any

import redis

from serving.contract import Entry, field_of, live_key
from serving.lookup import Lookup, Match, Recommendation, Side
from serving.redis_errors import translated


class StoredLists:
    """Reads under one prefix.

    All methods raise `serving.errors.ServingError`s.

    Args:
        client: of redis-py; it belongs to the caller.
        prefix: of the keys.
        size: entries of a stored list at most.
    """

    def __init__(self, client: redis.Redis, prefix: str, size: int) -> None:
        self._lookup, self.size = Lookup(client, prefix), size
        self._client, self._prefix = client, prefix

    def read(self, side: Side, identity: str, n: int, *, returns: bool) -> Recommendation:
        """The first n entries; fewer where the stored list is shorter.

        Args:
            side: of the id.
            identity: known or not: an unknown one gets the popular list.
            n: at least 1.
            returns: pairs that met count too.
        """
        read = self._lookup.venue if side == "venue" else self._lookup.artist
        return read(identity, n, returns=returns)

    def names(self, side: Side, ids: list[str]) -> dict[str, str]:
        """Display names by id, of those that have one."""
        return self._lookup.names(ids, of=side)

    def search(self, side: Side, text: str, limit: int) -> list[Match]:
        """Ids whose name contains a text, closest first.

        Args:
            side: whose names.
            text: part of a name.
            limit: most matches.
        """
        return self._lookup.search(text, of=side, limit=limit)

    def places(self, side: Side, owners: Sequence[str], wanted: str) -> dict[str, int]:
        """In which of these lists an id stands, and as which entry, from 1.

        Args:
            side: of the owners.
            owners: whose lists are looked at; at least one.
            wanted: an id of the other side.
        """
        # One round trip for all of them.
        with translated(self._client, self._prefix):
            key = live_key(self._prefix, side)
            found: Any = self._client.hmget(key, [field_of(owner) for owner in owners])
        lists = {
            owner: Entry.decode(value).ids
            for owner, value in zip(owners, found, strict=True)
            if value is not None
        }
        return {owner: list(ids).index(wanted) + 1 for owner, ids in lists.items() if wanted in ids}

    def is_there(self) -> None:
        """Raise where Redis does not answer, or nothing is published."""
        # No id is empty: this reads the popular list, which every generation has.
        self._lookup.artist("", 1)


def tag(found: Recommendation) -> str:
    """What changes with each generation and each fold-in."""
    return f"{found.generation}-{found.seq}-{found.version}"
