"""`gigstream status` and `gigstream --help` beside a store of ten million events.

The store is made of one million statements, each repeated by ten sources, with a thousand dead
letters of which one was replayed. Kafka and Redis are real. `status_ms` is the command in a process
that has imported it; `status_process_ms` includes Python's start and all imports.
"""

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa

from benchmarks.report import Report, seconds
from benchmarks.statements import statements
from consumer.ingest import rows as ingested
from consumer.maintain import at_once
from consumer.settings import ConsumerSettings
from consumer.store.writer import Store
from consumer.table import schema
from consumer.table.delta_log import Span
from trainer.live.counting import Counting
from trainer.live.following import Following

REPEATS = 10
ROUNDS = 15
COMMIT = 200_000
DEAD = 1_000
_APP = "benchmark/topic/0"


def measure(*, quick: bool) -> Report:
    """Make the store, let a trainer count it, and ask for its status."""
    from support.servers.kafka import KafkaBroker  # noqa: PLC0415 - the tests' servers
    from support.servers.redis import RedisServer  # noqa: PLC0415

    each = 20_000 if quick else 1_000_000
    with KafkaBroker() as kafka, RedisServer() as redis, tempfile.TemporaryDirectory() as folder:
        topic = kafka.create_topic(partitions=4)
        with _environment(
            GIGSTREAM_HOME=folder,
            GIGSTREAM_KAFKA_BOOTSTRAP=kafka.bootstrap,
            GIGSTREAM_KAFKA_TOPIC=topic,
            GIGSTREAM_REDIS_URL=f"redis://127.0.0.1:{redis.port}/0",
        ):
            home = Path(folder)
            events = _filled(home, each)
            counting = _counted(home)
            return Report("status", _figures() | counting, {"events": events}, _COMMAND)


_COMMAND = "python -m benchmarks status"


@contextlib.contextmanager
def _environment(**variables: str) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _filled(home: Path, each: int) -> int:
    """Fill the store. Returns its number of events."""
    store = Store.open(home / "store")
    events, at = statements(each, 100_000, 10_000), 0
    for repeat in range(REPEATS):
        table = _of_source(events, f"source-{repeat}", at)
        for start in range(0, each, COMMIT):
            part = table.slice(start, COMMIT)
            store.append(part, {_APP: Span(at or None, at + len(part))})
            at += len(part)
    _add_dead(store, at)
    at_once(ConsumerSettings(home=home))
    return at


def _add_dead(store: Store, at: int) -> None:
    """Store dead letters, and a replay of the first one."""
    from support.data.records import gig, message  # noqa: PLC0415 - the tests' data

    bad = [message(at + number, b"?") for number in range(DEAD)]
    header = (schema.REPLAY_OF, f"topic/0/{at}".encode())
    again = message(at + DEAD, gig(1), headers=[header])
    table = ingested.table([*bad, again], topic_id="topic")
    store.append(table, {_APP: Span(at, at + len(table))})


def _of_source(events: pa.Table, source: str, at: int) -> pa.Table:
    """The rows of the store that these statements of another source become."""
    n = len(events)
    columns = {name: events[name] for name in events.column_names}
    columns |= {
        "kind": pa.repeat(pa.scalar("event"), n),
        "source": pa.repeat(pa.scalar(source), n),
        "offset": pa.array(np.arange(at, at + n)),
    }
    absent = {f.name: pa.nulls(n, f.type) for f in schema.SCHEMA if f.name not in columns}
    return pa.table(columns | absent).select(schema.SCHEMA.names).cast(schema.SCHEMA)


def _counted(home: Path) -> dict[str, float]:
    """Settle the store as a trainer does, and count it. Returns what counting takes."""
    following = Following(home / "store")
    settle_s = seconds(lambda: following.listen(time.monotonic()))
    (home / "models").mkdir()
    count_s = seconds(Counting(following, home / "models").count)
    # Again, as after each pause of a stream.
    again_s = seconds(Counting(following, home / "models").count)
    return {"settle_s": settle_s, "count_ms": 1000 * count_s, "count_again_ms": 1000 * again_s}


def _figures() -> dict[str, float]:
    from gigstream.cli import run  # noqa: PLC0415 - the settings are read from the environment

    def ask() -> None:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            run(["status", "--json"])

    return {
        **_measured("status", ask),
        **_measured("status_process", lambda: _process("status", "--json")),
        **_measured("help_process", lambda: _process("--help")),
    }


def _measured(name: str, work: Callable[[], object]) -> dict[str, float]:
    """Medians of time, and of processor time, which other load changes less."""
    work()
    walls, cpus = [], []
    for _ in range(ROUNDS):
        before = _processor_s()
        walls.append(seconds(work))
        cpus.append(_processor_s() - before)
    return {f"{name}_ms": 1000 * median(walls), f"{name}_cpu_ms": 1000 * median(cpus)}


def _processor_s() -> float:
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def _process(*arguments: str) -> None:
    program = [sys.executable, "-m", "gigstream", *arguments]
    subprocess.run(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
