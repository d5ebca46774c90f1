"""A real Apache Kafka for the tests: one KRaft node from Maven's jars, no container.

Needs Java 17 and, the first time, Maven. The jars (44 MB) and two class-data archives that
halve the start (2.4 s to 1.3 s) lie in a cache that all checkouts share. Set
``GIGSTREAM_TEST_KAFKA=host:port`` to use a broker that runs already, ``GIGSTREAM_TEST_CACHE``
to move the cache.

``python -m support.servers.kafka`` fills the cache and leaves.
"""

import base64
import contextlib
import fcntl
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

VERSION = "4.3.1"
_START_TIMEOUT_S = 60.0
_POM = f"""<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>gigstream</groupId><artifactId>kafka</artifactId><version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
      <version>{VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
"""
_PROPERTIES = {
    "node.id": "1",
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "CLIENT",
    "num.partitions": "1",
    # Tests send records of other years: by default the broker deletes them at its next look.
    "log.retention.hours": "876000",  # a century
    "auto.create.topics.enable": "false",
    "default.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # With the default of 9 s a broker restarted after kill -9 waits that long for itself.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "250",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "300",
    "group.consumer.min.session.timeout.ms": "500",
    "group.consumer.session.timeout.ms": "3000",
    "group.consumer.min.heartbeat.interval.ms": "100",
    "group.consumer.heartbeat.interval.ms": "500",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    "log.cleaner.threads": "1",
    "log.cleaner.dedupe.buffer.size": str(4 * 1024 * 1024),
    "num.recovery.threads.per.data.dir": "1",
}


class KafkaBroker:
    """One broker and controller on a free port of 127.0.0.1; a context manager.

    Dies with the process that started it. All verbs but ``create_topic`` need a broker of our
    own: with ``GIGSTREAM_TEST_KAFKA`` they raise ``RuntimeError``.

    Args:
        directory: where its data lie; a temporary folder, removed in the end, by default.
        properties: lines of ``server.properties`` beside or instead of the default ones.
        own: start one even where ``GIGSTREAM_TEST_KAFKA`` names one, for tests that kill it.
        client: librdkafka options that its own AdminClient needs, such as a login.
        archive: write the class-data archives when it stops.
        ports: its client's and its controller's; free ones by default.
        cluster_id: of the cluster it is a part of; one of its own by default.
        format_options: of Kafka's storage tool, such as users that exist from the start.
    """

    def __init__(
        self,
        directory: Path | None = None,
        *,
        properties: Mapping[str, str] | None = None,
        client: Mapping[str, str] | None = None,
        own: bool = False,
        archive: bool = False,
        ports: tuple[int, int] | None = None,
        cluster_id: str | None = None,
        format_options: Sequence[str] = (),
    ) -> None:
        self._given = None if own or archive else os.environ.get("GIGSTREAM_TEST_KAFKA")
        self._keep = directory is not None
        self._directory = directory
        self._properties = dict(properties or {})
        self._client = dict(client or {})
        self._archive = archive
        self._port, self._controller_port = ports or _free_ports(2)
        self._cluster_id = cluster_id or new_cluster_id()
        self._format_options = format_options
        self._process: subprocess.Popen[bytes] | None = None
        self._admin: AdminClient | None = None
        self._numbers = itertools.count(1)

    @property
    def bootstrap(self) -> str:
        return self._given or f"127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        if not self._given:
            self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._given:
            return
        self.kill()
        if not self._keep:
            shutil.rmtree(self._home, ignore_errors=True)

    def create_topic(
        self,
        partitions: int = 1,
        name: str | None = None,
        config: Mapping[str, str] | None = None,
        *,
        replicas: int = 1,
    ) -> str:
        """A new topic that has its leaders; the name is a fresh one unless given."""
        topic = name or f"gigs-{os.getpid()}-{uuid.uuid4().hex[:8]}-{next(self._numbers)}"
        new = NewTopic(topic, partitions, replicas, config=dict(config or {}))
        self.admin.create_topics([new])[topic].result(30)
        deadline = time.monotonic() + 30
        while not self._has_leaders(topic, partitions):
            if time.monotonic() > deadline:
                raise TimeoutError(f"topic {topic} has no leaders")
            time.sleep(0.01)
        return topic

    def add_partitions(self, topic: str, total: int) -> None:
        """Raise the topic's number of partitions to this."""
        self.admin.create_partitions([NewPartitions(topic, total)])[topic].result(30)
        deadline = time.monotonic() + 30
        while not self._has_leaders(topic, total):
            if time.monotonic() > deadline:
                raise TimeoutError(f"topic {topic} has no leaders")
            time.sleep(0.01)

    @property
    def admin(self) -> AdminClient:
        """An AdminClient of this broker, kept: a dropped one fails its calls with _DESTROY."""
        if self._admin is None:
            servers = {"bootstrap.servers": self.bootstrap}
            self._admin = AdminClient({**_QUIET, **self._client, **servers})
        return self._admin

    def start(self) -> None:
        """Start (again, after ``stop`` or ``kill``) on the same port and data; wait until ready."""
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Start, but do not wait: one of several answers only once most of them are there."""
        self._own()
        jars = _cache() / "jars" if self._archive else cached_jars()
        if not self._properties_file.exists():
            self._format(jars)
        with (self._home / "server.log").open("ab") as log:
            command = [*_die_with_us(), *self._java(jars, "server")]
            self._process = subprocess.Popen(
                [*command, "kafka.Kafka", str(self._properties_file)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self) -> None:
        """A clean shutdown (SIGTERM)."""
        process = self._own()
        if process is not None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            process.wait(60)
        self._process = None

    def kill(self) -> None:
        """A crash (SIGKILL); nothing where it does not run."""
        process = self._own()
        if process is not None:
            process.kill()
            process.wait(60)
        self._process = None

    def pause(self) -> None:
        """Freeze it (SIGSTOP): sockets stay open, nothing answers."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """End a ``pause``."""
        self._running().send_signal(signal.SIGCONT)

    def _own(self) -> subprocess.Popen[bytes] | None:
        if self._given:
            raise RuntimeError("GIGSTREAM_TEST_KAFKA names a broker that is not ours to control")
        return self._process

    def _running(self) -> subprocess.Popen[bytes]:
        process = self._own()
        if process is None:
            raise RuntimeError("the broker is not running")
        return process

    @property
    def _home(self) -> Path:
        if self._directory is None:
            self._directory = Path(tempfile.mkdtemp(prefix="gigstream-kafka-"))
        return self._directory

    @property
    def _properties_file(self) -> Path:
        return self._home / "server.properties"

    def _format(self, jars: Path) -> None:
        data = self._home / "data"
        data.mkdir(parents=True, exist_ok=True)
        addresses = {
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller_port}",
            "listeners": f"CLIENT://{self.bootstrap},"
            f"CONTROLLER://127.0.0.1:{self._controller_port}",
            "advertised.listeners": f"CLIENT://{self.bootstrap}",
            "log.dirs": str(data),
        }
        lines = {**_PROPERTIES, **addresses, **self._properties}
        text = "".join(f"{key}={value}\n" for key, value in lines.items())
        unfinished = self._home / "unfinished.properties"
        unfinished.write_text(text)
        _call(
            [
                *self._java(jars, "format"),
                "kafka.tools.StorageTool",
                "format",
                "-t",
                self._cluster_id,
                "-c",
                str(unfinished),
                *self._format_options,
            ]
        )
        unfinished.rename(self._properties_file)

    def _java(self, jars: Path, kind: str) -> list[str]:
        archive = jars.parent / f"{kind}.jsa"
        option = "ArchiveClassesAtExit" if self._archive else "SharedArchiveFile"
        share = [f"-XX:{option}={archive}"] if self._archive or archive.exists() else []
        # An archive fits one class path only, to the letter: so sorted, and no wildcard.
        classes = ":".join(sorted(map(str, jars.glob("*.jar"))))
        return [
            "java",
            "-Xmx512m",
            "-Xms128m",
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-Djava.awt.headless=true",
            *share,
            "-cp",
            classes,
        ]

    def wait_until_ready(self) -> None:
        """Wait until it answers clients."""
        process, deadline = self._running(), time.monotonic() + _START_TIMEOUT_S
        while not (_accepts(self._port) and self._answers()):
            if process.poll() is not None:
                raise RuntimeError(f"Kafka ended with {process.returncode}: {self._log_end()}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"Kafka is not ready: {self._log_end()}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            return bool(self.admin.list_topics(timeout=2).brokers)
        except KafkaException:
            return False

    def _has_leaders(self, topic: str, partitions: int) -> bool:
        found = self.admin.list_topics(topic, timeout=10).topics[topic].partitions
        return len(found) == partitions and all(p.leader >= 0 for p in found.values())

    def _log_end(self) -> str:
        return (self._home / "server.log").read_text(errors="replace")[-4000:]


_QUIET = {"log_level": 0, "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 100}


def cached_jars() -> Path:
    """Folder of the broker's jars; filled once, under a file lock, with its archives beside it."""
    root = _cache()
    if not (root / "ready").exists():
        root.mkdir(parents=True, exist_ok=True)
        with _locked(root / "lock"):
            if not (root / "ready").exists():
                _fill(root)
    return root / "jars"


