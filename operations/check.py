"""Whether everything that the processes need is there, a finding for each part."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from consumer.dead_letters.alarm import alarms
from consumer.dead_letters.topic import find
from consumer.errors import ConsumerError
from consumer.ingest import compiled
from consumer.kafka.inspect import cleanup_policy, rights, shown
from consumer.kafka.members import other_members, text
from consumer.kafka.topic import Topic, identify
from consumer.kafka.topic_check import refuse_another
from consumer.registry.connect import schema_registry
from consumer.table.delta import check_path
from consumer.table.delta_log import replay
from operations.clocks import now_ms, warnings
from operations.errors import GroupShared, MostlyDead, NotPublished, OperationError, Refused
from operations.published import latest
from operations.settings import OperationSettings
from serving.connection import connect
from serving.errors import ServingError
from serving.publisher.publish import Publisher
from trainer.errors import TrainerError
from trainer.recipe import built
from trainer.registry.generations import PUBLISHED
from trainer.registry.state import Registry
from trainer.spark.ready import ready

Check = Callable[[OperationSettings], str]


@dataclass(frozen=True)
class Finding:
    """Result of one check: a fact, or cause and remedy."""

    name: str
    ok: bool
    said: str
    exit_code: int = 0

    def __str__(self) -> str:
        return f"{'ok' if self.ok else 'FAILED':<7} {self.name:<8} {self.said}"


def chosen(parts: Iterable[str]) -> dict[str, Check]:
    """The checks of these parts; of all where none is named.

    Raises:
        Refused: there is no such part.
    """
    named = set(parts)
    unknown = sorted(named - set(CHECKS))
    if unknown:
        raise Refused(
            f"there is no part {unknown[0]!r} to check; name one of {', '.join(CHECKS)}",
            field="part",
        )
    return {name: look for name, look in CHECKS.items() if not named or name in named}


def findings(settings: OperationSettings, looks: Mapping[str, Check]) -> list[Finding]:
    """What was found, the settings first, which are valid where anything is.

    Args:
        settings: validated.
        looks: of `chosen`.
    """
    return [
        Finding("settings", ok=True, said="valid"),
        *(_found(name, look, settings) for name, look in looks.items()),
    ]


def _found(name: str, look: Check, settings: OperationSettings) -> Finding:
    try:
        return Finding(name, ok=True, said=look(settings))
    except (ConsumerError, ServingError, TrainerError, OperationError) as error:
        return Finding(name, ok=False, said=str(error), exit_code=error.exit_code)


def _kafka(settings: OperationSettings) -> str:
    """Check broker, login, topics, that these keep every record, and that it is the one stored."""
    topic, snapshot = identify(settings), replay(settings.store)
    policy = "delete" if topic.embedded else cleanup_policy(settings)
    if "compact" in policy:
        raise Refused(
            f"topic {settings.kafka_topic} has cleanup.policy={policy}, which keeps one artist of "
            "each bill; set it to delete"
        )
    refuse_another(topic, snapshot.positions if snapshot else (), settings)
    _refuse_shared_group(settings, topic)
    partitions = f"{len(topic.partitions)} partitions"
    dead = _dead_letter_topic(settings)
    return f"{settings.kafka_bootstrap}, topic {settings.kafka_topic}, {partitions}{dead}"


def _refuse_shared_group(settings: OperationSettings, topic: Topic) -> None:
    with shown(settings, f"the members of group {settings.kafka_group}", "DESCRIBE"):
        found = other_members(settings, topic)
    if found:
        raise GroupShared(text(found, settings))


def _dead_letter_topic(settings: OperationSettings) -> str:
    """Check that the dead-letter topic, if any, is writable and keeps every letter."""
    name = settings.kafka_dead_letter_topic
    if not name:
        return ""
    find(settings)
    of_it = settings.model_copy(update={"kafka_topic": name})
    if "compact" in cleanup_policy(of_it):
        raise Refused(
            f"topic {name} is compacted, which keeps one dead letter of each key; set its "
            "cleanup.policy to delete"
        )
    lacking = {"READ", "WRITE"} - rights(of_it)
    if lacking:
        raise Refused(
            f"topic {name} is not ours to use; grant {' and '.join(sorted(lacking))} on it"
        )
    return f", dead letters to {name}"


def _schemas(settings: OperationSettings) -> str:
    with schema_registry(settings) as found:
        if found is None:
            return "not set up; framed records are dead letters"
        found.answers()
    return settings.schema_registry_url


def _redis(settings: OperationSettings) -> str:
    """Check server, login, version, eviction and cluster."""
    with connect(settings) as client:
        Publisher(client, prefix=settings.redis_prefix, registry="", token=0).check_server()
    return f"{settings.redis_url}, prefix {settings.redis_prefix}"


def _store(settings: OperationSettings) -> str:
    check_path(settings.store.absolute())
    snapshot = replay(settings.store)  # the log only: a health check must not read every row
    if snapshot is None:
        return f"{settings.store}: nothing stored yet"
    rows = sum(file.rows for file in snapshot.files.values())
    said = f"{settings.store}: {rows:,} rows, version {snapshot.version}"
    return "; ".join([said, *(f"WARNING {each}" for each in _warnings(settings))])


def _warnings(settings: OperationSettings) -> list[str]:
    """Warn of the data's clock, as the last refit found it."""
    fitted = Registry(settings.models).clock()
    return [] if fitted is None else warnings(*fitted, now_ms())


def _letters(settings: OperationSettings) -> str:
    """Check that no source raises the alarm for dead letters."""
    found = alarms(settings)
    if found:
        raise MostlyDead("; ".join(map(str, found)))
    return "no alarm"


def _gate(settings: OperationSettings) -> str:
    """Check that the newest generation was neither refused nor held."""
    found = latest(settings)
    if found is None:
        return "nothing published yet"
    if found["verdict"] != PUBLISHED:
        raise NotPublished(
            f"generation {found['generation']} is {found['verdict']}: {found['reason']}; look at "
            "`gigstream generations`, then `gigstream accept` or `gigstream train --once --force`"
        )
    return f"generation {found['generation']} was published"


def _solver(settings: OperationSettings) -> str:
    if settings.engine == "spark":
        return ready(settings, wait_s=0)
    try:
        import implicit  # inside: where it is broken this check says how to repair it
    except ImportError as error:
        raise Refused(
            f"implicit cannot be imported: {error}; install what is missing "
            "(libgomp: `apt-get install libgomp1`)"
        ) from None
    return f"implicit {implicit.__version__}, {_compiled()}"


def _compiled() -> str:
    in_python = [] if compiled.built() else ["decoding"]
    in_python += [] if built() else ["settling", "fitting", "folding in", "ranking"]
    if not in_python:
        return "all parts compiled"
    return (
        f"NOT COMPILED: {', '.join(in_python)} (many times slower); install a C++ compiler and "
        "reinstall gigstream"
    )


CHECKS: dict[str, Check] = {
    "kafka": _kafka,
    "schemas": _schemas,
    "redis": _redis,
    "store": _store,
    "letters": _letters,
    "gate": _gate,
    "solver": _solver,
}
