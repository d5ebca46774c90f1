"""A column without a value is known by the file's footer, so that it need not be read."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consumer.table import parquet
from consumer.table.delta_log import File
from consumer.table.schema import STORED

ADDRESS = "topic/0/7"


def write(folder, replays, **how):
    rows = pa.table({"partition": list(range(len(replays))), "replay_of": replays})
    rows = rows.cast(pa.schema([STORED.field("partition"), STORED.field("replay_of")]))
    pq.write_table(rows, folder / "a.parquet", row_group_size=2, **how)
    return File("a.parquet", "event", len(replays), 1)


@pytest.mark.parametrize("how", [parquet.HOW_COMPACTED, {"write_statistics": False}])
def test_a_value_anywhere_is_noticed(tmp_path, how):
    file = write(tmp_path, [None, None, None, ADDRESS, None], **how)

    assert not parquet.is_null(tmp_path, file, "replay_of")


def test_only_statistics_tell_that_there_is_none(tmp_path):
    file = write(tmp_path, [None] * 5, **parquet.HOW_COMPACTED)
    assert parquet.is_null(tmp_path, file, "replay_of")
    assert parquet.is_null(tmp_path, file, "a column of a later version")
    file = write(tmp_path, [None] * 5, write_statistics=False)
    assert not parquet.is_null(tmp_path, file, "replay_of")
