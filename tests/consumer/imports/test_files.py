"""Event files are read in batches; what cannot be read is named by file, row and column."""

import datetime as dt
import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consumer.imports.files import BadFile, Columns, batches
from consumer.imports.formats import delimited

HEAD = "artist_id\tvenue_id\tdate\tartist\tvenue\n"


def written(path: Path, text: str | bytes) -> Path:
    data = text.encode() if isinstance(text, str) else text
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def rows(path: Path, columns: Columns | None = None, **options: object) -> list[dict[str, object]]:
    return pa.concat_tables(batches(path, columns, **options)).to_pylist()


def complaint(path: Path, columns: Columns | None = None, **options: object) -> str:
    with pytest.raises(BadFile) as caught:
        list(batches(path, columns, **options))

    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    return str(caught.value).replace(str(path), "FILE")


def test_a_tsv_file_gives_ids_dates_and_names(tmp_path):
    path = written(tmp_path / "gigs.tsv", HEAD + '1\t2\t2015-02-28\t"Ada" and B\t\n')

    assert rows(path) == [
        {
            "artist_id": "1",
            "venue_id": "2",
            "date": dt.date(2015, 2, 28),
            "artist_name": '"Ada" and B',
            "venue_name": None,
        },
    ]


@pytest.mark.parametrize("name", ["gigs.csv", "gigs.csv.gz", "gigs.txt"])
def test_a_csv_file_may_be_packed_and_quote_commas_and_lines(tmp_path, name):
    text = 'venue_id,artist_id,artist\r\nv1,"a,1","Ada\nB"\r\n'

    assert rows(written(tmp_path / name, text), Columns(date=None)) == [
        {"artist_id": "a,1", "venue_id": "v1", "artist_name": "Ada\nB"},
    ]


def test_a_zstd_file_is_unpacked(tmp_path):
    packed = pa.compress(b"artist_id,venue_id\na,v\n", "zstd", asbytes=True)

    assert rows(written(tmp_path / "gigs.csv", packed), Columns(date=None)) == [
        {"artist_id": "a", "venue_id": "v"},
    ]


def test_a_byte_order_mark_and_blank_lines_do_no_harm(tmp_path):
    path = written(tmp_path / "gigs.tsv", "\ufeff" + HEAD + "\n1\t2\t2015-01-01\tA\tB\n\n")

    assert [row["artist_id"] for row in rows(path)] == ["1"]


@pytest.mark.parametrize("kind", [pa.int64(), pa.string(), pa.large_string()])
def test_a_parquet_file_may_hold_ids_as_numbers_and_dates_as_times(tmp_path, kind):
    when = pa.array([dt.datetime(2015, 2, 28, 23, 30, tzinfo=dt.UTC)], pa.timestamp("us"))
    table = pa.table({"artist_id": pa.array([7]).cast(kind), "venue_id": ["v"], "date": when})
    pq.write_table(table, tmp_path / "gigs.parquet")

    assert rows(tmp_path / "gigs.parquet") == [
        {"artist_id": "7", "venue_id": "v", "date": dt.date(2015, 2, 28)},
    ]


def test_ids_kept_as_parquet_dictionaries_are_text_too(tmp_path):
    ids = pa.array(["a", "b", "a"]).dictionary_encode()
    pq.write_table(pa.table({"artist_id": ids, "venue_id": ids}), tmp_path / "gigs.parquet")
    read = rows(tmp_path / "gigs.parquet", Columns(date=None))

    assert [row["artist_id"] for row in read] == ["a", "b", "a"]


def test_the_notebooks_two_columns_without_a_header_are_artist_and_venue(tmp_path):
    path = written(tmp_path / "events.tsv", "577\t39\n4472\t39\n")

    assert rows(path, Columns(date=None, header=False)) == [
        {"artist_id": "577", "venue_id": "39"},
        {"artist_id": "4472", "venue_id": "39"},
    ]


def test_columns_without_a_header_are_named_by_number(tmp_path):
    path = written(tmp_path / "events.csv", "39,2015-01-01,577\n")

    assert rows(path, Columns(artist="3", venue="1", date="2", header=False)) == [
        {"artist_id": "577", "venue_id": "39", "date": dt.date(2015, 1, 1)},
    ]


def test_columns_may_have_any_names_and_an_id_of_their_own(tmp_path):
    path = written(tmp_path / "gigs.csv", "who,where,when,gig\na,v,2015-01-01T20:00:00Z,g1\n")
    columns = Columns(artist="who", venue="where", date="when", id="gig")

    assert rows(path, columns) == [
        {"artist_id": "a", "venue_id": "v", "date": dt.date(2015, 1, 1), "event_id": "g1"},
    ]


def test_an_assumed_date_fills_what_has_none_and_nothing_else(tmp_path):
    assumed = dt.date(2020, 1, 2)
    undated = written(tmp_path / "undated.csv", "artist_id,venue_id\na,v\n")
    gaps = written(tmp_path / "gaps.csv", "artist_id,venue_id,date\na,v,\nb,v,2015-01-01\n")

    assert [row["date"] for row in rows(undated, assume_date=assumed)] == [assumed]
    assert [row["date"] for row in rows(gaps, assume_date=assumed)] == [
        assumed,
        dt.date(2015, 1, 1),
    ]


def test_a_large_file_comes_in_many_batches_and_its_rows_keep_their_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "_BLOCK_BYTES", 1 << 12)
    good = "".join(f"a{n}\tv\t2015-01-01\tA\tV\n" for n in range(5_000))
    path = written(tmp_path / "gigs.tsv.gz", HEAD + good + "x\ty\tz\tA\tV\n")
    shares: list[float] = []

    said = complaint(path, progress=shares.append)

    assert said == "FILE row 5002, column 'date': 'z' is no date; write it as YYYY-MM-DD"
    assert shares == sorted(shares)
    assert len(shares) > 10


