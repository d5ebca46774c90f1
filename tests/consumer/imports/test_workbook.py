"""Workbooks are read as they are shown: whole numbers, days, and the sheet's own row numbers."""

import datetime as dt
import zipfile

import pytest

from consumer.imports.columns import Columns
from consumer.imports.files import batches, open_file, read
from consumer.imports.formats import workbook as module
from consumer.imports.problems import BadFile
from support.data.workbooks import Day, workbook

ROWS = [
    ["Spring", None, None],
    [],
    ["artist_id", "venue_id", "date"],
    [7, "v", Day(46143)],
    [None, None, None],
    ["a", 1.5, "3 May 2026"],
]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "shows.csv"  # whatever its name


def test_rows_have_the_numbers_of_the_sheet(path):
    path.write_bytes(workbook(ROWS, first_row=4))
    ((numbers, table),) = read(open_file(path))

    assert numbers.tolist() == [7, 9]
    assert table.to_pylist() == [
        {"artist_id": "7", "venue_id": "v", "date": dt.date(2026, 5, 1)},
        {"artist_id": "a", "venue_id": "1.5", "date": dt.date(2026, 5, 3)},
    ]


def test_without_headings_the_first_row_is_data(path):
    path.write_bytes(workbook(ROWS[3:]))
    (table,) = batches(path, Columns(header=False))

    assert table["artist_id"].to_pylist() == ["7", "a"]


def test_progress_ends_at_one(path):
    path.write_bytes(workbook(ROWS))
    shares: list[float] = []
    list(batches(path, progress=shares.append))

    assert shares[-1] == 1.0
    assert shares == sorted(shares)


def test_an_empty_workbook_is_refused(path):
    path.write_bytes(workbook([]))
    with pytest.raises(BadFile, match="is empty; give a file with at least one row"):
        list(batches(path))


def test_a_workbook_that_unpacks_to_too_much_is_refused(path, monkeypatch):
    path.write_bytes(workbook(ROWS))
    monkeypatch.setattr(module, "_MAX_BYTES", 100)
    with pytest.raises(BadFile, match=r"is a workbook of more than .* MiB; save its sheet as CSV"):
        list(batches(path))


def test_a_workbook_cut_short_is_named(path):
    path.write_bytes(workbook(ROWS)[:-30])
    with pytest.raises(BadFile, match=r"is a workbook .* that cannot be read \(.*\); save"):
        list(batches(path))


def test_an_archive_of_something_else_is_named(path):
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("a.txt", "x")
    with pytest.raises(BadFile, match=r"is a zip archive \(a.txt\); unpack it"):
        list(batches(path))
