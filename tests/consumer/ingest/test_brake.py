"""The brake, where it is set, stops the consumer when most of a source's messages are bad."""

import pytest

from consumer.ingest import rows
from consumer.ingest.brake import Brake, MostlyBad
from consumer.ingest.tallies import Tally
from consumer.settings import ConsumerSettings
from consumer.store.reader import StoreReader
from support.data.feed import send
from support.data.records import gig, message, until
from support.processes.consume import Consuming


def brake(stored=None) -> Brake:
    return Brake(share=0.5, window=100, stored=stored)


def batch(*values):
    return rows.table([message(n, value) for n, value in enumerate(values)], topic_id="T")


def bad(count, source="s"):
    return [gig(1, artist_id="", source=source)] * count


def good(count, source="s"):
    return [gig(n, source=source) for n in range(count)]


@pytest.mark.parametrize(
    ("messages", "dead", "stops"),
    [(99, 99, False), (100, 50, False), (100, 51, True), (4000, 2001, True)],
)
def test_it_stops_when_a_share_of_enough_messages_is_exceeded(messages, dead, stops):
    assert brake().stops(Tally(messages, dead)) is stops


def test_each_source_is_judged_by_its_own_messages():
    judge = brake().judge
    judge(batch(*good(5000, "well"), *bad(99, "ill")))

    with pytest.raises(MostlyBad, match="100 of the latest 100 messages of source 'ill' break"):
        judge(batch(*good(5000, "well"), *bad(1, "ill")))


def test_only_the_latest_messages_count():
    one = brake()
    for _ in range(100):
        one.judge(batch(*good(10)))
    for _ in range(10):
        one.judge(batch(*bad(10)))

    with pytest.raises(MostlyBad):
        one.judge(batch(*bad(200)))


def test_good_messages_never_stop_it_however_bad_those_before_were():
    one = brake({"s": Tally(200, 200)})
    one.judge(batch(*good(1)))

    with pytest.raises(MostlyBad):
        one.judge(batch(*bad(1)))


def test_the_error_counts_and_names_reason_and_remedy_in_one_line():
    with pytest.raises(MostlyBad) as refused:
        brake().judge(batch(gig(1), *[b"?"] * 120))

    assert refused.value.exit_code == 4
    said = str(refused.value)
    assert said.startswith("120 of the latest 120 messages break the event contract, most of ")
    assert "by 'value', such as: value: " in said
    assert said.endswith("set dead_letter_brake_share=0 to make dead letters of them")


@pytest.fixture
def settings(kafka, tmp_path):
    topic = kafka.create_topic()
    return ConsumerSettings(
        home=tmp_path / "home",
        kafka_bootstrap=kafka.bootstrap,
        kafka_topic=topic,
        kafka_group=f"{topic}-group",
        dead_letter_brake_share=0.5,
        dead_letter_brake_window=200,
    )


def counted(settings) -> tuple[int, int]:
    chunk = StoreReader(settings.store).read()
    return (0, 0) if chunk is None else (chunk.events.num_rows, chunk.dead)


def stops(settings) -> str:
    with Consuming(settings) as consumer:
        assert consumer.code(30) == 4, consumer.said
        return consumer.said


def test_a_bad_source_stops_the_consumer_and_each_restart_until_the_brake_is_off(settings):
    send(settings.kafka_bootstrap, settings.kafka_topic, *good(300, "well"))
    with Consuming(settings) as consumer:
        until(lambda: counted(settings) == (300, 0), 30)
        send(settings.kafka_bootstrap, settings.kafka_topic, *bad(1000, "ill"))
        assert consumer.code(30) == 4
        said = consumer.said
    assert "messages of source 'ill' break" in said
    assert counted(settings)[1] < 200, "what made it stop is not stored"

    stops(settings)
    assert counted(settings)[1] < 200

    taking = settings.model_copy(update={"dead_letter_brake_share": 0.0})
    with Consuming(taking) as consumer:
        until(lambda: counted(settings) == (300, 1000), 30)
        consumer.stop()


def test_bad_messages_that_trickle_stop_it_too_and_again_after_a_restart(settings):
    trickling = settings.model_copy(update={"flush_max_events": 20})
    send(settings.kafka_bootstrap, settings.kafka_topic, *bad(190))
    with Consuming(trickling) as consumer:
        until(lambda: counted(settings) == (0, 190), 30)
        send(settings.kafka_bootstrap, settings.kafka_topic, *bad(15))
        assert consumer.code(30) == 4, consumer.said

    for _ in range(2):
        stops(trickling)

    assert counted(settings)[1] < 200