def test_progress_ends_at_one(tmp_path):
    pq.write_table(pa.table({"artist_id": ["a"], "venue_id": ["v"]}), tmp_path / "gigs.parquet")
    text = written(tmp_path / "gigs.tsv", HEAD + "1\t2\t2015-01-01\tA\tB\n")
    for path in (tmp_path / "gigs.parquet", text):
        shares: list[float] = []
        list(batches(path, Columns(date=None), progress=shares.append))

        assert shares[-1] == 1.0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("\t2\t2015-01-01\tA\tB", "FILE row 2, column 'artist_id': '' is empty; every row"),
        ("1\t\t2015-01-01\tA\tB", "FILE row 2, column 'venue_id': '' is empty; every row"),
        ("1\t2\t\tA\tB", "FILE row 2, column 'date': '' is no date; write it as YYYY-MM-DD"),
        (
            "1\t2\t01/02/2015\tA\tB",
            "'01/02/2015' may be day/month or month/day; say which with --d",
        ),
        ("1\t2\t2015-02-30\tA\tB", "column 'date': '2015-02-30' is no date; write it as"),
        ("1\t2\t2015-01-01x\tA\tB", "column 'date': '2015-01-01x' is no date; write it as"),
        ("1\t2\t2015-01-01", "FILE row 2: has 3 columns where the first row has 5; correct"),
        ("x" * 257 + "\t2\t2015-01-01\tA\tB", "is longer than 256 bytes; use a shorter id"),
        ("a\x07b\t2\t2015-01-01\tA\tB", r"'a\x07b' holds a control character; remove it"),
    ],
)
def test_a_bad_row_is_named_with_its_remedy(tmp_path, line, said):
    assert said in complaint(written(tmp_path / "gigs.tsv", HEAD + line + "\n"))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.tsv", "", "FILE is empty; give a file with at least one row"),
        ("a.tsv", "act\tvenue\nx\ty\n", "FILE has no column 'artist_id' (it has 'act', "),
        ("a.tsv", "artist\tvenue\nx\ty\n", "FILE has no column 'date' (it has 'artist', "),
        ("a.csv", "artist_id,date\nx,y\n", "name the right one with --venue"),
        ("a.csv", "artist_id,venue_id\nx,y\n", "(`import` also takes --assume-date)"),
        (
            "a.csv",
            "artist_id,artist_id,venue_id,date\n",
            "FILE has two columns 'artist_id'; rename",
        ),
        (
            "a.tsv",
            "artist_id\tvenue_id\tdate\nä\tö\t".encode() + b"\xe4",
            "FILE is UTF-8 but for a",
        ),
        ("a.tsv.gz", b"not packed", "FILE has no column 'artist_id' (it has 'not packed')"),
        ("a.tsv.gz", gzip.compress(HEAD.encode() * 9, mtime=0)[:-12], "FILE cannot be read"),
        ("a.parquet", b"PAR1 no it is not", "FILE cannot be read"),
    ],
)
def test_a_bad_file_is_named_with_its_remedy(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())

    assert said in complaint(path)


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("artist_id,venue_id,date", "a,v,2015-01-01,"),
        ("artist_id,venue_id,date,,", "a,v,2015-01-01"),
        ("Shows,,\n,,\nartist_id,venue_id,date", "a,v,2015-01-01,,"),
    ],
)
def test_empty_cells_at_the_end_of_all_rows_do_no_harm(tmp_path, head, row):
    path = written(tmp_path / "gigs.csv", f"{head}\n" + f"{row}\n" * 3)

    assert len(rows(path)) == 3


def test_rows_above_the_headings_are_counted(tmp_path):
    top = "Shows,,\n,,\n\nartist_id,venue_id,date\n"

    assert "FILE row 4, column" in complaint(written(tmp_path / "gigs.csv", top + "a,v,no\n"))


def test_names_are_ids_where_a_file_has_no_others(tmp_path):
    path = written(tmp_path / "gigs.csv", "Artist;Venue;Date\nAda;Hall;1 May 2015\n")

    assert rows(path) == [
        {
            "artist_id": "Ada",
            "venue_id": "Hall",
            "date": dt.date(2015, 5, 1),
            "artist_name": "Ada",
            "venue_name": "Hall",
        },
    ]


def test_a_missing_file_and_a_folder_are_bad_files(tmp_path):
    assert complaint(tmp_path / "none.tsv") == "FILE: no such file; check the path"
    assert "cannot be read" in complaint(tmp_path)


def test_a_column_that_was_named_must_be_there(tmp_path):
    path = written(tmp_path / "gigs.csv", "artist_id,venue_id,date\na,v,2015-01-01\n")

    assert "no column 'when'" in complaint(path, Columns(date="when"))
    assert "name the right one with --id" in complaint(path, Columns(id="gig"))


def test_numbers_with_a_point_are_no_ids(tmp_path):
    pq.write_table(pa.table({"artist_id": [1.5], "venue_id": ["v"]}), tmp_path / "gigs.parquet")

    said = complaint(tmp_path / "gigs.parquet", Columns(date=None))
    assert said == "FILE, column 'artist_id': is double; write it as text or whole numbers"


def test_a_parquet_row_without_a_date_is_named(tmp_path):
    days = pa.array([dt.date(2015, 1, 1), None])
    ids = pa.array(["a", "b"])
    pq.write_table(pa.table({"artist_id": ids, "venue_id": ids, "date": days}), tmp_path / "g.pq")

    said = complaint(tmp_path / "g.pq")
    assert said == "FILE row 2, column 'date': None is no date; fill it in or give --assume-date"
