"""The brake stops the consumer when most of the latest messages are bad, and only then."""

import json

import pytest

from consumer import rows
from consumer.brake import FILE, Brake, BrakePolicy, Seen
from consumer.settings import ConsumerSettings
from consumer.tail import Tail
from support.consume import Consuming
from support.feed import send
from support.records import gig, message, until

POLICY = BrakePolicy(share=0.5, window=100)


@pytest.mark.parametrize(
    ("share", "messages", "dead", "stops"),
    [
        (0.5, 99, 99, False),
        (0.5, 100, 50, False),
        (0.5, 100, 51, True),
        (0.5, 4000, 2001, True),
        (0.9, 100, 90, False),
        (0.9, 100, 91, True),
        (0.0, 100, 100, False),
        (1.0, 100, 100, False),
    ],
)
def test_it_stops_when_a_share_of_enough_messages_is_exceeded(share, messages, dead, stops):
    assert BrakePolicy(share=share, window=100).stops(Seen(messages, dead)) is stops


def test_a_look_that_found_nothing_is_no_message(tmp_path):
    assert not Brake(policy=POLICY, store=tmp_path).note(0, 0)


def test_only_the_latest_messages_count(tmp_path):
    brake = Brake(policy=POLICY, store=tmp_path)
    for _ in range(100):
        assert not brake.note(10, 0)
    for _ in range(5):
        assert not brake.note(10, 10)

    assert brake.note(10, 10)


def test_a_topic_that_begins_with_a_few_bad_messages_goes_on(tmp_path):
    brake = Brake(policy=POLICY, store=tmp_path)

    assert not brake.note(40, 40)
    assert not brake.note(4000, 100)


def test_good_messages_never_stop_it_however_bad_those_before_were(tmp_path):
    (tmp_path / FILE).write_text('{"messages":200,"dead":200}')
    brake = Brake(policy=POLICY, store=tmp_path)

    assert not brake.note(1, 0)
    assert brake.note(1, 1)


def waiting(*values):
    return rows.table([message(n, value) for n, value in enumerate(values)], topic_id="T")


def test_the_error_counts_and_names_the_most_common_reason_and_the_remedy_in_one_line(tmp_path):
    brake = Brake(policy=POLICY, store=tmp_path)
    bad = [gig(1, artist_id="")] * 80 + [b"?"] * 40
    assert brake.note(121, 120)

    error = brake.stop(waiting(gig(1), *bad))

    assert error.exit_code == 4
    assert str(error) == (
        "120 of the latest 121 messages break the event contract, 80 of those at hand by "
        "'artist_id', such as: artist_id: '' is empty; send a string of 1 to 256 UTF-8 bytes "
        "without control characters. Stopped before storing them: mend the producer or the "
        "consumer and start again, or set dead_letter_brake_share=1 to make dead letters of them"
    )


def test_after_a_stop_it_knows_what_was_stored_until_the_share_is_well_again(tmp_path):
    brake = Brake(policy=POLICY, store=tmp_path)
    brake.note(98, 49)
    brake.stored(brake.seen)
    assert brake.note(3, 3)
    brake.stop(waiting(b"?", b"?", b"?"))
    assert json.loads((tmp_path / FILE).read_text()) == {"messages": 98, "dead": 49}

    again = Brake(policy=POLICY, store=tmp_path)
    assert again.note(3, 3)

    mended = Brake(policy=POLICY, store=tmp_path)
    assert not mended.note(1, 0)
    mended.stored(mended.seen)
    assert json.loads((tmp_path / FILE).read_text()) == {"messages": 99, "dead": 49}
    assert not mended.note(50, 0)
    mended.stored(mended.seen)
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_who_turns_it_off_begins_anew_when_it_is_on_again(tmp_path, share):
    (tmp_path / FILE).write_text('{"messages":200,"dead":200}')
    Brake(policy=BrakePolicy(share=share, window=100), store=tmp_path)

    assert not Brake(policy=POLICY, store=tmp_path).note(1, 1)


@pytest.mark.parametrize("left", [b"", b"{", b'{"messages":1}', b"\xff"])
def test_a_file_that_a_power_cut_left_unfinished_is_no_obstacle(tmp_path, left):
    (tmp_path / FILE).write_bytes(left)

    assert not Brake(policy=POLICY, store=tmp_path).note(1, 1)


@pytest.fixture
def settings(kafka, tmp_path):
    topic = kafka.create_topic()
    return ConsumerSettings(
        home=tmp_path / "home",
        kafka_bootstrap=kafka.bootstrap,
        kafka_topic=topic,
        kafka_group=f"{topic}-group",
        dead_letter_brake_window=200,
    )


def counted(settings) -> tuple[int, int]:
    chunk = Tail(settings.store).read()
    return (0, 0) if chunk is None else (chunk.events.num_rows, chunk.dead)


def stops(settings) -> str:
    with Consuming(settings) as consumer:
        assert consumer.code(30) == 4, consumer.said
        return consumer.said


def test_a_bad_deploy_stops_the_consumer_with_4_and_each_restart_until_the_setting_is_changed(
    settings,
):
    good = [gig(number) for number in range(300)]
    send(settings.kafka_bootstrap, settings.kafka_topic, b"?", *good)
    with Consuming(settings) as consumer:
        until(lambda: counted(settings) == (300, 1), 30)
        send(settings.kafka_bootstrap, settings.kafka_topic, *[b"?"] * 1000)
        assert consumer.code(30) == 4
        said = consumer.said
    assert "of the latest" in said
    assert "of those at hand by 'value', such as: value: b'?' is not JSON" in said
    assert "dead_letter_brake_share=1" in said
    events, dead = counted(settings)
    assert (events, dead) == (300, dead)
    assert dead < 200, "what made it stop is not stored"

    stops(settings)
    assert counted(settings)[1] < 200

    taking = settings.model_copy(update={"dead_letter_brake_share": 1.0})
    with Consuming(taking) as consumer:
        until(lambda: counted(settings) == (300, 1001), 30)
        consumer.stop()
    with Consuming(settings) as consumer:
        send(settings.kafka_bootstrap, settings.kafka_topic, b"?", gig(301))
        until(lambda: counted(settings) == (301, 1002), 30)
        consumer.stop()


def test_bad_messages_that_trickle_stop_it_too_and_again_after_a_restart(settings):
    trickling = settings.model_copy(
        update={"flush_max_events": 20, "dead_letter_brake_window": 100}
    )
    send(settings.kafka_bootstrap, settings.kafka_topic, *[b"?"] * 90)
    with Consuming(trickling) as consumer:
        until(lambda: counted(settings) == (0, 90), 30)
        send(settings.kafka_bootstrap, settings.kafka_topic, *[b"?"] * 15)
        assert consumer.code(30) == 4, consumer.said
    _, dead = counted(settings)
    assert 90 <= dead < 100

    stops(trickling)

    assert counted(settings) == (0, dead)
