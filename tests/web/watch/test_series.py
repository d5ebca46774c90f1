"""Curves of an hour: rates, trend, and when the lag is gone."""

import pytest

from support.data.samples import sample
from web.watch.sample import LagReading
from web.watch.series import caught_up_in_s, rates, trend


def lagging(*events):
    return [sample(5.0 * n, lag=LagReading(e, 1.0)) for n, e in enumerate(events)]


def test_a_rate_is_of_neighbouring_samples_and_never_negative():
    stored = sample(0).store
    counts = [0, 50, 40, 40]
    samples = [sample(5.0 * n, store=stored._replace(events=e)) for n, e in enumerate(counts)]

    assert rates([*samples, sample(20, store=None)]) == [10.0, 0.0, 0.0, None]


@pytest.mark.parametrize(
    ("events", "expected"),
    [((0, 0), "steady"), ((0, 500), "rising"), ((500, 100), "falling"), ((500,), "steady")],
)
def test_a_trend_is_that_of_the_last_minute(events, expected):
    assert trend(lagging(*events)) == expected


def test_the_lag_is_gone_at_its_present_pace():
    assert caught_up_in_s(lagging(600, 500)) == pytest.approx(25)
    assert caught_up_in_s(lagging(500, 600)) is None
    assert caught_up_in_s(lagging(5, 0)) is None
    assert caught_up_in_s([]) is None
