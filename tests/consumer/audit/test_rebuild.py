"""A second store from the topic: the same records and positions, also when it was killed midway."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from consumer.audit.against_topic import audit
from consumer.audit.compare import lines
from consumer.audit.rebuild import copy_decisions, rebuild
from consumer.errors import NothingStored, StoreUnusable
from consumer.events import DAY_MS
from consumer.ids import decisions, merges
from consumer.ids.merges import Merge, table
from consumer.ingest import rows
from consumer.settings import ConsumerSettings
from consumer.store.erase import Erasing
from consumer.store.writer import Store
from consumer.table import delta_log
from consumer.table.delta_log import Span, replay
from support.data.feed import send
from support.data.records import gig, message, places, stored, until
from support.processes.consume import Consuming

COUNT = 3_000


def silent(_share) -> None:
    pass


@pytest.fixture
def settings(kafka, tmp_path):
    """A store of a topic of two partitions, with a bad record and a tombstone."""
    topic = kafka.create_topic(2)
    found = ConsumerSettings(
        home=tmp_path / "home",
        kafka_bootstrap=kafka.bootstrap,
        kafka_topic=topic,
        kafka_group=topic,
        flush_max_events=500,
    )
    send(kafka.bootstrap, topic, *map(gig, range(COUNT)), b"?")
    send(kafka.bootstrap, topic, None, key=b"e1")
    with Consuming(found) as consumer:
        until(lambda: "Stored" in consumer.said and len(places(found.store)) == COUNT + 2)
        consumer.stop()
    return found


def rows_of(path: Path) -> list[tuple]:
    return sorted(tuple(str(row[name]) for name in sorted(row)) for row in stored(path))


def test_a_rebuilt_store_has_the_same_rows_positions_and_merges(settings, tmp_path):
    merge = Merge(1, "a1", "a2", "artist")
    Store.open(settings.store).append(table(merge), {})
    target = tmp_path / "second"

    made = rebuild(settings, target, silent)

    assert made.added == COUNT + 2
    assert lines(made.partitions) == []
    assert rows_of(target) == rows_of(settings.store)
    assert replay(target).positions == replay(settings.store).positions


def test_a_rebuild_that_is_run_again_adds_nothing_but_what_is_new(kafka, settings, tmp_path):
    target = tmp_path / "second"
    rebuild(settings, target, silent)

    again = rebuild(settings, target, silent)
    send(kafka.bootstrap, settings.kafka_topic, gig(COUNT))
    with Consuming(settings) as consumer:
        until(lambda: "Stored 1 rows" in consumer.said)
        consumer.stop()
    third = rebuild(settings, target, silent)

    assert (again.added, third.added) == (0, 1)
    assert rows_of(target) == rows_of(settings.store)


KILLED = """
import os, signal, sys
from pathlib import Path
from consumer.audit.rebuild import rebuild
from consumer.settings import ConsumerSettings

def at(share):
    if share > 0.4:
        os.kill(os.getpid(), signal.SIGKILL)

