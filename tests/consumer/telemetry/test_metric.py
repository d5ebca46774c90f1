import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from consumer.telemetry.bulk_histogram import BulkHistogram
from consumer.telemetry.metric import OTHER, LabelValues, Metric

BOUNDS = (0.5, 1.0, 10.0)


@given(st.lists(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, 5.0, 10.0, 11.0]), max_size=9)))
def test_values_in_bulk_count_as_they_do_one_by_one(batches):
    bulk, single = CollectorRegistry(), CollectorRegistry()
    ours = BulkHistogram("h", "meaning", BOUNDS)
    bulk.register(ours)
    theirs = Histogram("h", "meaning", registry=single, buckets=BOUNDS)
    for batch in batches:
        ours.observe(np.array(batch, np.float64))
        for value in batch:
            theirs.observe(value)

    expected = {line for line in lines(single) if "_created" not in line}
    assert expected == {*lines(bulk)}
    assert len(expected) == len(BOUNDS) + 1 + 2 + 2  # buckets, infinity, count and sum, comments


def lines(registry):
    return generate_latest(registry).decode().splitlines()


@pytest.mark.parametrize("kind", ["counter", "gauge", "histogram"])
def test_an_instrument_shows_under_its_name(kind):
    registry = CollectorRegistry()
    metric = Metric("gigstream_test", kind, "things", "Meaning.", ("side",), buckets=BOUNDS)
    instrument = getattr(metric, kind)(registry).labels("left")
    instrument.observe(1) if kind == "histogram" else instrument.inc()
    suffix = "_count" if kind == "histogram" else ""

    assert registry.get_sample_value(metric.shown_name + suffix, {"side": "left"}) == 1


def test_labels_that_senders_choose_are_bounded():
    values = LabelValues(2)

    assert [values.shown(each) for each in "abcab"] == ["a", "b", OTHER, "a", "b"]
