"""Where Redis holds an id: as a field of a hash, or as an entry of another id's list."""

import json
from collections.abc import Callable, Iterator
from typing import Any, Literal

import redis

from serving.contract import HASHES, as_text, events_key, id_of, is_reserved, live_key, side_of
from serving.redis_errors import translated

Side = Literal["artist", "venue"]
Gone = Callable[[Side, str], bool]
"""Whether an id of an artist, or of a venue, is one of those looked for."""

_AT_ONCE = 1000
_STAGED = (":staging:", ":retired:")


def holdings(client: redis.Redis, prefix: str, gone: Gone) -> dict[str, int]:
    """How many fields of each hash of a prefix hold one of these ids; hashes with none left out.

    Staged lists are among them. Reads everything: a second for 100,000 lists.

    Args:
        client: of the server.
        prefix: of the keys.
        gone: whether an id is one of those looked for.

    Raises:
        ServingError: see `serving.redis_errors.translated`.
    """
    with translated(client, prefix):
        counted = {
            key: sum(_holds(*sides, field, value, gone) for field, value in _fields(client, key))
            for key, sides in _keys(client, prefix)
        }
    return {key: count for key, count in counted.items() if count}


def drop_staged(client: redis.Redis, prefix: str, keys: list[str]) -> list[str]:
    """Remove those of these hashes that are being staged. Returns which.

    The process that stages one finds it incomplete and stages it again.

    Args:
        client: of the server.
        prefix: of the keys.
        keys: as `holdings` found them.
    """
    staged = [key for key in keys if any(part in key for part in _STAGED)]
    with translated(client, prefix):
        for key in staged:  # unlink frees in the background; the live lists stay
            client.unlink(key)
    return staged


def drop_events(client: redis.Redis, prefix: str) -> None:
    """Remove the stream of change events, whose entries name ids; the next change begins it again.

    Readers continue: ids of entries are times, so later entries have greater ones.

    Raises:
        ServingError: see `serving.redis_errors.translated`.
    """
    with translated(client, prefix):
        client.unlink(events_key(prefix))


def _keys(client: redis.Redis, prefix: str) -> Iterator[tuple[str, tuple[Side, Side]]]:
    """The hashes of a prefix, with the sides of their fields and of their lists."""
    # A set, since a scan may give a key twice.
    keys = {as_text(raw) for raw in client.scan_iter(count=_AT_ONCE)}
    for view in HASHES:
        live = live_key(prefix, view)
        under_way = tuple(live + part for part in _STAGED)
        sides: tuple[Side, Side] = (
            ("venue", "artist") if side_of(view) == "venue" else ("artist", "venue")
        )
        yield from (
            (key, sides) for key in sorted(keys) if key == live or key.startswith(under_way)
        )


def _fields(client: redis.Redis, key: str) -> Iterator[tuple[str, str]]:
    for field, value in client.hscan_iter(key, count=_AT_ONCE):
        yield as_text(field), as_text(value)


def _holds(owner: Side, listed: Side, field: str, value: str, gone: Gone) -> bool:
    own = not is_reserved(field) and gone(owner, id_of(field))
    return own or any(gone(listed, identity) for identity in _listed(value))


def _listed(value: str) -> list[str]:
    """The ids of a list; none where it is something else, such as a name."""
    try:
        read: Any = json.loads(value)
    except ValueError:
        return []
    return list(read["v"]) if isinstance(read, dict) and "v" in read else []
