"""Quantiles between two scrapes, against what numpy says of the values."""

import math

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from trainer.metrics import EVENT_TO_LIST, Meters
from web.watch.quantiles import between, quantile
from web.watch.scrape import buckets

BOUNDS = (*EVENT_TO_LIST.buckets, math.inf)


def counted(values):
    return {bound: float(np.sum(np.asarray(values) <= bound)) for bound in BOUNDS}


@pytest.mark.parametrize("share", [0.5, 0.99])
def test_a_quantile_is_within_the_bucket_of_the_true_one(share):
    values = np.random.default_rng(3).exponential(0.4, 5000)
    found, true = quantile(counted(values), share), float(np.quantile(values, share))
    above = next(bound for bound in BOUNDS if bound >= true)
    below = max([0.0, *(bound for bound in BOUNDS if bound < true)])

    assert below <= found <= above


def test_only_what_came_between_two_scrapes_counts():
    slow, quick = [9.0] * 100, [0.03] * 10

    assert between(counted(slow), counted([*slow, *quick])).p99 <= 0.05
    assert between(counted(slow), counted(slow)) is None


def test_a_trainer_that_was_started_again_counts_from_nothing():
    found = between(counted([9.0] * 100), counted([0.03]))

    assert found.p50 <= 0.05


def test_what_is_beyond_the_last_bound_is_told_as_the_last_bound():
    assert quantile(counted([1e6]), 0.5) == BOUNDS[-2]


def test_a_scrape_of_the_trainer_is_read():
    registry = CollectorRegistry()
    meters = Meters(registry)
    meters._event_to_list.observe(np.array([0.03, 0.3]))
    found = buckets(generate_latest(registry).decode(), EVENT_TO_LIST.name)

    assert found == counted([0.03, 0.3])
    assert buckets("", EVENT_TO_LIST.name) == {}
