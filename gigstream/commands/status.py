"""`status`: what is stored, how far behind the store is, and what apps see."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gigstream.commands.lists import table
from gigstream.terminal import Report, Terminal, command

if TYPE_CHECKING:
    from gigstream.settings import Settings

_KAFKA = ("lag_events", "lag_s")
_REDIS = ("generation", "generation_age_s", "foldins", "model_hash", "quality", "lease")


@command("status")
def status(terminal: Terminal) -> Report:
    """Counts of the store, lag behind Kafka, generation in Redis; null where a server is away."""
    from gigstream.settings import load

    settings, code = load(), 0
    facts, positions = stored(settings)
    looks: list[tuple[tuple[str, ...], Callable[[], Mapping[str, Any]]]] = [
        (_KAFKA, lambda: _lag(settings, positions)),
        (_REDIS, lambda: _live(settings)),
    ]
    for names, look in looks:
        found, problem = _attempt(look)
        facts.update(dict.fromkeys(names) | dict(found))
        if problem is not None:
            terminal.remark(str(problem))
            code = max(code, getattr(problem, "exit_code", 1))
    terminal.say(table(("", ""), [(name, _text(value)) for name, value in facts.items()]))
    return Report(facts, exit_code=code)


def _attempt(look: Callable[[], Mapping[str, Any]]) -> tuple[Mapping[str, Any], Exception | None]:
    """What a server says, or the foreseen error that kept it from us."""
    from consumer.errors import ConsumerError
    from serving.errors import ServingError

    try:
        return look(), None
    except (ConsumerError, ServingError) as error:
        return {}, error


def stored(settings: "Settings") -> tuple[dict[str, Any], dict[str, int]]:
    """Counts of the store, and the offset to read next of each partition by its app id."""
    from trainer.following import settled
    from trainer.interactions import Interactions

    interactions, chunk = settled(settings.store) or (Interactions(), None)
    facts: dict[str, Any] = {
        **asdict(interactions.totals()),
        "dead_letters": chunk.dead if chunk else 0,
        "dead_letters_unresolved": _unresolved(settings) if chunk and chunk.dead else 0,
        "as_of": _day(interactions.as_of_ms),
        "store_version": chunk.version if chunk else None,
    }
    return facts, chunk.positions if chunk else {}


def _unresolved(settings: "Settings") -> int:
    """Dead letters that were not replayed since."""
    from consumer.dead_letters import Filter, read

    return int(Filter(is_open=True).of(read(settings.store)).num_rows)


def _lag(settings: "Settings", positions: Mapping[str, int]) -> dict[str, Any]:
    from gigstream.kafka import lag

    events, oldest_ms = lag(settings, positions)
    return {
        "lag_events": events,
        "lag_s": 0.0 if oldest_ms is None else round(max(0.0, time.time() - oldest_ms / 1000), 3),
    }


def _live(settings: "Settings") -> dict[str, Any]:
    """The generation that apps see, all null where none was published."""
    from serving.connection import connect
    from serving.contract import writer_key
    from serving.faults import translated
    from serving.live import read_live

    with connect(settings) as client:
        live = read_live(client, settings.redis_prefix)
        with translated(client, settings.redis_prefix):
            lease = client.hgetall(writer_key(settings.redis_prefix))
    built_at = live.meta.get("built_at")
    return {
        "generation": live.generation,
        "generation_age_s": None if built_at is None else round(time.time() - built_at, 3),
        "foldins": live.seq,
        "model_hash": live.model_hash,
        "quality": live.meta.get("quality"),
        "lease": {key.decode(): value.decode() for key, value in lease.items()} or None,
    }


def _day(epoch_ms: int | None) -> str | None:
    if epoch_ms is None:
        return None
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch_ms // 1000))


def _text(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)
