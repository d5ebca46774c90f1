"""The order of merges is that in which they were asked for, whatever the clocks say."""

from consumer.ids import decisions, merges
from consumer.ids.merges import Merge
from operations.merges import record


def test_a_correction_by_a_machine_whose_clock_is_behind_counts(tmp_path):
    record(tmp_path, Merge(2_000_000, "a", "wrong", "artist"))
    record(tmp_path, Merge(1_000_000, "a", "right", "artist"))

    assert merges.resolve(decisions.read(tmp_path).merges, "artist") == {"a": "right"}
