"""Small generations of lists for the tests of what publishes and reads them."""

from collections.abc import Mapping, Sequence
from typing import Any

import redis

from serving.contract import TEXTS, Entry, Kind, TextView, View
from serving.live import Progress
from serving.publisher.fields import Changes, Texts
from serving.publisher.publish import Publisher

AS_OF = 1_541_030_400
BUILT_AT = 1_700_000_000.0


def entry(
    generation: int,
    ids: Sequence[str] = ("v1", "v2", "v3"),
    kind: Kind = "model",
    plays: Sequence[int] | None = None,
) -> Entry:
    """A list with scores 1, 1/2, 1/3 ..."""
    scores = [1 / (rank + 1) for rank in range(len(ids))]
    return Entry(generation, AS_OF, kind, list(ids), scores, plays)


def lists(generation: int, count: int = 5) -> dict[View, dict[str, Entry]]:
    """`count` artists a0, a1 ... and as many venues v0, v1 ..."""
    artists = {f"a{n}": entry(generation) for n in range(count)}
    returns = {f"a{n}": entry(generation, plays=[2, 1, 0]) for n in range(count)}
    venues = {f"v{n}": entry(generation, ids=("a1", "a2")) for n in range(count)}
    again = {f"v{n}": entry(generation, ids=("a1", "a2"), plays=[2, 0]) for n in range(count)}
    return {"artist": artists, "artist:returns": returns, "venue": venues, "venue:returns": again}


def stage(publisher: Publisher, generation: int, count: int = 5) -> dict[View, int]:
    """Stage `lists` and their names. Returns what to commit as `counts`."""
    publisher.begin(generation)
    counts = {
        view: publisher.stage(generation, view, by_id.items())
        for view, by_id in lists(generation, count).items()
    }
    for view, letter in zip(TEXTS[:2], "av", strict=True):
        names = ((f"{letter}{n}", f"{view.split(':')[0].title()} {n}") for n in range(count))
        publisher.stage_texts(generation, view, names)
    publisher.stage_texts(generation, "venue:info", [("v0", '{"city":"Hamburg"}')])
    publisher.stage_texts(generation, "artist:info", [("a0", '{"genres":["jazz"]}')])
    return counts


def commit(
    publisher: Publisher,
    generation: int,
    counts: Mapping[View, int],
    **changed: Any,
) -> Progress:
    """Commit what `stage` staged, at version 10 of the store."""
    popular = entry(generation, ids=("p1", "p2"), kind="popular")
    returns = entry(generation, ids=("p1", "p2"), kind="popular", plays=[0, 0])
    arguments: dict[str, Any] = {
        "model_hash": f"hash-{generation}",
        "seq": None,
        "meta": {"built_at": BUILT_AT, "as_of": AS_OF},
        "defaults": {
            "artist": popular,
            "artist:returns": returns,
            "venue": popular,
            "venue:returns": returns,
        },
        "counts": counts,
        "version": 10,
    }
    return publisher.commit(generation, **{**arguments, **changed})


def publish(publisher: Publisher, generation: int, count: int = 5) -> None:
    """Make `lists` live."""
    commit(publisher, generation, stage(publisher, generation, count))


def fold_in(
    publisher: Publisher,
    generation: int,
    changes: Mapping[View, Changes],
    texts: Mapping[TextView, Texts] | None = None,
    version: int = 11,
) -> Progress:
    """Fold into what is live."""
    held = publisher.live().progress or Progress(0, 10)
    return publisher.fold_in(generation, changes, texts or {}, held=held, version=version)


def state(client: redis.Redis, prefix: str) -> dict[bytes, Any]:
    """Every key of a prefix and its whole content, for comparing."""
    # Not DUMP: equal hashes may lie in another order.
    read = {b"hash": client.hgetall, b"stream": client.xrange, b"string": client.get}
    return {key: read[client.type(key)](key) for key in client.scan_iter(f"{prefix}:*")}


def live_only(client: redis.Redis, prefix: str) -> dict[bytes, Any]:
    """The same without staging."""
    return {k: v for k, v in state(client, prefix).items() if b":staging:" not in k}
