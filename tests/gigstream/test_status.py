"""What `status` reads: as little as will do, with no more rights than the documented ones."""

import os
import re
from pathlib import Path

import pytest

from consumer.errors import StoreDamaged
from consumer.ingest import rows
from consumer.store.writer import Span, Store
from gigstream.commands.status import _live, stored
from gigstream.settings import load
from serving.connection import connect
from serving.publisher.publish import Publisher
from support.data.growing import Growing
from support.data.lists import publish
from support.data.records import gig, message
from support.processes.commands import gigstream
from support.servers.redis import RedisServer
from trainer.registry.snapshot import Snapshots

PAGE = Path(__file__).parents[2] / "docs" / "contract" / "redis.md"


@pytest.fixture
def growing(tmp_path, monkeypatch):
    monkeypatch.setenv("GIGSTREAM_HOME", str(tmp_path))
    found = Growing(tmp_path / "store")
    found.grow()
    return found


def test_what_the_trainer_has_settled_is_not_read_again(growing):
    settings = load()
    old = list(growing.path.glob("kind=event/*.parquet"))
    growing.grow()
    whole = stored(settings)
    growing.save(Snapshots(settings.models))
    growing.grow()
    after = stored(settings)
    assert after[0]["events"] == whole[0]["events"] + 41
    for file in old:
        file.unlink()

    assert stored(settings) == after
    Snapshots(settings.models).clear()
    with pytest.raises(StoreDamaged):
        stored(settings)


def test_dead_letters_are_counted_whatever_the_snapshot_holds(growing):
    settings = load()
    store = Store.open(growing.path)
    bad = rows.table([message(n, b"?") for n in range(3)], topic_id="T")
    store.append(bad, {"c/T/0": Span(None, 3)})
    growing.save(Snapshots(settings.models))
    again = rows.table([message(3, b"?")], topic_id="T")
    store.append(again, {"c/T/0": Span(3, 4)})

    assert stored(settings)[0]["dead_letters"] == 4


def test_tombstones_are_counted_until_a_gig_of_their_bill_comes(tmp_path, monkeypatch):
    monkeypatch.setenv("GIGSTREAM_HOME", str(tmp_path))
    store = Store.open(tmp_path / "store")
    records = [message(0, gig(0)), message(1, None, key=b"e0"), message(2, None, key=b"E-0")]
    store.append(rows.table(records, topic_id="T"), {"c/T/0": Span(None, 3)})
    before, _, _ = stored(load())
    late = rows.table([message(3, gig(3, event_id="E-0"))], topic_id="T")
    store.append(late, {"c/T/0": Span(3, 4)})

    after, _, _ = stored(load())

    assert (before["tombstones_unmatched"], before["plays"]) == (1, 0)
    assert (after["tombstones_unmatched"], after["plays"]) == (0, 0)


def test_the_documented_rights_of_the_publisher_suffice(monkeypatch):
    with RedisServer() as server:
        (line,) = re.findall(r"^ACL SETUSER gigstream .*$", PAGE.read_text(), re.MULTILINE)
        server.client().execute_command(*line.split())
        url = f"redis://gigstream:gigstream-password@127.0.0.1:{server.port}/0"
        monkeypatch.setenv("GIGSTREAM_REDIS_URL", url)
        settings = load()
        with connect(settings) as client:
            writer = Publisher(client, prefix="gig", registry="r", token=1)
            writer.claim()
            publish(writer, 1)
            found = _live(settings)

    assert found["generation"] == 1
    assert (
        found["lease"].items() >= {"registry": "r", "token": "1", "pid": str(os.getpid())}.items()
    )


def test_an_alarm_shows_in_status_and_in_the_exit_code_of_check(tmp_path, monkeypatch):
    monkeypatch.setenv("GIGSTREAM_HOME", str(tmp_path))
    bad = [message(n, gig(n, source="crm", venue_id="")) for n in range(20)]
    table = rows.table(bad, topic_id="T")
    Store.open(tmp_path / "store").append(table, {"c/T/0": Span(None, 20)})
    monkeypatch.setenv("GIGSTREAM_CONNECT_TIMEOUT_S", "0.1")

    checked = gigstream("check", "letters", "--json")
    shown = gigstream("status", "--json")

    assert checked.code == 4
    said = checked.data["checks"]["letters"]["said"]
    assert "20 of the latest 20 messages of source 'crm' break the event contract" in said
    (alarm,) = shown.data["alarms"]
    assert (alarm["source"], alarm["dead"], alarm["field"]) == ("crm", 20, "venue_id")
    assert f"gigstream: ALARM: {said}" in shown.err.splitlines()
    assert gigstream("check", "store").code == 0, "health checks of the processes still pass"
