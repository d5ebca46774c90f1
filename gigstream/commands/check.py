"""`check`: whether everything that the processes need is there, one line each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
def check(terminal: Terminal) -> Report:
    """Say whether settings, broker, Redis, store and solver are as they must be."""
    from gigstream.settings import load, shown

    settings = load()
    findings = [_settings()]
    for name, value in shown(settings).items():
        terminal.say(f"        {name} = {value}")
    for name, look in CHECKS.items():
        findings.append(_found(name, look, settings))
    terminal.say(*map(str, findings))
    worst = max(finding.exit_code for finding in findings)
    data = {
        "ok": worst == 0,
        "checks": {each.name: {"ok": each.ok, "said": each.said} for each in findings},
        "settings": shown(settings),
    }
    return Report(data, exit_code=worst)


def _settings() -> Finding:
    return Finding("settings", ok=True, said="valid")  # else `load` had ended the command


def _found(name: str, look: Check, settings: "Settings") -> Finding:
    from consumer.errors import ConsumerError
    from serving.errors import ServingError

    try:
        return Finding(name, ok=True, said=look(settings))
    except (ConsumerError, ServingError, GigstreamError) as error:
        return Finding(name, ok=False, said=str(error), exit_code=error.exit_code)


def _kafka(settings: "Settings") -> str:
    """Broker, login, topic, and that the topic keeps every record."""
    from consumer.topic import identify
    from gigstream.kafka import cleanup_policy

    topic = identify(settings)
    policy = "delete" if topic.embedded else cleanup_policy(settings)
    if "compact" in policy:
        raise WrongUse(
            f"topic {settings.kafka_topic} has cleanup.policy={policy}, which keeps one artist of "
            "each bill; set it to delete",
        )
    partitions = f"{len(topic.partitions)} partitions"
    return f"{settings.kafka_bootstrap}, topic {settings.kafka_topic}, {partitions}"


def _redis(settings: "Settings") -> str:
    """Server, login, version, eviction, cluster."""
    from serving.connection import connect
    from serving.publish import Publisher

    with connect(settings) as client:
        Publisher(client, prefix=settings.redis_prefix, registry="", token=0).check_server()
    return f"{settings.redis_url}, prefix {settings.redis_prefix}"


def _store(settings: "Settings") -> str:
    from consumer.tail import Tail

    chunk = Tail(settings.store).read()
    if chunk is None:
        return f"{settings.store}: nothing stored yet"
    return f"{settings.store}: {len(chunk.events):,} events, version {chunk.version}"


def _solver(_: "Settings") -> str:
    try:
        import implicit
    except ImportError as error:
        raise WrongUse(
            f"implicit cannot be imported: {error}; install what is missing "
            "(libgomp: `apt-get install libgomp1`)",
        ) from None
    return f"implicit {implicit.__version__}"


CHECKS: dict[str, Check] = {"kafka": _kafka, "redis": _redis, "store": _store, "solver": _solver}
