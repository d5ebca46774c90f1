import pytest

from consumer.telemetry.pulse import LIMIT_S, Answer, Pulse, health


class Clock:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.s = 100.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def clock():
    return Clock()


@pytest.mark.parametrize(("since_s", "ok"), [(0, True), (LIMIT_S, True), (LIMIT_S + 0.1, False)])
def test_a_loop_lives_while_it_turned_within_ten_seconds(since_s, ok):
    assert health(since_s).ok is ok


def test_a_beat_revives(clock):
    pulse = Pulse(clock)
    clock.s += LIMIT_S + 1

    assert pulse.health() == Answer(ok=False, text="the loop has not turned for 11 s")
    pulse.beat()
    assert pulse.health() == Answer(ok=True, text="ok")


def test_a_loop_that_waits_is_alive_and_not_ready(clock):
    pulse = Pulse(clock)
    pulse.wait_for("Redis", "Kafka")

    assert pulse.health().ok
    assert pulse.readiness() == Answer(ok=False, text="waiting for Kafka, Redis")
    pulse.got("Redis")
    pulse.got("Redis")
    assert pulse.readiness() == Answer(ok=False, text="waiting for Kafka")
    pulse.got("Kafka")
    assert pulse.readiness().ok


def test_a_frozen_loop_is_not_ready_either(clock):
    pulse = Pulse(clock)
    clock.s += LIMIT_S + 1

    assert pulse.readiness() == pulse.health()
    assert not pulse.readiness().ok


def test_a_question_that_a_waiting_loop_repeats_is_a_beat(clock):
    pulse = Pulse(clock)
    asked = pulse.asked(lambda: False)
    clock.s += LIMIT_S + 1

    assert asked() is False
    assert pulse.health().ok


def test_what_passes_through_is_a_beat(clock):
    pulse = Pulse(clock)
    clock.s += LIMIT_S + 1

    assert [*map(pulse.through, [7])] == [7]
    assert pulse.health().ok
