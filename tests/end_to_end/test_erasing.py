"""An erased artist is nowhere any more, while events keep coming and lists keep following."""

import signal
import threading

from support.faults.traces import files_with, keys_with
from support.processes.installation import INDISTREET, event, season
from support.processes.running import until

ID, NAME = "artist-erase-me-7", "The Erased Ones"
KILLED = -signal.SIGKILL
STEPS = ("recorded", "rewritten", "committed", "checkpointed", "cleaned", "published")


def with_them(n: int = 400) -> list:
    """A season, with gigs of one who will be erased."""
    own = [event(1000 + k, ID, f"venue-{k % 12}", artist_name=NAME) for k in range(20)]
    return [*season(n), *own]


def traces(installation) -> list[str]:
    """Where the id or the name is left."""
    return [
        *files_with(installation.commands.home, ID, NAME),
        *keys_with(installation.client, ID, NAME),
    ]


def plays(installation) -> dict[str, int]:
    """Gigs of each artist with a list."""
    return {
        artist: sum(played)
        for artist, (_, _, played, _) in installation.lists()["artist:returns"].items()
        if artist != "_default"
    }


def test_on_a_busy_store_nothing_is_left_and_no_other_event_is_lost_or_doubled(installation):
    commands = installation.commands
    consumers = [commands.start("consume"), commands.start("consume")]
    trainer = commands.start("train")
    installation.send(*with_them())
    until(lambda: ID in plays(installation))
    over, sent = threading.Event(), []

    def keep_sending() -> None:
        while not over.is_set():
            number = 2000 + len(sent)
            own = number % 10 == 0
            sent.append(own)
            artist = ID if own else f"artist-{number % 30}"
            installation.send(event(number, artist, f"venue-{number % 12}", artist_name=NAME * own))
            over.wait(0.01)

    busy = threading.Thread(target=keep_sending)
    busy.start()
    try:
        receipt = commands.json("erase", "artist", ID, "--yes")
        assert keys_with(installation.client, ID, NAME) == []
    finally:
        over.set()
        busy.join()
    expected = 400 + sent.count(False)
    status = until(lambda: (s := installation.status())["lag_events"] == 0 and s)

    assert (status["events"], status["plays"]) == (expected, expected)
    assert receipt["store"]["rows"] >= 20
    assert receipt["artifacts"]
    assert receipt["redis"]
    assert receipt["kafka"][0]["retained_until"]
    until(lambda: sum(plays(installation).values()) == expected)
    assert traces(installation) == []
    assert [p.poll() for p in (*consumers, trainer)] == [None, None, None], commands.logs()

    installation.send(event(9000, "newcomer", "venue-1"), event(9001, ID, "venue-1"))
    until(lambda: "newcomer" in plays(installation))
    assert installation.stored(expected + 1)["events"] == expected + 1
    again = commands.json("erase", "artist", ID, "--yes")
    assert {name: again[name] for name in again if name != "kafka"} == {
        name: receipt[name] for name in receipt if name != "kafka"
    }
    trainer.terminate()
    trainer.wait(10)
    commands.json("train", "--once")
    assert traces(installation) == []


def test_killed_at_any_step_a_second_erase_completes_it_with_the_same_receipt(installation):
    commands = installation.commands
    consumer = commands.start("consume")
    installation.send(*with_them())
    installation.stored(420)
    commands.json("train", "--once", timeout_s=60)
    for number, step in enumerate(STEPS):
        killed = commands.start("erase", step, "artist", ID, program="support.processes.killed")
        assert killed.wait(60) == KILLED, commands.logs()
        installation.send(event(3000 + number, "artist-1", "venue-1"))
        installation.stored(401 + number)

    receipt = commands.json("erase", "artist", ID, "--yes")

    assert traces(installation) == []
    assert receipt["store"] == {"rows": 20, "dead": 0, "merges": 0, "scrubbed": 0, "files": 1} | {
        "files": receipt["store"]["files"]
    }
    assert receipt["artifacts"] == ["gen-00000001"]
    assert receipt["redis"].keys() == {
        f"{installation.prefix}:{key}"
        for key in (
            *("artist", "artist:info", "artist:name", "artist:returns"),
            *("venue", "venue:returns"),
        )
    }
    assert installation.stored(406)["plays"] == 406
    assert consumer.poll() is None
    assert commands.json("artist", ID)["source"] == "popular"


def test_a_refit_under_way_is_given_up_and_its_model_never_seen(installation):
    commands = installation.commands
    commands.environ |= {"GIGSTREAM_FACTORS": "64", "GIGSTREAM_REFIT_SHARE": "0.01"}
    commands.start("consume")
    trainer = commands.start("train")
    installation.send(*with_them())
    until(lambda: ID in plays(installation))
    installation.imported(str(INDISTREET))
    models = commands.home / "models"
    drafts = until(lambda: list(models.glob(".gen-*")) or keys_with_staging(installation))
    assert drafts

    receipt = commands.json("erase", "artist", ID, "--yes")

    assert trainer.poll() is None, commands.logs()
    assert keys_with(installation.client, ID, NAME) == []
    assert files_with(models, ID, NAME) == []
    assert receipt["artifacts"]
    until(lambda: len(plays(installation)) > 6000)
    assert traces(installation) == []


def keys_with_staging(installation) -> list[bytes]:
    """Lists under way."""
    return list(installation.client.scan_iter(f"{installation.prefix}:*:staging:*"))


def test_erasing_a_venue_and_the_last_artist_withdraws_the_lists(installation):
    commands = installation.commands
    commands.start("consume")
    installation.send(event(1, "a-only", "v-one"), event(2, "a-only", "v-two"))
    installation.stored(2)
    commands.json("train", "--once", timeout_s=60)

    commands.json("erase", "venue", "v-one", "--yes")
    assert keys_with(installation.client, "v-one") == []
    assert plays(installation) == {"a-only": 1}

    commands.json("erase", "artist", "a-only", "--yes")
    assert keys_with(installation.client, "a-only") == []
    assert files_with(commands.home, "a-only", "v-one") == []
    assert installation.generation() == 0
    installation.send(event(3, "another", "v-two"))
    installation.stored(1)
    assert commands.json("train", "--once")["generation"] > 0


def test_what_cannot_be_erased_is_refused_in_one_line(installation):
    commands = installation.commands
    (line,) = commands.run("erase", "artist", "").stderr.splitlines()
    assert "artist_id: '' is empty" in line

    unknown = commands.run("erase", "artist", ID, "--yes")
    assert unknown.returncode == 2
    assert f"no artist has the id {ID!r}, so nothing was done" in unknown.stderr
    commands.start("consume")
    installation.send(event(1, ID, "v"))
    installation.stored(1)
    unasked = commands.run("erase", "artist", ID)
    assert unasked.returncode == 2
    assert "1 statements of 1 gigs, 1 plays that count; lists: 0" in unasked.stderr
    assert "add --yes" in unasked.stderr

    installation.redis.pause()
    try:
        away = commands.run("erase", "artist", ID, "--yes")
    finally:
        installation.redis.resume()
    assert away.returncode == 3
    assert not list(commands.home.glob("store/kind=erasure/*"))
