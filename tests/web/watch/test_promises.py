"""The sentence, and which promises are broken, from samples alone."""

from dataclasses import replace

import pytest

from gigstream.cli import cli
from support.data.samples import sample
from trainer.registry.generations import Record
from web.watch.promises import FULL, SLOW_S, STALE_S, breaches, duration, sentence
from web.watch.sample import LagReading, Spread

HELD = Record(43, 0.0, "gen-43", "h", 0, 1, 1, 10, verdict="held", reason="a venue takes over")


def test_a_healthy_stack_breaks_nothing():
    samples = [sample(at_s) for at_s in (0, 5)]

    assert breaches(samples) == []
    assert sentence(samples) == "Lists are right; generation 42 is 12 min old; nothing waits."


def test_the_sentence_tells_how_soon_lists_follow():
    samples = [sample(0, event_to_list=Spread(0.4, 2.0)), sample(5)]

    assert sentence(samples).startswith("Lists follow the stream within 400 ms;")


def test_before_the_first_look_it_says_so():
    assert breaches([]) == []
    assert "under way" in sentence([])


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"problems": {"Redis": "no answer: start it"}, "redis": None}, "No answer from Redis"),
        ({"redis": sample(0).redis._replace(generation=None)}, "Nothing is published"),
        ({"lag": LagReading(9, SLOW_S + 1)}, "Events wait"),
        ({"alarms": ("dead letters: 20 of 30",)}, "Dead letters"),
        ({"verdict": HELD}, "The gate stopped a fit"),
        ({"store": sample(0).store._replace(free_bytes=FULL - 1)}, "The disk is nearly full"),
    ],
)
def test_a_broken_promise_is_named_with_what_to_do(change, what):
    (found,) = breaches([sample(0), replace(sample(5), **change)])

    assert found.what == what
    assert found.said
    assert found.remedy.split()[0] == "gigstream"
    assert found.remedy.split(";")[0].split()[1] in cli.commands


def test_lists_are_stale_once_they_have_been_behind_for_a_while():
    behind = sample(0).redis._replace(is_behind=True)
    soon = [sample(0), sample(5, redis=behind)]
    late = [*soon, sample(5 + STALE_S + 1, redis=behind)]

    assert breaches(soon) == []
    assert [each.what for each in breaches(late)] == ["Lists are stale"]
    assert "61.0 s behind" in sentence(late).replace("1 min", "61.0 s")


def test_a_process_that_does_not_follow_is_a_breach():
    assert breaches([sample(0)], "the disk is gone")[0].said == "the disk is gone"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "400 ms"), (3.21, "3.2 s"), (720, "12 min"), (9000, "2.5 h"), (400_000, "5 days")],
)
def test_durations_are_for_people(seconds, text):
    assert duration(seconds) == text
