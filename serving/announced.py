"""Change events of the lists, as the stream in Redis still holds them."""

import json
from typing import Any, NamedTuple

import redis

from serving.contract import as_text, events_key
from serving.redis_errors import translated


class Announced(NamedTuple):
    """A commit of a generation, or a fold-in.

    Attributes:
        at_ms: when, by Redis' clock, epoch ms.
        kind: `commit` or `foldin`.
        generation: its number.
        seq: of the fold-in; 0 of a commit.
        artists: whose lists changed; None: they are not named.
        venues: whose lists changed; None: they are not named.
    """

    at_ms: int
    kind: str
    generation: int
    seq: int
    artists: tuple[str, ...] | None
    venues: tuple[str, ...] | None

    def names(self, artist: str, venue: str) -> bool:
        """Whether it may have changed the list of one of these."""
        sides = ((self.artists, artist), (self.venues, venue))
        return any(named is None or identity in named for named, identity in sides)


def announced(client: redis.Redis, prefix: str, *, since_ms: int = 0) -> list[Announced]:
    """The change events since a moment, oldest first; about the last thousand are kept.

    Args:
        client: of the server.
        prefix: of all keys.
        since_ms: epoch ms.

    Raises:
        ServingError: Redis cannot be asked.
    """
    # From a time on, since a stream's keys begin with the server's clock.
    with translated(client, prefix):
        found: Any = client.xrange(events_key(prefix), min=max(0, since_ms))
    return [_announced(as_text(key), fields) for key, fields in found]


def _announced(key: str, fields: dict[bytes | str, bytes | str]) -> Announced:
    said = {as_text(name): as_text(value) for name, value in fields.items()}
    return Announced(
        at_ms=int(key.partition("-")[0]),
        kind=said.get("kind", ""),
        generation=int(said.get("generation", 0)),
        seq=int(said.get("seq", 0)),
        artists=_ids(said.get("artists")),
        venues=_ids(said.get("venues")),
    )


def _ids(text: str | None) -> tuple[str, ...] | None:
    return tuple(json.loads(text)) if text else None
