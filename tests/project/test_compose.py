"""docker-compose.yml holds: against the specification, and its very commands on real servers."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import yaml
from confluent_kafka import Producer
from jsonschema.validators import validator_for

from consumer.events import Event, encode
from project.tree import PACKAGES, ROOT
from support.processes.running import stop, until
from support.servers.kafka import VERSION, KafkaBroker, _free_ports
from support.servers.redis import RedisServer

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PORTS = {"consumer": "9101", "trainer": "9102", "serve": "8322"}
VARIABLES = {
    "consumer": "GIGSTREAM_CONSUMER_METRICS_PORT",
    "trainer": "GIGSTREAM_TRAINER_METRICS_PORT",
    "serve": "GIGSTREAM_SERVE_PORT",
}
MEASURED = [f"GIGSTREAM_{name}_METRICS_PORT" for name in ("CONSUMER", "TRAINER", "SERVE")]
"""Settings by which a test moves the ports."""
OURS = [name for name, service in SERVICES.items() if service.get("build")]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
TOKEN = "the-token-of-this-test"  # noqa: S105
SCHEMA = json.loads((Path(__file__).parent / "schema" / "compose-spec.json").read_text("utf-8"))


def valid(compose: object) -> bool:
    return bool(validator_for(SCHEMA)(SCHEMA).is_valid(compose))


def test_the_file_follows_the_compose_specification() -> None:
    assert valid(COMPOSE)
    assert not valid({**COMPOSE, "services": {"kafka": {"image": "x", "healthchek": {}}}})


def test_every_service_has_a_health_check_and_comes_back() -> None:
    assert {name for name, service in SERVICES.items() if "test" in service["healthcheck"]} == {
        "kafka",
        "redis",
        "consumer",
        "trainer",
        "serve",
        "prometheus",
        "grafana",
    }
    assert {service["restart"] for service in SERVICES.values()} == {"on-failure"}


def test_every_volume_is_named_and_used() -> None:
    mounts = {v.split(":")[0] for s in SERVICES.values() for v in s.get("volumes", [])}
    files = {mount for mount in mounts if mount.startswith("./")}

    assert mounts - files == set(COMPOSE["volumes"])
    assert [file for file in files if not (ROOT / file).exists()] == []


def test_the_tests_run_the_kafka_that_the_file_names() -> None:
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{VERSION}"


def test_consumer_and_trainer_share_the_image_s_home() -> None:
    home = re.search(r"GIGSTREAM_HOME=(\S+)", DOCKERFILE)
    assert home
    for name in OURS:
        assert SERVICES[name]["environment"]["GIGSTREAM_HOME"] == home[1]
        assert SERVICES[name]["volumes"] == [f"gigstream:{home[1]}"]


def test_the_image_runs_gigstream_as_nobody_special() -> None:
    last = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]

    assert re.findall(r"^USER (\w+)$", last, re.MULTILINE) == ["gigstream"]
    assert 'ENTRYPOINT ["gigstream"]' in last
    assert "--require-hashes" in DOCKERFILE


def test_the_image_takes_every_package_and_nothing_that_is_not_there() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    sources = {source for line in copied for source in line.split()}
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_through = {line.lstrip("!") for line in ignored}

    assert set(PACKAGES) <= sources
    assert all((ROOT / source).exists() for source in sources)
    assert {source.split("/")[0] for source in sources} <= let_through


class ComposedKafka(KafkaBroker):
    """The broker with the file's own settings: its ports swapped for free ones, its folder too."""

    def __init__(self) -> None:
        super().__init__()
        free = {":19092": self._port, ":9092": _free_ports(1)[0], ":9093": self._controller_port}
        ports = {written: f":{port}" for written, port in free.items()}
        given = SERVICES["kafka"]["environment"]
        names = {name: self._property(name) for name in given if name.startswith("KAFKA_")}
        options = {names[name]: self._swapped(given[name], ports) for name in names}
        del options["log.dirs"]
        self._properties = options

    @staticmethod
    def _property(variable: str) -> str:
        return variable.removeprefix("KAFKA_").lower().replace("_", ".")

    @staticmethod
    def _swapped(value: str, ports: Mapping[str, str]) -> str:
        local = re.sub(r"//\w*:", "//127.0.0.1:", value).replace("@localhost", "@127.0.0.1")
        return re.sub(r":\d+", lambda found: ports[found[0]], local)


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[ComposedKafka, RedisServer]]:
    program, *options = SERVICES["redis"]["command"]
    assert program == "redis-server"
    with ComposedKafka() as kafka, RedisServer(*options) as redis:
        yield kafka, redis


