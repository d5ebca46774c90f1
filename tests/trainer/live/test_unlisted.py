import pyarrow as pa
import pytest

from trainer.live import unlisted
from trainer.live.unlisted import Unlisted


def times(*at_ms):
    values = [None if each is None else each * 1000 for each in at_ms]
    return pa.chunked_array([pa.array(values, pa.timestamp("us", "UTC"))])


def test_events_wait_until_their_version_is_published():
    waiting = Unlisted()
    waiting.add(1, times(10, 20))
    waiting.add(1, times(30))
    waiting.add(2, times(40))

    assert waiting.take(0).tolist() == []
    assert waiting.take(1).tolist() == [10, 20, 30]
    assert waiting.take(1).tolist() == []
    assert waiting.take(7).tolist() == [40]


def test_a_version_that_changes_no_list_is_left_out():
    waiting = Unlisted()
    waiting.add(1, times(10))
    waiting.add(2, times(20))
    waiting.drop(2)

    assert waiting.take(2).tolist() == [10]


def test_a_row_without_a_record_time_is_left_out():
    waiting = Unlisted()
    waiting.add(1, times(10, None))

    assert waiting.take(1).tolist() == [10]


def test_all_are_forgotten():
    waiting = Unlisted()
    waiting.add(1, times(10))
    waiting.clear()

    assert waiting.take(1).tolist() == []


@pytest.mark.parametrize("published", [1, 2])
def test_an_import_takes_bounded_memory(monkeypatch, published):
    monkeypatch.setattr(unlisted, "MOST", 2)
    waiting = Unlisted()
    waiting.add(1, times(10, 20))
    waiting.add(2, times(30))

    assert waiting.take(published).tolist() == [10, 20]
    waiting.add(3, times(40))
    assert waiting.take(3).tolist() == [40]
