"""Store against topic: what is missing, doubled, differing or extra is found, and nothing else."""

from contextlib import closing

import pytest
from confluent_kafka import TopicPartition

from consumer.audit.against_topic import audit
from consumer.audit.compare import Recount, lines, report
from consumer.audit.row_digests import RowDigests
from consumer.errors import BrokerUnreachable, TopicReplaced
from consumer.ingest import rows
from consumer.kafka.scan import Retained
from consumer.kafka.topic import identify
from consumer.settings import ConsumerSettings
from consumer.store.writer import Store
from consumer.table.delta_log import Span, replay
from support.data.feed import send
from support.data.records import gig, message


def silent(_share) -> None:
    pass


@pytest.fixture
def settings(kafka, tmp_path):
    """A topic of 20 records, some bad, over two partitions."""
    topic = kafka.create_topic(2)
    for number in (0, 1):
        values = [gig(n) for n in range(7)] + [b"?", None, gig(8, artist_name="Ä")]
        send(kafka.bootstrap, topic, *values, key=b"e3", partition=number)
    return ConsumerSettings(home=tmp_path, kafka_bootstrap=kafka.bootstrap, kafka_topic=topic)


def told(settings, number, offsets) -> list:
    """The records at these offsets, as Kafka tells them."""
    ends = {number: 10}
    with closing(Retained(topic=identify(settings), settings=settings, ends=ends)) as retained:
        found = [each for piece in retained.read() for each in piece.messages]
    by_offset = {each.offset(): each for each in found}
    return [by_offset[offset] for offset in offsets]


def keep(settings, number, offsets, *, end=10, change=lambda table: table) -> None:
    """Store the records at these offsets of a partition, and that position."""
    topic = identify(settings)
    table = change(rows.table(told(settings, number, offsets), topic_id=topic.topic_id))
    store = Store.open(settings.store)
    name = topic.app_id(number)
    store.append(table, {name: Span(store.positions([name])[name], end)})


def found(settings) -> list[str]:
    return lines(audit(settings, silent).partitions)


def test_a_store_that_holds_each_record_once_is_equal(settings):
    for number in (0, 1):
        keep(settings, number, range(10))

    came = audit(settings, silent)

    assert lines(came.partitions) == []
    assert came.remarks == []
    assert report(came.partitions) == {
        str(number): {
            "low": 0,
            "end": 10,
            "records": 10,
            "rows": 10,
            "not_retained": 0,
            "valid_now": 0,
        }
        for number in (0, 1)
    }


def test_what_is_beyond_the_stores_position_is_not_missing(settings):
    keep(settings, 0, range(4), end=4)

    came = audit(settings, silent)

    assert lines(came.partitions) == []
    assert came.partitions[0].records == 4
    assert list(came.partitions) == [0]


def test_each_kind_of_difference_is_told_with_its_offsets(settings):
    keep(settings, 0, [0, 1, 1, 3, 4, 5, 6, 7, 8, 9])
    keep(
        settings,
        1,
        range(10),
        change=lambda table: table.set_column(
            table.schema.get_field_index("artist_id"),
            "artist_id",
            [["other", *table["artist_id"].to_pylist()[1:]]],
        ),
    )

    assert found(settings) == [
        "doubled: 1 of partition 0, offset 1",
        "missing: 1 of partition 0, offset 2",
        "differing: 1 of partition 1, offset 0",
    ]


def test_a_dead_letter_stored_as_an_event_differs(settings):
    def turn(table):
        kinds = ["event"] * len(table)
        return table.set_column(table.schema.get_field_index("kind"), "kind", [kinds])

    keep(settings, 0, range(10), change=turn)

    assert found(settings) == ["differing: 1 of partition 0, offset 7"]


def test_rows_that_no_record_stands_for_are_extra(kafka, settings):
    keep(settings, 0, range(10))
    topic = identify(settings)
    invented = rows.table([message(12), message(30)], topic_id=topic.topic_id)
    Store.open(settings.store).append(invented, {topic.app_id(0): Span(10, 13)})

    assert found(settings) == ["extra: 2 of partition 0, offsets 30, 12"]


def test_many_differences_are_counted_and_the_first_ones_told(settings):
    keep(settings, 0, [0])

    assert found(settings) == ["missing: 9 of partition 0, offsets 1, 2, 3, 4, 5 …"]


def test_what_kafka_does_not_hold_any_more_is_said_and_not_taken_for_extra(kafka, settings):
    keep(settings, 0, range(10))
    where = TopicPartition(settings.kafka_topic, 0, 4)
    kafka.admin.delete_records([where])[where].result(10)

    came = audit(settings, silent)

    assert lines(came.partitions) == []
    assert came.remarks == ["4 rows not compared: Kafka does not hold their records any more"]
    assert (came.partitions[0].low, came.partitions[0].records) == (4, 6)


def test_rows_of_a_topic_that_was_replaced_are_said_and_not_taken_for_extra(kafka, settings):
    keep(settings, 0, range(10))
    name = kafka.create_topic()
    other = settings.model_copy(update={"kafka_topic": name})
    accepted = {"kafka_accept_topic": identify(other).incarnation}

    with pytest.raises(TopicReplaced):
        audit(other, silent)
    came = audit(other.model_copy(update=accepted), silent)

    assert came.remarks == ["10 rows not compared: they are of other topics"]


def test_a_broker_that_is_away_is_an_error(settings):
    away = {"kafka_bootstrap": "127.0.0.1:1", "connect_timeout_s": 0.5}

    with pytest.raises(BrokerUnreachable):
        audit(settings.model_copy(update=away), silent)


def test_records_may_come_in_any_number_of_chunks(tmp_path):
    messages = [message(n) for n in range(100)]
    store = Store.open(tmp_path)
    store.append(rows.table(messages, topic_id="T"), {"c/T/0": Span(None, 100)})
    snapshot = replay(tmp_path)
    digests = RowDigests.read(tmp_path, snapshot.files.values())
    for size in (1, 7, 100):
        recount = Recount(stored=digests, topic_id="T", lows={0: 0}, ends={0: 100})
        for start in range(0, 100, size):
            recount.take(rows.table(messages[start : start + size], topic_id="T"))

        assert lines(recount.finish()) == []
        assert recount.partitions[0].records == 100
