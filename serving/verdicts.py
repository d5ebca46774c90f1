"""The words that the Lua scripts refuse with, as errors."""

from collections.abc import Sequence

from serving.errors import Fenced, Incomplete, RedisUnfit, SeqMoved, ServingError, Superseded


def refusal(
    verdict: str, facts: Sequence[str], *, prefix: str, token: int, generation: int
) -> ServingError:
    """The error for a verdict other than ``ok``; `facts` as lua/checks.lua and others give them."""
    match verdict, *facts:
        case "taken", key, kind:
            return RedisUnfit(
                f"key {key} holds a {kind} that is not ours: delete it, or set another "
                "GIGSTREAM_REDIS_PREFIX"
            )
        case "foreign", registry:
            return Fenced.foreign(prefix, registry)
        case "outrun", seen:
            return Fenced.outrun(token, int(seen))
        case "superseded", live:
            return Superseded(generation, int(live) if live else None)
        case "incomplete", key, *counted:
            return Incomplete(key, *map(int, counted))
        case "moved", seq:
            return SeqMoved(int(seq))
    raise ValueError(f"a script said {verdict!r} {list(facts)!r}")
