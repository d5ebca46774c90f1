"""The statements about one id, newest first, with those of ids that count as it."""

from consumer.ids import merges
from consumer.ids.merges import Merge
from consumer.ingest import rows
from consumer.store.statements import COLUMNS, latest
from consumer.store.writer import Store
from consumer.table.delta_log import Span
from support.data.records import gig, message

MESSAGES = [
    message(0),
    message(1, gig(1, artist_id="x")),
    message(2, gig(1, artist_id="x", status="cancelled")),
    message(3, gig(3, artist_id="old-x")),
    message(4, b'{"artist_id": "x"}'),
]


def stored(path):
    store = Store.open(path)
    store.append(rows.table(MESSAGES, topic_id="T"), {"c/t/0": Span(None, len(MESSAGES))})
    store.append(merges.table(Merge(1, "old-x", "x", "artist")), {})
    return path


def test_cancellations_and_merged_ids_are_among_them_newest_first(tmp_path):
    found = latest(stored(tmp_path / "store"), "artist", "x", 10)

    assert found.column_names == list(COLUMNS)
    assert sorted(found["status"].to_pylist()) == ["cancelled", "confirmed", "confirmed"]
    assert set(found["artist_id"].to_pylist()) == {"x", "old-x"}
    times = found["recorded_at"].to_pylist()
    assert times == sorted(times, reverse=True)


def test_only_the_newest_are_kept(tmp_path):
    path = stored(tmp_path / "store")

    assert (
        latest(path, "artist", "x", 1).to_pylist() == latest(path, "artist", "x", 9).to_pylist()[:1]
    )


def test_what_nothing_names_has_none(tmp_path):
    assert latest(stored(tmp_path / "store"), "artist", "no-one", 10).num_rows == 0
    assert latest(tmp_path / "none", "artist", "x", 10).num_rows == 0
