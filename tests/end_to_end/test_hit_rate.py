"""The hit rate of real bookings: by the lists that apps had, whatever becomes of the trainer."""

import json
from collections import Counter
from typing import Any

import pytest

from support.processes.running import until
from support.processes.training import Training
from support.servers.redis import RedisServer

BEST = 10


@pytest.fixture
def training(tmp_path, prefix):
    settings = {"GIGSTREAM_CONNECT_TIMEOUT_S": "1"}
    with RedisServer() as redis, Training(tmp_path / "home", redis, prefix, **settings) as found:
        yield found


def rates(training: Training) -> dict[str, Any]:
    """By view, gigs, hits and those without a list, of all weeks."""
    shown = training.commands.run("status", "--json")  # no Kafka answers here
    found: Counter[tuple[str, str]] = Counter()
    for week in json.loads(shown.stdout.splitlines()[-1])["hit_rate"]["weeks"]:
        for view, each in week["views"].items():
            found.update({(view, name): each[name] for name in ("gigs", "hits", "without_list")})
    return {f"{view} {name}": count for (view, name), count in found.items() if count}


def expected(training: Training, gigs: list[tuple[str, str, str]]) -> Counter[str]:
    """What these gigs must add, by the live lists."""
    lists = {view: training.lists(view) for view in ("artist", "venue")}
    again = {view: training.lists(f"{view}:returns") for view in lists}
    met = {
        (artist, venue)
        for artist, each in again["artist"].items()
        for venue, n in zip(each["v"], each["p"], strict=True)
        if n
    }
    found: Counter[str] = Counter()
    for _, artist, venue in gigs:
        for side, owner, other in (("artist", artist, venue), ("venue", venue, artist)):
            is_met = (artist, venue) in met
            view = f"{side}:returns" if is_met else side
            own = (again if is_met else lists)[side].get(owner)
            found[f"{view} gigs"] += own is not None
            found[f"{view} without_list"] += own is None
            found[f"{view} hits"] += own is not None and other in own["v"][:BEST]
    return found


def test_new_gigs_are_looked_for_in_the_lists_before_them_and_counted_once(training):
    training.published()
    lists = training.lists("artist")
    gigs = [
        ("h1", "artist-0", lists["artist-0"]["v"][0]),
        ("h2", "artist-1", lists["artist-1"]["v"][-1]),
        ("h3", "artist-2", training.lists("artist:returns")["artist-2"]["v"][0]),
        ("h4", "new-1", "venue-1"),
    ]
    total = expected(training, gigs)
    training.book(*gigs)
    training.right()
    assert until(lambda: rates(training)) == +total

    training.cancel("h1")
    training.right()
    training.book(gigs[0])  # the same gig again
    training.right()
    assert rates(training) == +total

    training.process.kill()
    training.process.wait()
    away = [("h5", "artist-3", lists["artist-3"]["v"][0]), ("h6", "new-1", "venue-2")]
    total += expected(training, away)
    training.book(*away)
    training.start()
    training.right()
    assert until(lambda: rates(training) == +total)

    for number in range(2):
        training.process.kill()
        training.process.wait()
        training.start()
        late = [(f"l{number}", "artist-4", "venue-0")]
        total += expected(training, late)
        training.book(*late)
        training.right()
    assert until(lambda: rates(training) == +total)


def test_meta_tells_the_rates_and_a_swap_keeps_them(training):
    training.published()
    training.book(("h1", "artist-0", "venue-5"))
    training.right()

    def told() -> dict[str, Any]:
        return json.loads(training.client.hget(f"{training.prefix}:artist", "_meta"))["hit_rate"]

    weeks = until(lambda: told()["weeks"])
    assert [each["views"].keys() for each in weeks] == [{"artist", "venue"}]
    generation = training.generation()
    with training.refit():
        until(lambda: training.generation() > generation)
    assert told()["weeks"] == weeks
    assert told()["generations"][0]["generation"] == generation
