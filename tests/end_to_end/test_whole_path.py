"""Booking system to app, over whole processes and real servers."""

import gzip
import json
import random

import pytest

from support.processes.installation import INDISTREET, event, season
from support.processes.running import stop, until


def resorted(tmp_path):
    """The same gigs in another order."""
    header, *rows = gzip.decompress(INDISTREET.read_bytes()).splitlines(keepends=True)
    random.Random(1).shuffle(rows)
    path = tmp_path / "events.tsv.gz"
    path.write_bytes(gzip.compress(header + b"".join(rows), 1))
    return path


def test_indistreet_imported_twice_the_second_time_re_sorted_counts_once(installation, tmp_path):
    expected = {"plays": 47142, "artists": 6131, "venues": 989, "pairs": 23390}
    installation.commands.start("consume")

    installation.imported(str(INDISTREET))
    first = installation.stored(47142)
    installation.imported(str(resorted(tmp_path)), "--name", "events")
    second = installation.stored(2 * 47142)

    assert {key: first[key] for key in expected} == expected
    assert {key: second[key] for key in expected} == expected
    assert (second["cancelled"], second["dead_letters"]) == (0, 0)


def test_a_new_gig_a_move_and_a_cancellation_each_change_the_lists(installation):
    def listed(view, name):
        found = installation.client.hget(f"{installation.prefix}:{view}", name)
        return found and found.decode() if isinstance(found, bytes) else found

    installation.commands.start("consume")
    installation.commands.start("train")
    installation.send(*season())
    until(installation.generation)

    installation.send(event(900, "newcomer", "venue-3"))
    first = until(lambda: listed("artist:returns", "newcomer"))
    installation.send(event(900, "newcomer", "venue-7", time_ms=1_740_000_000_000))
    moved = until(lambda: (now := listed("artist:returns", "newcomer")) != first and now)
    installation.send(
        event(900, "newcomer", "venue-7", time_ms=1_740_000_000_001, status="cancelled")
    )
    until(lambda: listed("artist:returns", "newcomer") is None)

    answer = installation.commands.json("artist", "newcomer")
    assert '"foldin"' in first
    assert first != moved
    assert answer["source"] == "popular"
    assert answer["items"]


def test_a_restarted_trainer_resumes_from_its_artifact_and_catches_up(installation):
    installation.commands.start("consume")
    trainer = installation.commands.start("train")
    installation.send(*season())
    first = until(installation.generation)
    assert stop(trainer) == 0
    artifacts = sorted((installation.commands.home / "models").glob("gen-*"))

    installation.send(event(901, "late", "venue-1"))
    installation.commands.start("train")
    until(lambda: installation.client.hexists(f"{installation.prefix}:artist", "late"))

    assert installation.generation() == first
    assert "Went on from version" in installation.commands.logs()
    assert sorted((installation.commands.home / "models").glob("gen-*")) == artifacts


def test_lists_come_back_by_themselves_after_redis_lost_them(installation):
    installation.commands.start("consume")
    installation.commands.start("train")
    installation.send(*season())
    until(installation.generation)
    before = installation.lists()

    installation.client.delete(*installation.client.keys(f"{installation.prefix}:*"))
    until(installation.generation)

    assert installation.lists() == before


@pytest.mark.parametrize("command", ["consume", "train"])
def test_sigterm_ends_a_process_with_exit_0_within_5_seconds_and_loses_nothing(
    installation, command
):
    processes = {name: installation.commands.start(name) for name in ("consume", "train")}
    installation.send(*season(200))
    until(installation.generation)

    installation.send(*season(400)[200:])
    assert stop(processes[command]) == 0
    installation.commands.start(command)

    assert installation.stored(400)["plays"] == 400
    until(lambda: len(installation.lists()["artist"]) == 31)


def test_other_settings_are_in_force_after_a_restart(installation):
    installation.commands.start("consume")
    trainer = installation.commands.start("train")
    installation.send(*season())
    first = until(installation.generation)
    assert stop(trainer) == 0

    installation.commands.environ["GIGSTREAM_FACTORS"] = "8"
    installation.commands.start("train")
    until(lambda: installation.generation() > first)

    artifact = max((installation.commands.home / "models").glob("gen-*"))
    assert json.loads((artifact / "manifest.json").read_text())["recipe"]["factors"] == 8
