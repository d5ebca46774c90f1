"""Two ids become one artist, or one venue, everywhere that apps look."""

from support.processes.installation import event, season
from support.processes.running import until

COUNTS = ("events", "plays", "artists", "venues", "pairs", "cancelled")


def shown(installation) -> set[str]:
    """Every id that stands in some list."""
    lists = installation.lists()
    return {identity for view in lists.values() for ids, *_ in view.values() for identity in ids}


def test_a_merged_artist_counts_as_the_other_now_later_and_after_a_restart(installation):
    commands, send = installation.commands, installation.send
    commands.start("consume")
    send(*season())
    before = installation.stored(400)
    trainer = commands.start("train")
    until(installation.generation)
    assert {"artist-1", "venue-1"} <= shown(installation)

    first = commands.json("merge", "artist", "artist-1", "into", "artist-2", "--yes")
    commands.json("merge", "venue", "venue-1", "into", "venue-2", "--yes")

    def follows():
        lists = installation.lists()
        same = all(
            lists[view][gone] == lists[view][kept]
            for view, gone, kept in (
                ("artist", "artist-1", "artist-2"),
                ("artist:returns", "artist-1", "artist-2"),
                ("venue", "venue-1", "venue-2"),
            )
        )
        return same and not shown(installation) & {"artist-1", "venue-1"}

    until(follows)
    assert first["changed"]
    assert not commands.json("merge", "artist", "artist-1", "into", "artist-2", "--yes")["changed"]
    merged = installation.status()
    assert merged["plays"] == before["plays"]
    assert (merged["artists"], merged["venues"]) == (29, 11)

    def plays_of(artist):
        return sum(installation.lists()["artist:returns"][artist][2])

    was = plays_of("artist-2")
    send(event(900, "artist-1", "venue-1"))
    until(lambda: plays_of("artist-2") == was + 1)
    until(lambda: plays_of("artist-1") == was + 1)

    trainer.terminate()
    trainer.wait(10)
    generation = installation.generation()
    commands.start("train")
    until(lambda: installation.generation() > generation)
    until(follows)
    assert plays_of("artist-2") == was + 1
    grown = {name: installation.status()[name] - merged[name] for name in COUNTS}
    assert grown == dict.fromkeys(COUNTS, 0) | {"events": 1, "plays": 1, "pairs": 1}
    assert commands.json("train", "--once", "--takeover")["generation"] > generation
    assert follows()


def test_circles_and_impossible_ids_are_refused_in_one_line(installation):
    commands = installation.commands
    commands.start("consume")
    installation.send(*(event(n, name, "v") for n, name in enumerate("abc")))
    installation.stored(3)
    assert commands.run("merge", "artist", "a", "into", "b", "--yes").returncode == 0
    assert commands.run("merge", "artist", "b", "into", "c", "--yes").returncode == 0

    for arguments, said in (
        (("artist", "c", "into", "a"), "artist 'a' counts as 'c' already"),
        (("venue", "v", "into", "v"), "venue 'v' is the same id"),
        (("artist", "", "into", "a"), "artist_id: '' is empty"),
        (("artist", "A", "into", "a"), "no artist has the id 'A'"),
        (("venue", "v", "into", "V"), "no venue has the id 'V'"),
    ):
        refused = commands.run("merge", *arguments)
        (line,) = refused.stderr.splitlines()
        assert refused.returncode == 2
        assert said in line
