"""The commands that the docs show do what they show, on real servers."""

import json
import os
import re
import sys
from pathlib import Path

import pytest

from project.tree import ROOT, committed_texts
from support.data.shown_commands import Block, blocks, run, steps
from support.servers.kafka import _free_ports
from support.servers.redis import RedisServer

INSTALLATION = (
    ("README.md", "export GIGSTREAM_KAFKA_BOOTSTRAP=kafka:9092"),
    ("README.md", "redis-cli HMGET"),
    ("docs/contract/redis.md", "redis-cli HMGET"),
    ("docs/import.md", "gigstream import"),
    ("docs/http.md", "export GIGSTREAM_SERVE_TOKEN=$(head"),
    ("docs/http.md", "curl http://127.0.0.1:8322/v1/what-if/artist"),
    ("docs/http.md", "curl http://127.0.0.1:8322/v1/events"),
    ("docs/back-up.md", "gigstream rebuild"),
)
"""Blocks that one reader runs in this order."""
METRICS = (("docs/metrics.md", "export GIGSTREAM_CONSUMER_METRICS_PORT=9101"),)
BARE = (
    ("examples/indistreet/README.md", "gunzip -c"),
    ("docs/commands.md", 'eval "$(_GIGSTREAM_COMPLETE=bash_source'),
)
"""Blocks that need no server."""
LEFT_OUT = {
    ("CONTRIBUTING.md", ".venv/bin/python -m"): "it runs a part of this test suite",
    ("README.md", "make demo"): "CI runs both targets by themselves (.ci/run)",
    ("docs/metrics.md", "docker compose"): (
        "no Docker here; tests/monitoring runs the command of its Prometheus"
    ),
    ("docs/quality.md", "gigstream artist"): (
        "its figures are of one model; tests/gigstream/test_why.py tests their form"
    ),
    (
        "client/README.md",
        "pip install",
    ): "tests/packages installs the wheel that `make wheel` builds",
    ("docs/contract/redis.md", "redis-cli HGET"): (
        "its venue is made up; tests/packages reads the same field with Node and Go"
    ),
    ("docs/http.md", "post() {"): "its ids are made up; tests/web/operator asks each route",
    ("docs/install.md", "gigstream check"): "it names versions; test_commands.py tests its form",
    ("docs/quality.md", "gigstream tune"): (
        "it takes minutes; tests/gigstream/test_tune.py runs a small search"
    ),
    ("docs/read-lists.md", "gigstream artist"): (
        "its list is of one demo; tests/gigstream/test_commands.py tests its form"
    ),
    ("docs/read-lists.md", "pip install"): "tests/packages installs the wheel",
    ("docs/read-lists.md", "redis-cli HMGET"): "as in docs/contract/redis.md, which runs",
    ("docs/run.md", "export GIGSTREAM_VARIANT=b"): (
        "tests/end_to_end/test_variants.py runs two trainers of one store"
    ),
    ("docs/trouble.md", "gigstream check"): "it shows a broker that is away",
    ("docs/watch.md", "gigstream status"): (
        "its figures are of a large store; tests/gigstream/test_status.py tests its form"
    ),
    ("docs/spark.md", "make spark"): "it downloads 456 MB; `make test-spark` runs the engine",
}
OWN = "gigstream-data/store"


def known() -> dict[tuple[str, str], Block]:
    pages = (path for path, _ in committed_texts() if path.endswith(".md"))
    return {block.name: block for page in pages for block in blocks(page)}


BLOCKS = known()


def chosen(names) -> list[Block]:
    return [BLOCKS[name] for name in names]


def test_every_console_block_runs_or_says_why_not() -> None:
    listed = {*INSTALLATION, *METRICS, *BARE, *LEFT_OUT}

    assert set(BLOCKS) == listed
    assert all(LEFT_OUT.values())


