"""The client package, in an empty environment: lists with redis alone, events with msgspec alone.

With GIGSTREAM_TEST_DIST (`make wheel`) pip installs it, on each Python that is there.
"""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from confluent_kafka import Producer

from consumer.events import decode
from support.data.lists import fold_in, publish
from support.processes.environment import ROOT, Environment, build, pythons

DIST = Path(os.environ.get("GIGSTREAM_TEST_DIST", ".")).absolute()
VERSIONS = list(pythons(DIST)) if "GIGSTREAM_TEST_DIST" in os.environ else ["here"]
LARGEST = 250_000
"""Bytes of the wheel's files; what Python compiles of them beside is no part of it."""
LISTS = """
import asyncio, json, sys
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from gigstream_client import AsyncLookup, Cache, Lookup

url, prefix = sys.argv[1:]

async def asked():
    async with AsyncRedis.from_url(url) as client:
        return (await AsyncLookup(client, prefix).artist("a0", n=2)).items

lookup = Lookup(Redis.from_url(url), prefix, cache=Cache())
many = lookup.artists(["a0", "unknown"], n=2)
assert tuple(asyncio.run(asked())) == many["a0"].items == lookup.artist("a0", 2).items
info = lookup.infos(["v0"], of="venue")["v0"]
print(json.dumps({
    "ids": {name: [item.id for item in found.items] for name, found in many.items()},
    "city": info.city,
    "top": sorted({name.partition(".")[0] for name in sys.modules}),
}))
"""
EVENTS = """
import sys
import tarfile
from gigstream_client import Event, InvalidEvent, decode, encode

event = Event(event_id="E-1", artist_id="a", venue_id="v", time_ms=1_772_366_400_000)
assert decode(encode(event), record_ms=1_772_366_400_000) == event
try:
    decode(b"{}", record_ms=1_772_366_400_000)
except InvalidEvent as error:
    assert error.field == "event_id", error
top = {name.partition(".")[0] for name in sys.modules}
assert not top & {"redis", "consumer", "serving", "trainer"}, top
sys.stdout.buffer.write(encode(event))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built of its own sdist."""
    if "GIGSTREAM_TEST_DIST" in os.environ:
        return next(DIST.glob("gigstream_client-*.whl"))
    out = tmp_path_factory.mktemp("client")
    build("sdist", ROOT / "client", out)
    shutil.unpack_archive(next(out.glob("*.tar.gz")), out / "source", filter="data")
    build("wheel", next((out / "source").iterdir()), out)
    return next(out.glob("*.whl"))


@pytest.fixture(params=VERSIONS)
def environment(request, tmp_path) -> Environment:
    if request.param == "here":
        return Environment.of_this_python(tmp_path)
    return Environment.of(pythons(DIST)[request.param], tmp_path)


def equip(environment: Environment, wheel: Path, extra: str, packages: list[str]) -> None:
    """Install the client with one extra, whose packages are these."""
    if "GIGSTREAM_TEST_DIST" in os.environ:
        environment.install(f"{wheel}[{extra}]")
        return
    shutil.unpack_archive(wheel, environment.packages, "zip")
    environment.borrow(packages)


def test_lists_are_read_with_redis_alone(environment, wheel, redis_server, publisher, prefix):
    publish(publisher, 1)
    fold_in(publisher, 1, {}, {"venue:info": {"v0": '{"city":"Hamburg"}'}})
    needed = ["redis"] if sys.version_info >= (3, 11, 3) else ["redis", "async_timeout"]
    equip(environment, wheel, "lookup", needed)

    found = json.loads(environment.run(environment.python, "-c", LISTS, redis_server.url, prefix))

    assert found["ids"] == {"a0": ["v1", "v2"], "unknown": ["p1", "p2"]}
    assert found["city"] == "Hamburg"
    assert not {"consumer", "serving", "trainer", "gigstream", "msgspec"} & set(found["top"])


def test_events_are_written_with_msgspec_alone(environment, wheel, kafka):
    equip(environment, wheel, "events", ["msgspec"])
    value = environment.run(environment.python, "-c", EVENTS).encode()

    assert decode(value, record_ms=1_772_366_400_000).event_id == "E-1"
    sender = Producer({"bootstrap.servers": kafka.bootstrap})
    sender.produce(kafka.create_topic(), value, b"E-1")
    assert sender.flush(30) == 0


def test_a_missing_library_is_named_with_its_extra(environment, wheel):
    shutil.unpack_archive(wheel, environment.packages, "zip")
    for name, extra in (("Lookup", "lookup"), ("encode", "events")):
        code = f"from gigstream_client import {name}"
        done = environment.try_to_run(environment.python, "-c", code)

        assert done.returncode == 1
        assert f"pip install 'gigstream-client[{extra}]'" in done.stderr


def test_the_package_is_small_and_its_modules_are_the_product_s(wheel, tmp_path):
    shutil.unpack_archive(wheel, tmp_path, "zip")
    package = tmp_path / "gigstream_client"
    homes = {"lists": ROOT / "serving", "events": ROOT / "consumer" / "events"}
    for folder, home in homes.items():
        for module in (package / folder).rglob("*.py"):
            name = module.relative_to(package / folder)
            if (folder, str(name)) != ("lists", "__init__.py"):
                assert module.read_bytes() == (home / name).read_bytes()
    size = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())

    assert size <= LARGEST
    assert {path.name for path in tmp_path.iterdir() if "." not in path.name} == {
        "gigstream_client"
    }


def test_every_python_is_named():
    text = (ROOT / "client" / "pyproject.toml").read_text("utf-8")

    assert all(f"Python :: 3.{minor}" in text for minor in (11, 12, 13, 14))
