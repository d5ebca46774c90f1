"""Which commit stored a record, also where the log was cleaned up since."""

import pytest

from consumer.ingest import rows
from consumer.store.places import commit_of
from consumer.store.writer import Span, Store
from consumer.table import delta_log
from consumer.table.delta import write_checkpoint
from support.data.records import message

ZERO, ONE = "c/T/0", "c/T/1"


class Filled:
    """A store of two partitions, a record a commit."""

    def __init__(self, path):
        self.path, self.store, self.ends = path, Store.open(path), {0: 0, 1: 0}

    def add(self, partition):
        """Store the next record. Returns its commit."""
        end = self.ends[partition]
        table = rows.table([message(end, partition=partition)], topic_id="T")
        self.store.append(table, {f"c/T/{partition}": Span(end or None, end + 1)})
        self.ends[partition] += 1
        return delta_log.versions(self.path)[-1]


@pytest.fixture
def filled(tmp_path):
    return Filled(tmp_path / "store")


def version_of(filled, app_id, offset):
    found = commit_of(filled.path, app_id, offset)
    return found and found.version


def test_the_commit_is_found_by_its_position(filled):
    commits = [filled.add(0), filled.add(1), filled.add(0)]

    assert version_of(filled, ZERO, 0) == commits[0]
    assert version_of(filled, ONE, 0) == commits[1]
    assert version_of(filled, ZERO, 1) == commits[2]
    assert version_of(filled, ZERO, 2) is None, "not stored yet"


def test_after_a_clean_up_the_first_commit_of_a_quiet_partition_is_found(filled):
    filled.add(0)
    filled.add(1)
    write_checkpoint(filled.path)
    for version in delta_log.versions(filled.path):
        if version < delta_log.versions(filled.path)[-1]:
            delta_log.entry_path(filled.path, version).unlink()
    assert delta_log.begin(filled.path) > 0
    later = [filled.add(1), filled.add(0)]

    assert version_of(filled, ONE, 1) == later[0]
    assert version_of(filled, ZERO, 1) == later[1], "the checkpoint tells where it was before"
    assert version_of(filled, ZERO, 0) is None, "the log does not reach back so far"