rebuild(ConsumerSettings.model_validate_json(sys.argv[1]), Path(sys.argv[2]), at)
"""


def test_a_rebuild_killed_midway_is_finished_by_the_next(settings, tmp_path, monkeypatch):
    target = tmp_path / "second"
    monkeypatch.setattr("consumer.kafka.scan._CHUNK", 300)
    program = KILLED.replace(
        "def at", "import consumer.kafka.scan\nconsumer.kafka.scan._CHUNK = 300\n\ndef at"
    )
    killed = subprocess.run(
        [sys.executable, "-c", program, settings.model_dump_json(), str(target)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        check=False,
    )

    assert killed.returncode == -signal.SIGKILL
    begun = len(places(target))
    assert 0 < begun < COUNT
    assert rebuild(settings, target, silent).added == COUNT + 2 - begun
    assert rows_of(target) == rows_of(settings.store)


def test_rows_that_were_lost_from_the_first_store_are_in_the_second(settings, tmp_path):
    lost = max(settings.store.glob("kind=event/*.parquet"), key=lambda path: path.stat().st_size)
    rows = pq.read_table(lost, partitioning=None)
    pq.write_table(rows.slice(3), lost)
    gone = Counter(rows["partition"][:3].to_pylist())  # a batch may begin with rows of both

    made = rebuild(settings, tmp_path / "second", silent)

    assert [line.partition(",")[0] for line in lines(made.partitions)] == [
        f"missing: {count} of partition {number}" for number, count in sorted(gone.items())
    ]
    assert len(places(tmp_path / "second")) == COUNT + 2


def test_no_store_is_rebuilt_onto_itself_onto_another_topic_s_or_from_nothing(
    kafka, settings, tmp_path
):
    other = settings.model_copy(
        update={"kafka_topic": kafka.create_topic(), "home": tmp_path / "other"}
    )
    send(kafka.bootstrap, other.kafka_topic, gig(0))

    with pytest.raises(NothingStored):
        rebuild(other, tmp_path / "second", silent)
    with pytest.raises(StoreUnusable, match="it is the store that is to be rebuilt"):
        rebuild(settings, settings.store, silent)
    with Consuming(other) as consumer:
        until(lambda: "Stored 1 rows" in consumer.said)
        consumer.stop()
    with pytest.raises(StoreUnusable, match="it holds another topic"):
        rebuild(settings, other.store, silent)


def test_years_later_what_the_clock_or_older_rules_refused_is_refused_still(
    kafka, tmp_path, monkeypatch
):
    """Dead letters stay so: in the second store, and without an alarm by `verify`."""
    topic = kafka.create_topic(config={"message.timestamp.after.max.ms": str(2**63 - 1)})
    found = ConsumerSettings(
        home=tmp_path / "home",
        kafka_bootstrap=kafka.bootstrap,
        kafka_topic=topic,
        kafka_group=topic,
    )
    ahead_ms = time.time_ns() // 1_000_000 + 3 * DAY_MS
    send(kafka.bootstrap, topic, gig(0), gig(1, status="on hold"))
    send(kafka.bootstrap, topic, gig(2, time=ahead_ms), timestamp=ahead_ms)
    with Consuming(found) as consumer:
        until(lambda: "Stored" in consumer.said and len(places(found.store)) == 3)
        consumer.stop()
    target, years = tmp_path / "second", 5 * 365 * DAY_MS * 1_000_000
    now_ns = time.time_ns
    monkeypatch.setattr("consumer.ingest.rows.time.time_ns", lambda: now_ns() + years)
    later = found.model_copy(update={"statuses": {"default": {"onhold": "postponed"}}})

    made = rebuild(later, target, silent)
    checked = audit(later, silent)

    assert {row["field"] for row in stored(target) if row["kind"] == "dead"} == {"status", "time"}
    assert rows_of(target) == rows_of(found.store)
    assert lines(made.partitions) == lines(checked.partitions) == []
    (remark,) = checked.remarks
    assert remark.startswith("2 dead letters are valid by today's rules: ")


A_TO_B = Merge(1, "a", "b", "artist")


def test_a_rebuilt_store_leaves_out_what_was_erased_and_knows_the_merges(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    Store.open(old).append(merges.table(A_TO_B), {})
    Erasing(path=old, side="artist", identity="gone").run({})

    assert copy_decisions(old, new) == 3
    topic = [message(0, gig(0, artist_id="gone")), message(1)]
    Store.open(new).append(rows.table(topic, topic_id="T"), {"c/t/0": Span(None, 2)})

    assert [row["offset"] for row in stored(new) if row["kind"] == "event"] == [1]
    assert decisions.read(new).merges == (A_TO_B,)
    assert delta_log.replay(new).positions == {"c/t/0": 2}
    assert copy_decisions(old, new) == 0
    assert len(decisions.read(new).erasures) == 1


def test_nothing_is_made_where_nothing_was_decided(tmp_path):
    Store.open(tmp_path / "old")

    assert copy_decisions(tmp_path / "old", tmp_path / "new") == 0
    assert not (tmp_path / "new").exists()


def test_two_keys_do_not_mix(tmp_path):
    for name in ("old", "new"):
        Erasing(path=tmp_path / name, side="artist", identity="gone").run({})

    with pytest.raises(StoreUnusable, match="a key of its own"):
        copy_decisions(tmp_path / "old", tmp_path / "new")
