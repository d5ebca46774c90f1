"""`status`: what is stored, how far behind the store is, and what apps see."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from consumer.dead_letters.alarm import alarms
from consumer.dead_letters.letters import Filter, read
from consumer.errors import ConsumerError
from consumer.kafka.inspect import lag
from consumer.table.delta_log import replay
from gigstream.clocks import day, now_ms, warnings
from gigstream.commands.generations import latest
from gigstream.commands.lists import table
from gigstream.settings import Settings, load
from gigstream.terminal import Report, Terminal, command
from serving.connection import connect
from serving.contract import writer_key
from serving.errors import ServingError
from serving.live import read_live
from serving.redis_errors import translated
from trainer.plays.interactions import Interactions
from trainer.plays.read import settled
from trainer.registry.generations import PUBLISHED
from trainer.registry.hits import read as read_hits
from trainer.registry.hits import report
from trainer.registry.snapshot import Snapshots

_KAFKA = ("lag_events", "lag_s")
_SIDES = ("artist", "venue")
_LEASE = ("registry", "token", "host", "pid", "since")
_REDIS = ("generation", "generation_age_s", "foldins", "model_hash", "quality", "lease")


@command("status")
def status(terminal: Terminal) -> Report:
    """Show counts of the store, lag behind Kafka and the live generation.

    What a server that cannot be reached would tell is null.
    """
    settings, code = load(), 0
    facts, positions, warned = stored(settings)
    raised = alarms(settings) if facts["dead_letters"] else []
    facts["alarms"] = [asdict(each) for each in raised]
    facts["verdict"] = latest(settings)
    facts["hit_rate"] = report(read_hits(settings.models))
    if facts["verdict"] and facts["verdict"]["verdict"] != PUBLISHED:
        terminal.remark("generation {generation} is {verdict}: {reason}".format(**facts["verdict"]))
    terminal.remark(*(f"ALARM: {each}" for each in raised))
    terminal.remark(*warned)
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
    """Ask a server; returns its answer, or the expected error that prevented one."""
    try:
        return look(), None
    except (ConsumerError, ServingError) as error:
        return {}, error


def stored(settings: Settings) -> tuple[dict[str, Any], dict[str, int], list[str]]:
    """Read counts of the store, the next offset of each partition by app id, and warnings."""
    dead = _dead_letters(settings)
    saved = Snapshots(settings.models).load()
    found = settled(settings.store, (saved.interactions, saved.known) if saved else None)
    interactions, chunk = found or (Interactions(), None)
    clock = interactions.clock(now_ms())
    # Without dead letters their files need not be read.
    unresolved = Filter(is_open=True).select(read(settings.store)).num_rows if dead else 0
    facts: dict[str, Any] = {
        **asdict(interactions.totals()),
        "dead_letters": dead,
        "dead_letters_unresolved": unresolved,
        "as_of": day(clock.as_of_ms),
        "ahead": clock.ahead,
        "tombstones_unmatched": interactions.unmatched,
        "hidden": dict.fromkeys(_SIDES, 0)
        | {side: len(ids) for side, ids in interactions.hidden.items()},
        "store_version": chunk.version if chunk else None,
    }
    return facts, chunk.positions if chunk else {}, warnings(*clock, now_ms())


def _dead_letters(settings: Settings) -> int:
    """Count dead letters by the log, which names the rows of each file."""
    snapshot = replay(settings.store)
    files = snapshot.files.values() if snapshot else ()
    return sum(file.rows for file in files if file.kind == "dead")


def _lag(settings: Settings, positions: Mapping[str, int]) -> dict[str, Any]:
    events, oldest_ms = lag(settings, positions)
    return {
        "lag_events": events,
        "lag_s": 0.0 if oldest_ms is None else round(max(0.0, time.time() - oldest_ms / 1000), 3),
    }


def _live(settings: Settings) -> dict[str, Any]:
    """Describe the live generation; all null before the first one."""
    with connect(settings) as client:
        live = read_live(client, settings.redis_prefix)
        with translated(client, settings.redis_prefix):
            lease = client.hmget(writer_key(settings.redis_prefix), _LEASE)
    built_at = live.meta.get("built_at")
    return {
        "generation": live.generation,
        "generation_age_s": None if built_at is None else round(time.time() - built_at, 3),
        "foldins": live.seq,
        "model_hash": live.model_hash,
        "quality": live.meta.get("quality"),
        "lease": {key: value.decode() for key, value in zip(_LEASE, lease, strict=True) if value}
        or None,
    }


def _text(value: object) -> str:
    if value is None or value == []:
        return "-"
    # The figures of a judgement are for --json.
    if isinstance(value, dict) and "verdict" in value:
        return str(value["verdict"])
    if isinstance(value, dict) and "weeks" in value:
        return _hit_rate(value)
    if isinstance(value, dict) and set(value) == set(_SIDES):
        return ", ".join(f"{value[side]:,} {side}s" for side in _SIDES)
    if isinstance(value, list):
        return ", ".join(str(each["source"]) for each in value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def _hit_rate(found: dict[str, Any]) -> str:
    """The newest week's rates, beside those of the popular list."""
    if not found["weeks"]:
        return "-"
    newest = found["weeks"][0]
    rates = (
        f"{view} {rates['rate']:.0%} of {rates['gigs']:,} (popular {rates['popular_rate']:.0%})"
        for view, rates in newest["views"].items()
        if rates["gigs"]
    )
    return f"{newest['week']}: {', '.join(rates) or 'no artist or venue had a list'}"