def _cache() -> Path:
    default = Path.home() / ".cache" / "gigstream-tests"
    return Path(os.environ.get("GIGSTREAM_TEST_CACHE", default)) / f"kafka-{VERSION}"


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fill(root: Path) -> None:
    (root / "pom.xml").write_text(_POM)
    _call(
        [
            "mvn",
            "-q",
            "-B",
            "-f",
            str(root / "pom.xml"),
            "dependency:copy-dependencies",
            f"-DoutputDirectory={root / 'jars'}",
        ]
    )
    _archive_classes()
    (root / "ready").touch()


def _archive_classes() -> None:
    """Run format, broker, producer and consumer once, so that Java keeps the classes it loaded."""
    broker = KafkaBroker(archive=True)
    broker.start()
    topic = broker.create_topic()
    producer = Producer({"bootstrap.servers": broker.bootstrap, **_QUIET})
    producer.produce(topic, b"x")
    producer.flush(10)
    options = {"group.id": "archive", "auto.offset.reset": "earliest", **_QUIET}
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, **options})
    consumer.subscribe([topic])
    consumer.poll(10)
    consumer.close()
    broker.stop()
    shutil.rmtree(broker._home)


def _call(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stdout + done.stderr)[-3000:]
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {said}")


def _die_with_us() -> list[str]:
    # Linux kills the broker even where this process ends by kill -9.
    return ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_ports(count: int) -> list[int]:
    # Below the ephemeral range, so that no client's socket takes one between two starts.
    found: list[int] = []
    while len(found) < count:
        port = random.randint(15000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
    return found


def new_cluster_id() -> str:
    """An id that Kafka's tools take."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):  # the tool would read it as an option
            return text


if __name__ == "__main__":
    print(cached_jars())
