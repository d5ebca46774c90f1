"""Status: what is stored, how far behind the store is, and what apps see."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaException

from consumer.errors import ConsumerError
from consumer.kafka.inspect import lag
from consumer.kafka.members import Member, other_members, text
from consumer.kafka.topic import identify
from operations.holdings import held
from operations.published import latest
from operations.settings import OperationSettings
from serving.connection import connect
from serving.contract import writer_key
from serving.errors import ServingError
from serving.live import read_live
from serving.redis_errors import translated
from trainer.registry.generations import Generations
from trainer.registry.hits import read as read_hits
from trainer.registry.hits import report

if TYPE_CHECKING:
    from consumer.dead_letters.alarm import Alarm

Look = Callable[[], Mapping[str, Any]]
Answer = tuple[Mapping[str, Any], ConsumerError | ServingError | None]

SIDES = ("artist", "venue")
_KAFKA = ("lag_events", "lag_s", "other_consumers")
_LEASE = ("registry", "token", "host", "pid", "since")
_REDIS = ("generation", "generation_age_s", "foldins", "model_hash", "quality", "lease")


class Status:
    """What was found.

    Args:
        settings: locations of store, models, Kafka and Redis.
        exact: settle the store to count its plays, whatever its size.

    Attributes:
        facts: by name; null where a server that would tell it cannot be reached.
        raised: alarms, of dead letters and of consumers of another store in the group.
        warned: of clocks, and of plays that were not counted.
        problems: why servers could not be reached.

    Raises:
        ConsumerError: the store cannot be read.
    """

    def __init__(self, settings: OperationSettings, *, exact: bool = False) -> None:
        found = held(settings, exact=exact)
        alarms = _alarms(settings) if found.facts["dead_letters"] else []
        self.raised = [*map(str, alarms)]
        self.warned = found.remarks
        self.problems: list[ConsumerError | ServingError] = []
        self.facts = found.facts | {
            "alarms": [asdict(each) for each in alarms],
            "verdict": latest(settings),
            "hit_rate": report(read_hits(settings.models)),
            "recipe": _recipe(settings, found.facts["plays"]),
        }
        for names, (seen, problem) in _seen(settings, found.positions).items():
            # First null: a server that fails in the middle must not leave names out.
            self.facts |= dict.fromkeys(names) | dict(seen)
            self.problems += [problem] if problem else []
        # Beside the alarms of dead letters: each of them makes a store lack events.
        if others := [Member(**each) for each in self.facts["other_consumers"] or ()]:
            self.raised.append(text(others, settings))

    @property
    def exit_code(self) -> int:
        """0 where every server answered."""
        return max((problem.exit_code for problem in self.problems), default=0)


def live(settings: OperationSettings) -> dict[str, Any]:
    """Describe the live generation; all null before the first one.

    Raises:
        ServingError: Redis cannot be asked.
    """
    with connect(settings) as client:
        found = read_live(client, settings.redis_prefix)
        with translated(client, settings.redis_prefix):
            lease = client.hmget(writer_key(settings.redis_prefix), _LEASE)
    built_at = found.meta.get("built_at")
    return {
        "generation": found.generation,
        "generation_age_s": None if built_at is None else round(time.time() - built_at, 3),
        "foldins": found.seq,
        "model_hash": found.model_hash,
        "quality": found.meta.get("quality"),
        "lease": {key: value.decode() for key, value in zip(_LEASE, lease, strict=True) if value}
        or None,
    }


def _alarms(settings: OperationSettings) -> "list[Alarm]":
    # Only here: reading rows by their values takes longer to import than the rest.
    from consumer.dead_letters.alarm import alarms

    return alarms(settings)


def _recipe(settings: OperationSettings, plays: int | None) -> dict[str, Any] | None:
    """The recipe file in use, and why it should be tuned again; None without one."""
    if not settings.recipe_file:
        return None
    # Only here: most installations have none.
    from trainer import recipe_file
    from trainer.live.retuning import why_tune

    evidence = recipe_file.read(Path(settings.recipe_file)).evidence
    records = Generations(settings.models).records()
    quality = records[-1].quality if records else None
    return {
        "file": settings.recipe_file,
        "tuned_plays": evidence.data.plays,
        "won": evidence.won,
        "tune_again": why_tune(evidence, plays or 0, quality) or None,
    }


def _seen(
    settings: OperationSettings, positions: Mapping[str, int]
) -> dict[tuple[str, ...], Answer]:
    """What both servers answer, by the names of the facts; they are asked at once."""
    looks: dict[tuple[str, ...], Look] = {
        _KAFKA: partial(_kafka, settings, positions),
        _REDIS: partial(live, settings),
    }
    with ThreadPoolExecutor(len(looks)) as pool:
        return dict(zip(looks, pool.map(_attempt, looks.values()), strict=True))


def _attempt(look: Look) -> Answer:
    """Ask a server; returns its answer, or the expected error that prevented one."""
    try:
        return look(), None
    except (ConsumerError, ServingError) as error:
        return {}, error


def _kafka(settings: OperationSettings, positions: Mapping[str, int]) -> dict[str, Any]:
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
