"""Reports of a process to its owner: whole lines, and never a wait."""

import os
import select

import msgspec
import pytest

from consumer.metrics import Meters
from consumer.telemetry.report import Alarms, Pipe, Ran, decode, encode

MANY = {f"{number} {'source' * 20}": 1 / (number + 1) for number in range(500)}


@pytest.mark.parametrize("report", [Ran("clean-up", ok=True), Alarms({}), Alarms({"box": 0.5})])
def test_a_report_comes_as_it_went(report):
    assert decode(encode(report)) == report
    assert encode(report).count(b"\n") == 1


def test_of_many_alarms_the_worst_fit_a_line():
    line = encode(Alarms(MANY))
    found = decode(line)

    assert len(line) <= select.PIPE_BUF
    assert found.shares == dict([*MANY.items()][: len(found.shares)])
    assert len(found.shares) > 5


def test_what_is_no_report_is_refused():
    with pytest.raises(msgspec.DecodeError):
        decode(b"Traceback (most recent call last):")


def test_a_reader_that_does_not_read_is_not_waited_for():
    reading, writing = os.pipe()
    pipe = Pipe(writing)
    try:
        for _ in range(10_000):
            pipe.tell(Ran("compaction", ok=True))
        lines = os.read(reading, 1 << 20).splitlines()
        assert all(decode(line) for line in lines)
        os.close(reading)
        pipe.tell(Ran("compaction", ok=True))
    finally:
        os.close(writing)


def test_meters_without_a_registry_take_reports():
    Meters().maintenance(Ran("clean-up", ok=False))
