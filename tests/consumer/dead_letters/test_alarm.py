"""One bad producer does not stop the others, and is not overlooked."""

import pytest

from consumer.dead_letters.alarm import AlarmLog, alarms
from consumer.errors import StoreDamaged
from consumer.ingest import rows
from consumer.maintenance.compaction import compact
from consumer.maintenance.vacuum import vacuum
from consumer.settings import ConsumerSettings
from consumer.store.reader import StoreReader
from consumer.store.writer import Span, Store
from consumer.table.delta import write_checkpoint_if_due
from support.data.feed import send
from support.data.records import gig, message, until
from support.processes.consume import Consuming

A = "c/T/0"


class Filled:
    """A store that is appended to, a commit for each call."""

    def __init__(self, path):
        self.path = path
        self.store = Store.open(path)
        self.next = 0

    def add(self, *values, headers=None) -> None:
        given = {} if headers is None else {"headers": headers}
        messages = [message(self.next + n, value, **given) for n, value in enumerate(values)]
        span = Span(self.next, self.next + len(values))
        self.store.append(rows.table(messages, topic_id="T"), {A: span})
        self.next = span.end

    def alarms(self, *, share=0.1, window=100):
        return alarms(
            ConsumerSettings(
                home=self.path.parent,
                dead_letter_alarm_share=share,
                dead_letter_brake_window=window,
            )
        )


@pytest.fixture
def filled(tmp_path):
    return Filled(tmp_path / "store")


def good(count, source="well"):
    return [gig(n, source=source) for n in range(count)]


def bad(count, source="ill", **fields):
    return [gig(n, source=source, **({"venue_id": ""} | fields)) for n in range(count)]


def test_a_source_that_breaks_the_contract_is_named_with_its_reason(filled):
    filled.add(*good(80), *bad(20), *bad(5, artist_id="", venue_id="v"))

    (found,) = filled.alarms()

    assert (found.source, found.dead, found.messages, found.field) == ("ill", 25, 25, "venue_id")
    assert str(found).startswith(
        "dead letters: 25 of the latest 25 messages of source 'ill' break the event contract, most "
        "by 'venue_id', such as: venue_id: '' is empty"
    )


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ([b"?"] * 50, [None]),
        ([b'{"event_id": NaN, "source" : "crm"}'] * 50, ["crm"]),
        ([b'{"event_id": NaN}'] * 50, ["default"]),
        (bad(9), []),
        ([*good(900, "ill"), *bad(20)], []),
        ([*good(900), *[b"?"] * 20], []),
    ],
)
def test_a_source_is_read_where_it_can_be_and_a_few_bad_ones_are_no_alarm(filled, values, named):
    filled.add(*values)

    assert [found.source for found in filled.alarms()] == named


def test_a_source_in_the_headers_counts(filled):
    filled.add(*[b"\xff"] * 20, headers=[("ce_source", b"crm"), ("other", None)])

    assert [found.source for found in filled.alarms()] == ["crm"]


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_it_can_be_turned_off(filled, share):
    filled.add(*bad(100))

    assert filled.alarms(share=share) == []


def test_without_a_store_there_is_no_alarm(tmp_path):
    assert alarms(ConsumerSettings(home=tmp_path / "none")) == []


def test_it_ends_when_the_latest_messages_are_good_again(filled):
    filled.add(*bad(100))
    filled.add(*good(60))
    assert filled.alarms()
    filled.add(*good(60, "ill"))

    assert filled.alarms() == []


def test_it_ends_when_the_bad_ones_were_replayed(filled):
    filled.add(*bad(20))
    for offset in range(20):
        filled.add(gig(offset), headers=[("gigstream-replay-of", f"T/0/{offset}".encode())])

    assert filled.alarms() == []


def test_it_is_the_same_after_compaction_and_clean_up(filled):
    for _ in range(10):
        filled.add(*good(10), *bad(10))
    before = filled.alarms()
    write_checkpoint_if_due(filled.path, 1)
    compact(filled.path, on_step=lambda _step: None)
    write_checkpoint_if_due(filled.path, 1)
    vacuum(filled.path, grace_s=0)

    (found,), (was,) = filled.alarms(), before
    assert (found.source, found.dead, found.messages) == (was.source, was.dead, was.messages)


def test_the_log_has_it_once_and_again_while_letters_come(filled, caplog):
    settings = ConsumerSettings(home=filled.path.parent)
    now = [0.0]
    watch = AlarmLog(settings, lambda: now[0])
    filled.add(*bad(20))
    watch.look()
    watch.look()
    assert len(caplog.records) == 1
    assert caplog.records[0].levelname == "ERROR"
    assert "of source 'ill'" in caplog.text

    filled.add(*bad(20))
    watch.look()
    assert len(caplog.records) == 1
    now[0] = 601.0
    watch.look()
    assert len(caplog.records) == 1, "no letter came since"
    filled.add(*bad(1))
    watch.look()
    assert len(caplog.records) == 2


def test_letters_that_could_not_be_read_are_looked_at_again(filled, monkeypatch):
    settings = ConsumerSettings(home=filled.path.parent)
    watch = AlarmLog(settings)
    filled.add(*bad(20))
    with monkeypatch.context() as patched:
        patched.setattr("consumer.dead_letters.alarm.recent", damaged)
        with pytest.raises(StoreDamaged):
            watch.look()
    watch.look()

    assert [*watch.shares] == ["ill"]


def damaged(path, _window):
    raise StoreDamaged(path, "its log is being cleared")


def test_three_thousand_bad_records_do_not_keep_good_ones_waiting(kafka, tmp_path):
    topic = kafka.create_topic(partitions=3)
    settings = ConsumerSettings(
        home=tmp_path / "home",
        kafka_bootstrap=kafka.bootstrap,
        kafka_topic=topic,
        kafka_group=f"{topic}-group",
    )

    def counted():
        chunk = StoreReader(settings.store).read()
        return (0, 0) if chunk is None else (chunk.events.num_rows, chunk.dead)

    with Consuming(settings) as consumer:
        send(settings.kafka_bootstrap, topic, *bad(3000))
        send(settings.kafka_bootstrap, topic, *good(100))
        until(lambda: counted() == (100, 3000))
        until(lambda: "ALARM: dead letters: " in consumer.said)
        assert "of source 'ill' break the event contract, most by 'venue_id'" in consumer.said
        assert consumer.process.poll() is None
        consumer.stop()
    assert [found.source for found in alarms(settings)] == ["ill"]
