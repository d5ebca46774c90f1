"""What is stored of each source."""

from consumer.audit.sources import Seen, sources
from consumer.ingest import rows
from consumer.store.writer import Store
from consumer.table.delta_log import Span
from support.data.records import RECORDED_MS, gig, message


def test_sources_are_counted_with_their_dead_letters(tmp_path):
    path, day_ms = tmp_path / "store", 86_400_000
    later = [
        message(1, gig(1, source="a"), timestamp=(1, RECORDED_MS - day_ms)),
        message(2, gig(2, source="a"), timestamp=(1, RECORDED_MS + day_ms)),
        message(3, gig(3, source="a", artist_id="")),
        message(4, b"?"),
    ]
    Store.open(path).append(
        rows.table([message(0), *later], topic_id="T"), {"c/t/0": Span(None, 5)}
    )
    at = [1000 * (RECORDED_MS + days * day_ms) for days in (-1, 0, 1)]

    assert sources(path) == {
        "default": Seen(1, 0, at[1], at[1]),
        "a": Seen(2, 1, at[0], at[2]),
        None: Seen(0, 1, at[1], at[1]),
    }
    assert sources(path / "elsewhere") == {}