@pytest.fixture
def environ(servers: tuple[ComposedKafka, RedisServer], tmp_path: Path) -> dict[str, str]:
    """What the file gives to our services, its host names and folder swapped."""
    kafka, redis = servers
    given = SERVICES["consumer"]["environment"]
    assert given == SERVICES["trainer"]["environment"]
    swapped = {"kafka:19092": kafka.bootstrap, "redis://redis:6379/0": redis.url}
    measured = [given[name] for name in MEASURED]
    assert measured[:2] == [PORTS["consumer"], PORTS["trainer"]]
    swapped |= dict(zip(measured, map(str, _free_ports(3)), strict=True))
    swapped["0.0.0.0"] = "127.0.0.1"  # noqa: S104 - of the file
    home = given["GIGSTREAM_HOME"]
    swapped[home] = str(tmp_path)
    own = SERVICES["serve"]["environment"]
    token = {"GIGSTREAM_SERVE_HOST": "0.0.0.0", "GIGSTREAM_SERVE_TOKEN": TOKEN}  # noqa: S104
    asked = {"GIGSTREAM_TRAINER_METRICS_HOST": "trainer"}  # whose metrics the console reads
    assert own == {**given, **token, **asked, "GIGSTREAM_SERVE_TOKEN": "${GIGSTREAM_SERVE_TOKEN:-}"}
    ours = {name: swapped.get(value, value) for name, value in given.items()} | token
    ours["GIGSTREAM_SERVE_PORT"] = str(_free_ports(1)[0])
    assert len(swapped.keys() & given.values()) == len(swapped)
    inherited = {n: v for n, v in os.environ.items() if not n.startswith("GIGSTREAM_")}
    scripts = str(Path(sys.executable).parent)
    return {**inherited, **ours, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}


def healthy(name: str, environ: Mapping[str, str]) -> bool:
    kind, *command = SERVICES[name]["healthcheck"]["test"]
    assert kind == "CMD"
    port = environ[VARIABLES[name]]
    command = [part.replace(PORTS[name], port) for part in command]
    done = subprocess.run(command, env=environ, capture_output=True, timeout=60, check=False)
    return done.returncode == 0


def start(name: str, environ: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    program = shutil.which("gigstream", path=environ["PATH"])
    assert program
    with log.open("wb") as output:
        command = [program, *SERVICES[name]["command"]]
        return subprocess.Popen(command, env=environ, stdout=output, stderr=output)


def test_our_services_start_natively_serve_a_list_and_report_healthy(
    servers: tuple[ComposedKafka, RedisServer], environ: dict[str, str], tmp_path: Path
) -> None:
    kafka, redis = servers
    started = {name: start(name, environ, tmp_path / f"{name}.log") for name in OURS}
    try:
        until(lambda: "gigs" in kafka.admin.list_topics(timeout=5).topics)
        for name in OURS:
            until(lambda name=name: healthy(name, environ), 90)
        assert [frozen_is_healthy(name, started[name], environ) for name in OURS] == [False] * 3
        send_a_gig(kafka)
        until(lambda: redis.client().hexists("gig:artist", "a17"), 60)
        assert redis.client().config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert is_refused(environ, "/v1/artists/a17/venues")
        assert [stop(started[name]) for name in OURS] == [0, 0, 0]
    finally:
        for process in started.values():
            process.kill()
            process.wait()


def is_refused(environ: Mapping[str, str], path: str) -> bool:
    """Whether the API takes the token for this path."""
    url = f"http://127.0.0.1:{environ['GIGSTREAM_SERVE_PORT']}{path}"
    bare = urllib.request.Request(url)
    known = urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(known, timeout=60) as reply:  # noqa: S310
        assert json.load(reply)["id"] == "a17"
    try:
        urllib.request.urlopen(bare, timeout=60)  # noqa: S310
    except urllib.error.HTTPError as error:
        return error.code == HTTPStatus.UNAUTHORIZED
    return False


def frozen_is_healthy(
    name: str, process: subprocess.Popen[bytes], environ: Mapping[str, str]
) -> bool:
    process.send_signal(signal.SIGSTOP)
    try:
        return healthy(name, environ)
    finally:
        process.send_signal(signal.SIGCONT)


def send_a_gig(kafka: KafkaBroker) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    event = Event(event_id="E-1", artist_id="a17", venue_id="v3", time_ms=1_700_000_000_000)
    producer.produce("gigs", encode(event), key=b"E-1")
    assert producer.flush(30) == 0
