"""A second store from the topic: the same records and positions, also when it was killed midway."""

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from consumer.errors import NothingStored, StoreUnusable
from consumer.log import replay
from consumer.merges import Merge, table
from consumer.rebuild import rebuild
from consumer.recount import lines
from consumer.settings import ConsumerSettings
from consumer.store import Store
from support.consume import Consuming
from support.feed import send
from support.records import gig, places, stored, until

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
from consumer.rebuild import rebuild
from consumer.settings import ConsumerSettings

def at(share):
    if share > 0.4:
        os.kill(os.getpid(), signal.SIGKILL)

rebuild(ConsumerSettings.model_validate_json(sys.argv[1]), Path(sys.argv[2]), at)
"""


def test_a_rebuild_killed_midway_is_finished_by_the_next(settings, tmp_path, monkeypatch):
    target = tmp_path / "second"
    monkeypatch.setattr("consumer.retained._CHUNK", 300)
    program = KILLED.replace(
        "def at", "import consumer.retained\nconsumer.retained._CHUNK = 300\n\ndef at"
    )
    killed = subprocess.run(
        [sys.executable, "-c", program, settings.model_dump_json(), str(target)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
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
