"""What the trainer refuses to publish, and that the live lists stay meanwhile."""

from support.processes.installation import season


def test_a_publish_that_would_shrink_by_half_is_refused_until_it_is_forced(installation):
    commands = installation.commands
    commands.start("consume")
    installation.send(*season(300))
    installation.stored(300)
    commands.json("train", "--once")
    before = installation.lists()
    for event in season(300):
        if int(event.artist_id.removeprefix("artist-")) >= 10:
            installation.send_raw(None, event.event_id.encode())
    installation.send()
    installation.stored(500)

    refused = commands.run("train", "--once")
    kept = installation.lists()
    forced = commands.run("train", "--once", "--force")

    assert refused.returncode == 4
    assert "would shrink from 30 to 10" in refused.stderr.splitlines()[-1]
    assert kept == before
    assert forced.returncode == 0, forced.stderr
    assert len(installation.lists()["artist"]) == 11


def test_another_installation_under_the_same_prefix_is_refused_unless_it_takes_over(
    installation, tmp_path
):
    commands = installation.commands
    commands.start("consume")
    installation.send(*season(200))
    installation.stored(200)
    commands.json("train", "--once")
    (commands.home / "models").rename(tmp_path / "gone")

    refused = commands.run("train", "--once")
    taken = commands.run("train", "--once", "--takeover")

    assert refused.returncode == 4
    assert "or take them over with --takeover" in refused.stderr.splitlines()[-1]
    assert taken.returncode == 0, taken.stderr
