"""`verify` and `rebuild` on a whole installation: equal after kills; all tampering is reported."""

import json
import signal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from consumer.table.delta_log import replay
from support.processes.installation import Installation, event, season
from support.processes.running import stop, until

LATER_MS = 1_760_000_000_000
KILLED = -signal.SIGKILL


def verified(installation: Installation, *parts: str) -> tuple[int, dict, list[str]]:
    """Exit code, the JSON object, and the remarks."""
    done = installation.commands.run("verify", *parts, "--json")
    assert done.stdout, done.stderr
    said = [line.removeprefix("gigstream: ") for line in done.stderr.splitlines()]
    return done.returncode, json.loads(done.stdout.splitlines()[-1]), said


@pytest.fixture
def published(installation):
    """Lists of a season, and fold-ins since: new gigs, moves, a cancellation, a deleted bill."""
    commands = installation.commands
    commands.start("consume")
    installation.send(*season(300))
    installation.stored(300)
    installation.trainer = commands.start("train")
    until(installation.generation)
    for number in range(3):
        installation.send(
            event(400 + number, f"new-{number % 2}", f"venue-{number}"),
            event(number, f"artist-{number}", "venue-11", time_ms=LATER_MS),
        )
        until(lambda n=number: folded(installation, f"new-{n % 2}", f"venue-{n}"))
    installation.send_raw(b"?")
    installation.send_raw(None, b"e8")
    installation.send(event(7, "artist-7", "venue-4", time_ms=LATER_MS, status="cancelled"))
    until(lambda: '"foldin"' in listed(installation, "artist-7"))
    until(lambda: '"foldin"' in listed(installation, "artist-8"))
    until(lambda: (now := installation.status())["dead_letters"] and now["lag_events"] == 0)
    return installation


def listed(installation, artist) -> str:
    value = installation.client.hget(f"{installation.prefix}:artist:returns", artist)
    return value.decode() if value else ""


def folded(installation, artist, venue) -> bool:
    return f'"{venue}"' in listed(installation, artist)


def test_lists_are_equal_after_fold_ins_unless_changed_by_hand_and_after_a_restart(published):
    code, found, said = verified(published)

    assert (code, found["equal"]) == (0, True), said
    assert found["topic"]["records"] == 309
    assert found["lists"]["compared"] > 70
    generation = found["lists"]["generation"]

    tamper(published)
    code, found, said = verified(published, "lists")

    assert code == 1
    assert found["lists"]["differing"] == {"artist": {"count": 1, "first": ["artist-1"]}}
    assert found["lists"]["extra"] == {"venue": {"count": 1, "first": ["nowhere"]}}
    assert sorted(found["lists"]["missing"]["artist:returns"]["first"]) == ["artist-2", "new-0"]
    assert len([line for line in said if line.startswith("lists: ")]) == 3

    assert stop(published.trainer) == 0
    published.client.flushall()
    published.commands.start("train")
    until(lambda: published.generation() > generation)
    code, found, said = verified(published)

    assert (code, found["equal"]) == (0, True), said
    assert found["lists"]["generation"] > generation


def tamper(installation) -> None:
    """Swap two entries of a list, add a foreign list, remove two lists."""
    client, prefix = installation.client, installation.prefix
    swapped = json.loads(client.hget(f"{prefix}:artist", "artist-1"))
    swapped["v"][0], swapped["v"][-1] = swapped["v"][-1], swapped["v"][0]
    client.hset(f"{prefix}:artist", "artist-1", json.dumps(swapped))
    client.hset(f"{prefix}:venue", "nowhere", client.hget(f"{prefix}:venue", "venue-1"))
    client.hdel(f"{prefix}:artist:returns", "artist-2", "new-0")


def test_after_kills_of_both_processes_all_is_equal_and_a_rebuilt_store_is_too(installation):
    commands = installation.commands
    installation.send(*season())
    for step in ("fetched", "parquet_written", "after_commit"):
        killed = commands.start("consume", step, program="support.processes.killed")
        assert killed.wait(60) == KILLED, commands.logs()
    commands.start("consume")
    killed = commands.start("train", "staged", program="support.processes.killed")
    assert killed.wait(60) == KILLED, commands.logs()
    commands.start("train")
    until(lambda: installation.stored(400)["generation"])

    code, found, said = verified(installation)
    made = commands.json("rebuild", "--to", "second")

    assert code == 0, said
    assert found["topic"]["records"] == 400
    assert (made["equal"], made["added"], made["not_retained"]) == (True, 400, 0)
    assert sum(each["records"] for each in made["partitions"].values()) == 400
    first = replay(commands.home / "store").positions
    assert replay(commands.home / "second").positions == first


def test_a_rebuilt_store_takes_the_place_of_the_first_one_and_its_damage_is_told(published):
    commands = published.commands
    commands.close()
    before = published.status()
    made = commands.json("rebuild", "--to", "store.rebuilt")
    assert (made["equal"], made["added"]) == (True, 309)
    (commands.home / "store").rename(commands.home / "store.old")
    (commands.home / "store.rebuilt").rename(commands.home / "store")

    commands.start("consume")
    commands.start("train")
    published.send(event(990, "after", "venue-1"))
    until(lambda: folded(published, "after", "venue-1"))
    after = published.stored(309)

    assert after["plays"] == before["plays"] + 1
    code, found, said = verified(published)
    assert (code, found["equal"]) == (0, True), said

    commands.close()
    damage(commands.home / "store")
    code, found, said = verified(published, "topic")

    assert code == 1
    wrong = [
        (what, partition[what]["count"])
        for partition in found["topic"]["partitions"].values()
        for what in ("missing", "doubled", "differing", "extra")
        if what in partition
    ]
    assert sorted(wrong) == [("doubled", 1), ("missing", 1)]
    assert len([line for line in said if line.startswith("topic: ")]) == 2


def damage(store: Path) -> None:
    """One row taken out of its largest file, and another one put in a second time."""
    largest = max(store.glob("kind=event/*.parquet"), key=lambda path: path.stat().st_size)
    table = pq.read_table(largest, partitioning=None)
    pq.write_table(table.take([0, 0, *range(2, len(table))]), largest)


def test_kafka_or_redis_away_is_exit_code_3(installation):
    installation.commands.start("consume")
    installation.send(*season(20))
    installation.stored(20)
    for name, value, part in (
        ("GIGSTREAM_KAFKA_BOOTSTRAP", "127.0.0.1:1", "topic"),
        ("GIGSTREAM_REDIS_URL", "redis://127.0.0.1:1", "lists"),
    ):
        environ = dict(installation.commands.environ)
        installation.commands.environ |= {name: value, "GIGSTREAM_CONNECT_TIMEOUT_S": "0.5"}
        done = installation.commands.run("verify", part)
        installation.commands.environ = environ

        assert done.returncode == 3, done.stderr
        assert len(done.stderr.splitlines()) == 1
