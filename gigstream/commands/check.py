"""`check`: whether everything that the processes need is there, one line each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from gigstream.errors import GigstreamError, WrongUse
from gigstream.terminal import Report, Terminal, command

if TYPE_CHECKING:
    from gigstream.settings import Settings

Check = Callable[["Settings"], str]


@dataclass(frozen=True)
class Finding:
    """What one check found: a fact, or cause and remedy."""

    name: str
    ok: bool
    said: str
    exit_code: int = 0

    def __str__(self) -> str:
        return f"{'ok' if self.ok else 'FAILED':<7} {self.name:<8} {self.said}"


@command("check")
@click.argument("parts", metavar="[kafka|schemas|redis|store|solver]...", nargs=-1)
def check(terminal: Terminal, *, parts: tuple[str, ...]) -> Report:
    """Say whether settings, broker, Redis, store and solver are as they must be.

    Names of parts restrict it to those; the settings are always looked at.
    """
    from gigstream.settings import load, shown

    looks = _chosen(parts)
    settings = load()
    for name, value in shown(settings).items():
        terminal.say(f"        {name} = {value}")
    findings = [_settings(), *(_found(name, look, settings) for name, look in looks.items())]
    terminal.say(*map(str, findings))
    worst = max(finding.exit_code for finding in findings)
    data = {
        "ok": worst == 0,
        "checks": {each.name: {"ok": each.ok, "said": each.said} for each in findings},
        "settings": shown(settings),
    }
    return Report(data, exit_code=worst)


def _chosen(parts: tuple[str, ...]) -> dict[str, Check]:
    unknown = sorted(set(parts) - set(CHECKS))
    if unknown:
        raise WrongUse(f"there is no part {unknown[0]!r} to check; name one of {', '.join(CHECKS)}")
    return {name: look for name, look in CHECKS.items() if not parts or name in parts}


def _settings() -> Finding:
    return Finding("settings", ok=True, said="valid")  # else `load` had ended the command


def _found(name: str, look: Check, settings: "Settings") -> Finding:
    from consumer.errors import ConsumerError
    from serving.errors import ServingError
    from trainer.errors import TrainerError

    try:
        return Finding(name, ok=True, said=look(settings))
    except (ConsumerError, ServingError, TrainerError, GigstreamError) as error:
        return Finding(name, ok=False, said=str(error), exit_code=error.exit_code)


def _kafka(settings: "Settings") -> str:
    """Broker, login, topics, that these keep every record, and that it is the one stored."""
    from consumer.incarnation import refuse_another
    from consumer.log import replay
    from consumer.topic import identify
    from gigstream.kafka import cleanup_policy

    topic, snapshot = identify(settings), replay(settings.store)
    policy = "delete" if topic.embedded else cleanup_policy(settings)
    if "compact" in policy:
        raise WrongUse(
            f"topic {settings.kafka_topic} has cleanup.policy={policy}, which keeps one artist of "
            "each bill; set it to delete",
        )
    refuse_another(topic, snapshot.positions if snapshot else (), settings)
    partitions = f"{len(topic.partitions)} partitions"
    dead = _dead_letter_topic(settings)
    return f"{settings.kafka_bootstrap}, topic {settings.kafka_topic}, {partitions}{dead}"


def _dead_letter_topic(settings: "Settings") -> str:
    """Where there is one: that we may write to it, and that it keeps every letter."""
    from consumer.dead_letter_topic import find
    from gigstream.kafka import cleanup_policy, rights

    name = settings.kafka_dead_letter_topic
    if not name:
        return ""
    find(settings)
    of_it = settings.model_copy(update={"kafka_topic": name})
    if "compact" in cleanup_policy(of_it):
        raise WrongUse(
            f"topic {name} is compacted, which keeps one dead letter of each key; set its "
            "cleanup.policy to delete",
        )
    lacking = {"READ", "WRITE"} - rights(of_it)
    if lacking:
        raise WrongUse(
            f"topic {name} is not ours to use; grant {' and '.join(sorted(lacking))} on it"
        )
    return f", dead letters to {name}"


def _schemas(settings: "Settings") -> str:
    from consumer.unframing import schema_registry

    with schema_registry(settings) as found:
        if found is None:
            return "not set up; framed records are dead letters"
        found.answers()
    return settings.schema_registry_url


def _redis(settings: "Settings") -> str:
    """Server, login, version, eviction, cluster."""
    from serving.connection import connect
    from serving.publish import Publisher

    with connect(settings) as client:
        Publisher(client, prefix=settings.redis_prefix, registry="", token=0).check_server()
    return f"{settings.redis_url}, prefix {settings.redis_prefix}"


def _store(settings: "Settings") -> str:
    from consumer.log import replay

    snapshot = replay(settings.store)  # the log alone: a health check must not read every row
    if snapshot is None:
        return f"{settings.store}: nothing stored yet"
    rows = sum(file.rows for file in snapshot.files.values())
    return f"{settings.store}: {rows:,} rows, version {snapshot.version}"


def _solver(settings: "Settings") -> str:
    if settings.engine == "spark":
        from trainer.engines.spark_ready import ready

        return ready(settings, wait_s=0)
    try:
        import implicit
    except ImportError as error:
        raise WrongUse(
            f"implicit cannot be imported: {error}; install what is missing "
            "(libgomp: `apt-get install libgomp1`)",
        ) from None
    return f"implicit {implicit.__version__}"


CHECKS: dict[str, Check] = {
    "kafka": _kafka,
    "schemas": _schemas,
    "redis": _redis,
    "store": _store,
    "solver": _solver,
}
