"""`store check | stats | compact`, as an operator runs them."""

import json

import pytest

from consumer.ingest import rows
from consumer.store.writer import Store
from consumer.table import delta_log
from consumer.table.delta_log import Span
from support.data.records import message
from support.processes.running import Gigstream

A = "c/T/0"


@pytest.fixture
def commands(tmp_path):
    return Gigstream(tmp_path / "home", {})


@pytest.fixture
def path(commands):
    store = Store.open(commands.home / "store")
    for number in range(12):
        table = rows.table([message(number), message(100 + number, b"?")], topic_id="T")
        store.append(table.slice(0, 1), {A: Span(number, number + 1)})
    return commands.home / "store"


def test_a_whole_store_is_said_to_be_whole(commands, path):
    told = commands.json("store", "check")
    done = commands.run("store", "check")

    assert (told["ok"], told["findings"], told["rows"], told["version"]) == (True, [], 12, 12)
    assert done.returncode == 0
    assert "version 12, 13 log entries, 12 files, 12 rows" in done.stdout


def test_a_damaged_store_is_exit_1_with_a_line_for_each_finding(commands, path):
    first, second = sorted(path.glob("kind=event/*"))[:2]
    first.unlink()
    second.write_bytes(b"")

    done = commands.run("store", "check", "--json")

    assert done.returncode == 1
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["ok"], len(told["findings"])) == (False, 2)
    assert len(done.stderr.splitlines()) == 2
    assert f"gigstream: file kind=event/{first.name} is missing" in done.stderr


def test_stats_come_from_the_log(commands, path):
    told = commands.json("store", "stats")

    assert told["rows"] == {"event": 12}
    assert (told["files"], told["files_on_disk"], told["log_entries"]) == (12, 12, 13)
    assert told["bytes_per_event"] == round(told["bytes"] / 12, 1)
    assert (told["positions"], told["partitions"], told["last_checkpoint"]) == ({A: 12}, 1, None)
    assert (told["format"], told["version"], told["readers"]) == (delta_log.FORMAT, 12, [])
    assert "bytes_per_event" in commands.run("store", "stats").stdout


def test_compact_runs_the_maintenance_at_once(commands, path):
    told = commands.json("store", "compact")

    assert (told["files_before"], told["files"]) == (12, 1)
    assert delta_log.checkpoints(path)[-1] == told["version"] == 13
    assert commands.json("store", "check")["rows"] == 12


@pytest.mark.parametrize("name", ["check", "stats", "compact"])
def test_where_nothing_is_stored_nothing_is_wrong(commands, name):
    done = commands.run("store", name)

    assert (done.returncode, done.stderr) == (0, "")
    assert "nothing stored yet" in done.stdout
    assert not (commands.home / "store").exists()


@pytest.mark.parametrize("name", ["check", "stats", "compact"])
def test_a_store_of_a_newer_gigstream_is_refused_with_the_remedy(commands, path, name):
    entry = delta_log.entry_path(path, 0)
    entry.write_text(
        entry.read_text().replace(f'"{delta_log.FORMAT_KEY}":"2"', f'"{delta_log.FORMAT_KEY}":"9"')
    )

    done = commands.run("store", name)

    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("upgrade gigstream")
    assert len(done.stderr.splitlines()) == 1
