"""An import changes nothing where the store has all that it states already."""

import msgspec
import pytest

from consumer.events import Event, encode
from consumer.imports import stated
from consumer.imports.columns import Columns
from consumer.imports.file_set import FileSet
from consumer.imports.problems import Ignored
from consumer.imports.stated import Before, Stated
from consumer.imports.statements import Sent
from consumer.ingest import rows
from consumer.store.writer import Span, Store
from consumer.table import delta_log, reader_marks
from gigstream.commands.imports import _is_in
from support.data.records import CREATE_TIME, message

RECORDED_MS = 1_700_000_000_000
PLAIN = "artist_id,venue_id,date\na,v,2020-01-01\na,v,2020-01-01\nb,v,2020-01-02\n"
NUMBERED = "gig,artist_id,venue_id,date,artist\n1,a,v,2020-01-01,Act\n2,b,v,2020-01-02,\n"


class Importing:
    """A store that gets what is imported."""

    def __init__(self, folder):
        self._folder, self._offset = folder, 0
        self._store = Store.open(folder / "store")

    def __call__(self, text, name="gigs", **columns):
        """Import a file; returns whether the store held all of it."""
        path = self._folder / f"{name}.csv"
        path.write_text(text)
        stated = Stated()
        events = [*FileSet([path], columns=Columns(**columns)).statements(Ignored())]
        with Before(self._folder / "store") as before:
            return self._sent(events, stated, before)

    def lines(self, *events):
        """Import statements as they are."""
        with Before(self._folder / "store") as before:
            return self._sent(events, Stated(), before)

    def _sent(self, events, stated, before):
        for event in events:
            stated.add(event)
        self.append(*[(encode(event), event.event_id.encode()) for event in events])
        return stated.is_in(before)

    def append(self, *records):
        """Store records: values and keys."""
        made = [self._message(n, value, key) for n, (value, key) in enumerate(records)]
        first, self._offset = self._offset, self._offset + len(records)
        span = Span(first or None, self._offset)
        self._store.append(rows.table(made, topic_id="T"), {"c/T/0": span})

    def _message(self, at, value, key):
        # Recorded after the gigs: a time that is ahead of its record breaks the contract.
        return message(self._offset + at, value, key=key, timestamp=(CREATE_TIME, RECORDED_MS))


@pytest.fixture
def importing(tmp_path):
    return Importing(tmp_path)


def test_a_file_without_ids(importing):
    assert importing(PLAIN) is False
    assert importing(PLAIN) is True
    assert importing("\n".join([*PLAIN.splitlines()[:1], *PLAIN.splitlines()[:0:-1]])) is True
    assert importing(PLAIN + "c,v,2020-01-03\n") is False
    assert importing(PLAIN) is True, "what else is stored does not matter"
    assert importing(PLAIN, name="other") is False


def test_a_file_with_ids_whose_rows_were_corrected(importing):
    assert importing(NUMBERED, id="gig") is False
    assert importing(NUMBERED, id="gig") is True
    for old, new in (("2020-01-02", "2020-01-03"), ("Act", "Actor"), ("b,v", "b,w")):
        corrected = NUMBERED.replace(old, new)
        assert importing(corrected, id="gig") is False
        assert importing(corrected, id="gig") is True
        assert importing(NUMBERED, id="gig") is False, "the correction is taken back"


def test_of_rows_of_one_id_the_last_one_counts(importing):
    twice = NUMBERED + "1,a,w,2020-01-05,Act\n"
    assert importing(twice, id="gig") is False
    assert importing(twice, id="gig") is True
    assert importing(NUMBERED, id="gig") is False


def test_a_gig_that_was_deleted_since_may_come_back(importing):
    importing(NUMBERED, id="gig")
    importing.append((None, b"2"))
    assert importing(NUMBERED, id="gig") is None


def test_a_store_that_is_not_there_held_nothing(tmp_path, importing):
    stated = Stated()
    path = tmp_path / "gigs.csv"
    path.write_text(PLAIN)
    for event in FileSet([path]).statements(Ignored()):
        stated.add(event)
    with Before(tmp_path / "none") as before:
        assert stated.is_in(before) is False


def test_what_outdoes_an_import_is_not_changed_by_it(importing):
    assert importing.lines(row("1", "v", version=3)) is False
    assert importing.lines(row("1", "w", version=2)) is True, "a smaller version does not count"
    assert importing.lines(row("1", "w", version=3, time_ms=1)) is True, "nor an earlier time"
    assert importing.lines(row("1", "w")) is True, "nor one without a version, at any time"
    assert importing.lines(row("1", "w", version=3)) is False, "of equals the later one counts"
    assert importing.lines(row("1", "v", version=3)) is False
    assert importing.lines(row("1", "x", version=4)) is False


def row(event_id, venue, *, version=None, time_ms=2):
    return Event(
        event_id=event_id,
        artist_id="a",
        venue_id=venue,
        starts_at_ms=1,
        source="s",
        time_ms=time_ms,
        version=version,
    )


def test_many_sources_are_not_compared(importing, monkeypatch):
    monkeypatch.setattr(stated, "MAX_SOURCES", 1)
    other = msgspec.structs.replace(row("1", "v"), source="other")
    assert importing.lines(row("1", "v")) is False
    assert importing.lines(row("1", "v"), other) is None


def test_files_that_an_erasure_removes_meanwhile_leave_it_unknown(importing, tmp_path):
    importing(PLAIN)
    sent = Sent()
    sent.stated.add(row("1", "v"))
    with Before(tmp_path / "store") as before:
        for each in (tmp_path / "store").rglob("*.parquet"):
            each.unlink()
        assert _is_in(sent, before) is None


def test_files_of_a_compacted_log_stay_until_they_are_compared(importing, tmp_path):
    importing(PLAIN)
    with Before(tmp_path / "store"):
        assert (
            reader_marks.living(tmp_path / "store") == delta_log.versions(tmp_path / "store")[-1:]
        )


def test_a_large_store_or_import_is_not_compared(importing, monkeypatch):
    importing(PLAIN)
    assert importing(PLAIN) is True
    monkeypatch.setattr(stated, "MAX_ROWS", 2)
    assert importing(PLAIN) is None, "three rows are imported"
    monkeypatch.setattr(stated, "MAX_ROWS", 5)
    assert importing(PLAIN) is None, "more are stored"
