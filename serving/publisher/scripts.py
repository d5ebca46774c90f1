"""The Lua scripts, as the server gets them, and the words that they refuse with, as errors."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from serving import errors
from serving.owner import Owner


@cache
def source(name: str) -> str:
    """`checks.lua`, which all scripts share, and the script itself."""
    folder = files("serving.publisher") / "lua"
    return "\n".join((folder / f"{part}.lua").read_text("utf-8") for part in ("checks", name))


def refusal(
    verdict: str, facts: Sequence[str], *, prefix: str, token: int, generation: int
) -> errors.ServingError:
    """The error for a verdict other than ``ok``.

    Args:
        verdict: its word.
        facts: what follows it; see lua/checks.lua and the other scripts.
        prefix: of the keys.
        token: the writer's.
        generation: that the script was run for; 0: for none.
    """
    error: errors.ServingError
    match verdict, *facts:
        case "taken", key, kind:
            error = errors.RedisUnfit(
                f"key {key} holds a {kind} that is not ours: delete it, or set another "
                "GIGSTREAM_REDIS_PREFIX"
            )
        case "foreign", registry, *owner:
            error = errors.Fenced.foreign(prefix, registry, _owner(*owner))
        case "outrun", seen, *owner:
            error = errors.Fenced.outrun(token, int(seen), _owner(*owner))
        case "superseded", live:
            error = errors.Superseded(generation, int(live) if live else None)
        case "incomplete", key, *counted:
            error = errors.Incomplete(key, *map(int, counted))
        case "moved", seq:
            error = errors.SeqMoved(int(seq or 0))
        case "shrunk", key, before, now:
            error = errors.ShrinkRefused(key.removeprefix(f"{prefix}:"), int(before), int(now))
        case _:
            raise ValueError(f"a script answered {verdict!r} {list(facts)!r}")
    return error


def _owner(host: str, pid: str, since: str) -> Owner | None:
    """None where an earlier version wrote, which noted no owner."""
    return Owner(host, int(pid), int(since)) if pid.isdecimal() and since.isdecimal() else None
