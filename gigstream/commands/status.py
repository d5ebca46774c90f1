"""`status`: what is stored, how far behind the store is, and what apps see."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import click
from confluent_kafka import KafkaException

from consumer.errors import ConsumerError
from consumer.kafka.inspect import lag
from consumer.kafka.members import Member, other_members, text
from consumer.kafka.topic import identify
from gigstream.advice import advice
from gigstream.commands.lists import table
from gigstream.holdings import held
from gigstream.settings import Settings, load
from gigstream.terminal import Report, Terminal, command
from gigstream.verdicts import latest
from serving.connection import connect
from serving.contract import writer_key
from serving.errors import ServingError
from serving.live import read_live
from serving.redis_errors import translated
from trainer.registry.generations import PUBLISHED
from trainer.registry.hits import read as read_hits
from trainer.registry.hits import report

if TYPE_CHECKING:
    from consumer.dead_letters.alarm import Alarm

Look = Callable[[], Mapping[str, Any]]
Answer = tuple[Mapping[str, Any], Exception | None]

_KAFKA = ("lag_events", "lag_s", "other_consumers")
_SIDES = ("artist", "venue")
_LEASE = ("registry", "token", "host", "pid", "since")
_REDIS = ("generation", "generation_age_s", "foldins", "model_hash", "quality", "lease")


@command("status")
@click.option(
    "--exact",
    is_flag=True,
    help="Read the whole store to count plays; by default, what the trainer counted last.",
)
def status(terminal: Terminal, *, exact: bool) -> Report:
    """Show counts of the store, lag behind Kafka and the live generation.

    What a server that cannot be reached would tell is null. `counted_version` is the store version
    of which plays, artists and venues are counted.
    """
    settings = load()
    found = held(settings, exact=exact)
    raised = _alarms(settings) if found.facts["dead_letters"] else []
    facts = found.facts | {
        "alarms": [asdict(each) for each in raised],
        "verdict": latest(settings),
        "hit_rate": report(read_hits(settings.models)),
    }
    terminal.remark(*_unpublished(facts["verdict"]), *(f"ALARM: {each}" for each in raised))
    terminal.remark(*found.remarks)
    code = 0
    for names, (seen, problem) in _seen(settings, found.positions).items():
        facts.update(dict.fromkeys(names) | dict(seen))
        if problem is not None:
            terminal.remark(str(problem))
            code = max(code, getattr(problem, "exit_code", 1))
    terminal.remark(*filter(None, [advice(settings, code)]))
    others = [Member(**each) for each in facts["other_consumers"] or ()]
    terminal.remark(*([f"ALARM: {text(others, settings)}"] if others else []))
    terminal.say(table(("", ""), [(name, _text(value)) for name, value in facts.items()]))
    return Report(facts, exit_code=code)


def _alarms(settings: Settings) -> "list[Alarm]":
    # Only here: reading rows by their values takes longer to import than the rest.
    from consumer.dead_letters.alarm import alarms

    return alarms(settings)


def _unpublished(verdict: Mapping[str, Any] | None) -> list[str]:
    if verdict is None or verdict["verdict"] == PUBLISHED:
        return []
    return ["generation {generation} is {verdict}: {reason}".format(**verdict)]


def _seen(settings: Settings, positions: Mapping[str, int]) -> dict[tuple[str, ...], Answer]:
    """What both servers answer, by the names of the facts; they are asked at once."""
    looks: dict[tuple[str, ...], Look] = {
        _KAFKA: partial(_kafka, settings, positions),
        _REDIS: partial(_live, settings),
    }
    with ThreadPoolExecutor(len(looks)) as pool:
        return dict(zip(looks, pool.map(_attempt, looks.values()), strict=True))


def _attempt(look: Look) -> Answer:
    """Ask a server; returns its answer, or the expected error that prevented one."""
    try:
        return look(), None
    except (ConsumerError, ServingError) as error:
        return {}, error


def _kafka(settings: Settings, positions: Mapping[str, int]) -> dict[str, Any]:
    topic = identify(settings)
    events, oldest_ms = lag(settings, positions, topic)
    found: dict[str, Any] = {
        "lag_events": events,
        "lag_s": 0.0 if oldest_ms is None else round(max(0.0, time.time() - oldest_ms / 1000), 3),
    }
    # Who may not see the group's members sees the lag all the same.
    with suppress(KafkaException):
        found["other_consumers"] = [asdict(each) for each in other_members(settings, topic)]
    return found


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
        return ", ".join(str(each.get("name", each.get("source"))) for each in value)
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
