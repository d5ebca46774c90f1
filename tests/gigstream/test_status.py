"""What `status` reads: as little as will do, with no more rights than the documented ones."""

import os
import re
from pathlib import Path

import pytest

from consumer.errors import StoreDamaged
from consumer.ingest import rows
from consumer.store.writer import Span, Store
from consumer.table import schema
from gigstream.settings import load
from operations.holdings import held
from operations.status import live
from serving.connection import connect
from serving.publisher.publish import Publisher
from support.data.growing import Growing
from support.data.lists import publish
from support.data.records import gig, message
from support.processes.commands import gigstream
from support.servers.redis import RedisServer
from trainer.live.counting import Counting
from trainer.live.following import Following

PAGE = Path(__file__).parents[2] / "docs" / "contract" / "redis.md"


@pytest.fixture
def growing(tmp_path, monkeypatch):
    monkeypatch.setenv("GIGSTREAM_HOME", str(tmp_path))
    found = Growing(tmp_path / "store")
    found.grow()
    return found


def counted(growing):
    """Let a trainer count what is stored."""
    models = load().models
    models.mkdir(exist_ok=True)
    following = Following(growing.path)
    following.listen(0.0)
    Counting(following, models).count()


COUNTED = ("plays", "artists", "venues", "pairs", "cancelled", "tombstones_unmatched", "as_of")


def only(facts):
    return {name: facts[name] for name in COUNTED}


def test_a_large_store_is_not_read_where_the_trainer_has_counted_it(growing, monkeypatch):
    exact = held(load()).facts
    counted(growing)
    monkeypatch.setattr("operations.holdings.FEW", 0)
    for file in growing.path.glob("kind=event/*.parquet"):
        file.unlink()
    found = held(load())

    assert only(found.facts) == only(exact)
    assert found.facts["events"] == 41
    assert found.facts["counted_version"] == found.facts["store_version"]
    assert found.remarks == []
    with pytest.raises(StoreDamaged):
        held(load(), exact=True)


def test_what_came_after_the_trainer_s_count_is_told(growing, monkeypatch):
    counted(growing)
    before = held(load()).facts
    growing.grow()
    after = held(load()).facts  # it is small, so it is settled here
    monkeypatch.setattr("operations.holdings.FEW", 0)
    late = held(load())

    assert after["events"] == late.facts["events"] == 82
    assert only(after) != only(before)
    assert only(late.facts) == only(before)
    (remark,) = late.remarks
    assert (
        f"counted them at version {before['store_version']} of the store; 41 statements" in remark
    )
    assert only(held(load(), exact=True).facts) == only(after)


def test_without_a_trainer_a_large_store_s_plays_are_unknown_and_a_hint_counts_them(
    growing, monkeypatch
):
    monkeypatch.setattr("operations.holdings.FEW", 0)
    found = held(load())

    assert found.facts["events"] == 41
    assert set(only(found.facts).values()) == {None}
    assert "`gigstream status --exact`" in found.remarks[0]
    assert gigstream("status", "--exact", "--json").data["plays"] > 0


def test_dead_letters_are_counted_by_the_log_and_open_ones_by_their_replays(growing):
    settings = load()
    store = Store.open(growing.path)
    bad = rows.table([message(n, b"?") for n in range(3)], topic_id="T")
    store.append(bad, {"c/T/0": Span(None, 3)})
    counted(growing)
    facts = held(settings).facts
    assert (facts["dead_letters"], facts["dead_letters_unresolved"]) == (3, 3)
    again = message(3, gig(1), headers=[(schema.REPLAY_OF, b"T/0/1")])
    store.append(rows.table([again], topic_id="T"), {"c/T/0": Span(3, 4)})

    facts = held(settings).facts
    assert (facts["dead_letters"], facts["dead_letters_unresolved"]) == (3, 2)


def test_tombstones_are_counted_until_a_gig_of_their_bill_comes(tmp_path, monkeypatch):
    monkeypatch.setenv("GIGSTREAM_HOME", str(tmp_path))
    store = Store.open(tmp_path / "store")
    records = [message(0, gig(0)), message(1, None, key=b"e0"), message(2, None, key=b"E-0")]
    store.append(rows.table(records, topic_id="T"), {"c/T/0": Span(None, 3)})
    before = held(load()).facts
    late = rows.table([message(3, gig(3, event_id="E-0"))], topic_id="T")
    store.append(late, {"c/T/0": Span(3, 4)})

    after = held(load()).facts

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
            found = live(settings)
            monkeypatch.setenv("GIGSTREAM_CONNECT_TIMEOUT_S", "0.1")
            shown = gigstream("status").out

    (lease,) = [line.split(None, 1)[1] for line in shown.splitlines() if line.startswith("lease")]
    assert re.fullmatch(
        rf"process {os.getpid()} on \S+ since 20\S+Z, writer 1 of registry r", lease.strip()
    )
    assert not set("{}'") & set(shown), "no value is shown as Python writes it"
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
