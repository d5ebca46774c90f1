"""Two recipes side by side: two trainers follow one store, under two prefixes."""

import pytest

from support.faults.traces import files_with, keys_with
from support.processes.installation import Installation, event, season
from support.processes.running import Gigstream, until

ID = "artist-erase-me-7"


@pytest.fixture
def second(installation):
    """Commands of a second trainer: other lists, other models, another recipe."""
    own = {
        "GIGSTREAM_VARIANT": "b",
        "GIGSTREAM_REDIS_PREFIX": f"{installation.prefix}-b",
        "GIGSTREAM_FACTORS": "8",
        "GIGSTREAM_ALPHA": "40",
    }
    made = Gigstream(installation.commands.home, installation.settings | own)
    yield made
    made.close()


def played(installation: Installation, prefix: str, artist: str) -> bool:
    return bool(installation.client.hexists(f"{prefix}:artist:returns", artist))


def test_each_publishes_its_recipe_and_follows_the_store_by_itself(installation, second):
    prefixes = installation.prefix, second.environ["GIGSTREAM_REDIS_PREFIX"]
    installation.commands.start("consume")
    installation.commands.start("train")
    second.start("train")
    installation.send(*season(), *(event(900 + n, ID, f"venue-{n}") for n in range(6)))
    until(lambda: all(played(installation, each, ID) for each in prefixes))
    installation.send(event(2000, "newcomer", "venue-3"))
    until(lambda: all(played(installation, each, "newcomer") for each in prefixes))

    shown = [
        commands.json("generations")["generations"][0]
        for commands in (installation.commands, second)
    ]
    assert [each["recipe"]["factors"] for each in shown] == [16, 8]
    lists = [
        commands.json("artist", "artist-1")["items"] for commands in (installation.commands, second)
    ]
    assert lists[0] != lists[1]
    published = second.json("train", "--once")["generation"]
    assert second.json("rollback", "--yes")["generation"] > published
    assert installation.commands.json("generations")["generations"][0]["live"]
    for commands in (installation.commands, second):
        assert commands.run("verify", "lists").returncode == 0

    receipt = installation.commands.json("erase", "artist", ID, "--yes")

    assert {key.split(":")[0] for key in receipt["redis"]} == set(prefixes)
    assert any(name.startswith("models-b/") for name in receipt["artifacts"])
    assert files_with(installation.commands.home, ID) == []
    assert keys_with(installation.client, ID) == []


def test_without_a_trainer_an_erasure_publishes_lists_of_each_by_its_own_recipe(
    installation, second
):
    consumer = installation.commands.start("consume")
    installation.send(*season(), event(900, ID, "venue-1"))
    installation.stored(401)
    for commands in (installation.commands, second):
        commands.json("train", "--once")
    consumer.kill()
    consumer.wait()

    installation.commands.json("erase", "artist", ID, "--yes")

    assert keys_with(installation.client, ID) == []
    assert second.json("generations")["generations"][0]["recipe"]["factors"] == 8
    refused = second.environ | {"GIGSTREAM_REDIS_PREFIX": installation.prefix}
    second.environ = refused
    assert second.run("train", "--once").returncode == 4
