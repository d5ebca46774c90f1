"""A topic with batches that the client cannot unpack is compared, and a store rebuilt from it."""

import pytest

from consumer.audit.against_topic import audit
from consumer.audit.compare import lines
from consumer.audit.rebuild import rebuild
from consumer.settings import ConsumerSettings
from support.data.feed import send
from support.data.records import gig, stored, until
from support.faults.bombs import send_bomb
from support.processes.consume import Consuming

BLANKS = b" " * 1_600_000


@pytest.fixture
def settings(kafka, tmp_path) -> ConsumerSettings:
    """Two gigs, a batch between them and one at the end: offsets 0, 1 to 60, 61, 62 to 131."""
    topic = kafka.create_topic()
    found = ConsumerSettings(
        home=tmp_path / "home",
        kafka_bootstrap=kafka.bootstrap,
        kafka_topic=topic,
        kafka_group=topic,
    )
    send(kafka.bootstrap, topic, gig(0))
    send_bomb(kafka.bootstrap, topic, [BLANKS] * 60, "zstd", together=True)
    send(kafka.bootstrap, topic, gig(1))
    send_bomb(kafka.bootstrap, topic, [BLANKS] * 70, "zstd", together=True)
    with Consuming(found) as consumer:
        until(lambda: found.store.exists() and len(offsets(found)) == 4, 40)
        consumer.stop()
    return found


def offsets(settings: ConsumerSettings) -> list[int]:
    there = list(settings.store.glob("_delta_log/*.json"))
    return sorted(row["offset"] for row in stored(settings.store)) if there else []


def silent(_share) -> None:
    pass


def test_a_store_and_a_topic_with_batches_that_cannot_be_unpacked_are_compared(settings, tmp_path):
    assert offsets(settings) == [0, 1, 61, 62]
    assert lines(audit(settings, silent).partitions) == []

    made = rebuild(settings, tmp_path / "second", silent)

    assert (made.added, lines(made.partitions)) == (4, [])
    assert sorted(row["offset"] for row in stored(tmp_path / "second")) == [0, 1, 61, 62]