def test_a_block_is_read_with_its_output() -> None:
    read = list(steps("$ one   # why\nshown\n$ two \\\n    more\n# three\n"))

    assert [step.command for step in read] == ["one   # why", "two      more", "# three"]
    assert [step.shown for step in read] == ["shown", "", ""]


def test_a_command_that_fails_is_found(tmp_path) -> None:
    bad = Block("page", list(steps("$ echo a\n$ false\n$ echo b\n")))
    failed, printed, _ = run([bad], tmp_path, os.environ, {})

    assert failed == bad.steps[1]
    assert [printed[step] for step in bad.steps[:2]] == ["a\n", ""]


@pytest.fixture
def environ(kafka, tmp_path):
    """Of a reader who has installed gigstream, and nothing else set."""
    topic = kafka.create_topic(partitions=2)
    bare = {name: value for name, value in os.environ.items() if "GIGSTREAM" not in name}
    scripts = Path(sys.executable).parent
    return {
        **bare,
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "GIGSTREAM_KAFKA_BOOTSTRAP": kafka.bootstrap,
        "GIGSTREAM_KAFKA_TOPIC": topic,
        "GIGSTREAM_KAFKA_GROUP": topic,
        "GIGSTREAM_FACTORS": "8",
        "GIGSTREAM_REFIT_QUIET_S": "0.1",
    }


def write_gigs(path: Path) -> None:
    header = "event_id,artist_id,venue_id,date,venue_name,venue_city"
    rows = [
        f"{path.stem}-{n},a{n % 20},v{n * 7 % 12},2018-{n % 12 + 1:02}-11,Hall {n * 7 % 12},Hamburg"
        for n in range(240)
    ]
    path.write_text("\n".join([header, *rows]) + "\n")


def keys(text: str) -> list[str]:
    """Names of the members of an object, as the docs abbreviate it."""
    return list(json.loads(text.replace("...", "")))


def test_a_reader_of_the_readme_gets_lists_and_the_api(kafka, environ, tmp_path) -> None:
    for name in ("gigs.csv", "shows.csv"):
        write_gigs(tmp_path / name)
    (port,) = _free_ports(1)
    with RedisServer() as redis:
        swaps = {
            "kafka:9092": kafka.bootstrap,
            "redis://redis:6379/0": redis.url,
            "redis-cli": f"redis-cli -p {redis.port}",
            "127.0.0.1:8322": f"127.0.0.1:{port}",
            "# stop all consumers and the trainer": "end_jobs",
        }
        env = {**environ, "GIGSTREAM_SERVE_PORT": str(port)}
        found = chosen(INSTALLATION)
        failed, printed, errors = run(found, tmp_path, env, swaps)

    assert failed is None, f"{failed}\n{printed.get(failed)}\n{errors}"
    assert (tmp_path / f"{OWN}.old").exists()
    compared = 0
    for step, text in printed.items():
        for shown in re.findall(r'^(?:1\) )?(\{"\w.*\})$', step.shown, re.MULTILINE):
            compared += 1
            assert keys(shown) == keys(text.splitlines()[0]), step.command
    assert compared == 3


def test_a_reader_of_the_metrics_sees_them(environ, tmp_path) -> None:
    ports = dict(zip(("9101", "9102", "9103"), map(str, _free_ports(3)), strict=True))
    (serve,) = _free_ports(1)
    with RedisServer() as redis:
        env = {
            **environ,
            "GIGSTREAM_REDIS_URL": redis.url,
            "GIGSTREAM_SERVE_PORT": str(serve),
        }
        failed, printed, errors = run(chosen(METRICS), tmp_path, env, ports)

    assert failed is None, f"{failed}\n{errors}"
    assert "gigstream_consumer_read_events_total" in [*printed.values()][-1]


def test_blocks_that_need_no_server_show_what_they_print(environ) -> None:
    for block in chosen(BARE):
        failed, printed, errors = run([block], ROOT, environ, {})

        assert failed is None, errors
        assert [printed[step].strip() for step in block.steps] == [
            re.sub(r" *\t *", "\t", step.shown) for step in block.steps
        ]
