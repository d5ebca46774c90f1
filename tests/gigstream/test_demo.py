"""The demo, as a stranger runs it."""

import json
import shlex
import signal
import subprocess

from support.processes.living import living, until


def test_the_demo_shows_the_whole_path_and_leaves_nothing_behind(tmp_path, monkeypatch, start):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    process = start("demo", "--json")
    out, err = process.communicate(timeout=300)

    assert process.returncode == 0, err
    (line,) = out.splitlines()
    found = json.loads(line)
    assert (found["events"], found["plays"], found["pairs"]) == (47_142, 47_142, 23_390)
    assert len(found["latencies_ms"]) == 5
    assert 0 < found["median_ms"] < found["seconds"] * 1_000
    assert not living(tmp_path)
    assert not list((tmp_path / "tmp").iterdir())
    assert not list(tmp_path.glob("gigstream-data"))


def test_a_kept_demo_can_be_asked_until_ctrl_c(tmp_path, start):
    # Each artist plays three of nine venues.
    gigs = [f"a{n % 13},v{(n % 13 + n // 13 % 3) % 9},2015-01-{n % 28 + 1:02}" for n in range(300)]
    (tmp_path / "gigs.csv").write_text("\n".join(["artist_id,venue_id,date", *gigs]))
    process = start("demo", "--keep", "--events", "gigs.csv")
    lines = list(iter_until(process, "Everything keeps running"))
    redis_cli = next(line for line in lines if "redis-cli" in line)
    listed = subprocess.run(shlex.split(redis_cli), capture_output=True, text=True, check=True)
    asked = start("artist", "--name", "first light", "--json")
    answer = json.loads(asked.communicate(timeout=60)[0])
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert json.loads(listed.stdout)["v"]
    assert answer["name"] == "First Light"
    assert answer["source"] == "foldin"
    assert process.returncode == 0, err
    assert not living(tmp_path)


def test_ctrl_c_in_the_midst_of_the_demo_ends_all_of_it(tmp_path, monkeypatch, start):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    process = start("demo")
    until(lambda: len(living(tmp_path)) >= 5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert err.splitlines()[-1] == "gigstream: stopped"
    assert not living(tmp_path)
    assert not list((tmp_path / "tmp").iterdir())


def iter_until(process, words):
    """The lines that a process writes, up to the one with these words."""
    for line in process.stdout:
        yield line.strip()
        if words in line:
            return
    raise AssertionError(process.communicate()[1])
