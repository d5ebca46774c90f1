"""Event files: TSV, CSV and Parquet read as a stream of Arrow batches.

Words used here:
    column: a name in the file's first row. Without such a row (`header=False`) columns go by
        number from 1: artist 1, venue 2 and, where the file has a third, date 3.
    row: counted as a spreadsheet shows it, the header being row 1 and blank lines left out;
        in Parquet the first row of data is row 1.

TSV has no quoting (a name may begin with a quote), CSV has. Text files are UTF-8 and may be
compressed (.gz, .bz2, .zst). Only one batch is in memory at a time, whatever the file's size.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq

from consumer.errors import ConsumerError
from consumer.events import MAX_ID_BYTES

_BLOCK_BYTES = 4 << 20
_HEAD_BYTES = 1 << 16
_PARQUET_ROWS = 65_536
# Columns that may be missing under their default names.
_OPTIONAL = {"artist_name": "artist", "venue_name": "venue"}
_DEFAULT_NUMBERS = {"artist_id": "1", "venue_id": "2", "date": "3"}
_PACKED = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}

_TEXT_OR_WHOLE = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_integer,
    pa.types.is_null,
)

Progress = Callable[[float], None]


class BadFile(ConsumerError):
    """An event file that cannot be read; the text names file, row, column and remedy."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which column of a file is what; None is not looked for.

    Names left at their default may be missing, and dates where one is assumed; every other
    column that is named must be there.
    """

    artist: str = "artist_id"
    venue: str = "venue_id"
    date: str | None = "date"
    id: str | None = None
    artist_name: str | None = "artist"
    venue_name: str | None = "venue"
    header: bool = True


def batches(
    path: Path | str,
    columns: Columns | None = None,
    *,
    assume_date: dt.date | None = None,
    progress: Progress | None = None,
) -> Iterator[pa.Table]:
    """The file's rows in file order, some ten thousand at a time.

    Args:
        path: A TSV, CSV or Parquet file, told apart by name and content.
        columns: Which column is what; the defaults where None.
        assume_date: The date of rows that have none.
        progress: Called after each batch with the share of the file read, 0 to 1.

    Yields:
        Tables with `artist_id`, `venue_id` (string), `date` (date32) unless it is None and none
        is assumed, and where the file has them `event_id`, `artist_name`, `venue_name` (string;
        names may be null).

    Raises:
        BadFile: The file, a column or a row is invalid.
    """
    path, columns, progress = Path(path), columns or Columns(), progress or (lambda _share: None)
    source = _source(path, columns)
    wanted = _wanted(path, columns, source.names, dated=assume_date is None)
    for first_row, batch in source.read(list(wanted.values())):
        yield _checked(_Batch(path, first_row), batch, wanted, assume_date)
        progress(source.share())
    progress(1.0)


class _Text:
    """A TSV or CSV file."""

    def __init__(self, path: Path, *, header: bool) -> None:
        self._path, self._header, self._raw = path, header, pa.OSFile(str(path))
        self._size = max(1, path.stat().st_size)
        self._packing = _PACKED.get(path.suffix.lower())
        self._bad: pc_csv.InvalidRow | None = None
        first = self._first_line()
        self._delimiter = _delimiter(path, first)
        self.names = self._names(first)

    def _first_line(self) -> bytes:
        try:
            with pa.input_stream(str(self._path), compression=self._packing) as stream:
                head = stream.read(_HEAD_BYTES)
        except OSError as error:
            _unreadable(self._path, error)
        line: bytes = head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n").split(b"\n", 1)[0]
        if not line.strip():
            raise BadFile(f"{self._path} is empty; give a file with at least one row")
        return line.rstrip(b"\r") + b"\n"

    def _names(self, first: bytes) -> list[str]:
        row = pc_csv.read_csv(
            pa.BufferReader(first),
            read_options=pc_csv.ReadOptions(autogenerate_column_names=True),
            parse_options=self._parsing(),
            convert_options=pc_csv.ConvertOptions(strings_can_be_null=False),
        )
        if self._header:
            return [str(column[0]) for column in row.columns]
        return [str(number) for number in range(1, row.num_columns + 1)]

    def _parsing(self) -> pc_csv.ParseOptions:
        # A quote in TSV is part of a name; a line break in CSV may be part of a value.
        quoted = self._delimiter != "\t"
        return pc_csv.ParseOptions(
            delimiter=self._delimiter,
            quote_char='"' if quoted else False,
            newlines_in_values=quoted,
            invalid_row_handler=self._ragged,
        )

    def _ragged(self, row: pc_csv.InvalidRow) -> str:
        self._bad = row  # an exception raised in Arrow's call-back would be swallowed
        return "error"

    def read(self, wanted: list[str]) -> Iterator[tuple[int, pa.Table]]:
        """Number of its first row and rows, for each batch; all columns as text."""
        row = 1 + self._header
        try:
            reader = self._reader(wanted)
            for batch in reader:
                yield row, pa.Table.from_batches([batch])
                row += batch.num_rows
        except (pa.ArrowInvalid, OSError) as error:
            self._fail(error)

    def _fail(self, error: Exception) -> NoReturn:
        if self._bad is None:
            _unreadable(self._path, error)
        raise BadFile(
            f"{self._path} row {self._bad.number}: has {self._bad.actual_columns} columns where "
            f"the first row has {self._bad.expected_columns}; correct or remove the row"
        ) from None

    def _reader(self, wanted: list[str]) -> pc_csv.CSVStreamingReader:
        packed = self._packing and pa.CompressedInputStream(self._raw, self._packing)
        return pc_csv.open_csv(
            packed or self._raw,
            read_options=pc_csv.ReadOptions(
                block_size=_BLOCK_BYTES,
                use_threads=False,  # only one thread can number the rows
                column_names=None if self._header else self.names,
            ),
            parse_options=self._parsing(),
            convert_options=pc_csv.ConvertOptions(
                include_columns=wanted,
                column_types=dict.fromkeys(wanted, pa.string()),
                strings_can_be_null=False,
            ),
        )

    def share(self) -> float:
        """Part of the file read so far, 0 to 1."""
        return float(min(1.0, self._raw.tell() / self._size))


class _Parquet:
    """A Parquet file."""

    def __init__(self, path: Path) -> None:
        self._path, self._done = path, 0
        try:
            self._file = pq.ParquetFile(path)
        except (pa.ArrowInvalid, OSError) as error:
            _unreadable(path, error)
        self.names: list[str] = self._file.schema_arrow.names

    def read(self, wanted: list[str]) -> Iterator[tuple[int, pa.Table]]:
        """Number of its first row and rows, for each batch; columns in their own types."""
        try:
            for batch in self._file.iter_batches(_PARQUET_ROWS, columns=wanted):
                yield self._done + 1, pa.Table.from_batches([batch])
                self._done += batch.num_rows
        except (pa.ArrowInvalid, OSError) as error:
            _unreadable(self._path, error)

    def share(self) -> float:
        """Part of the rows read so far, 0 to 1."""
        return float(self._done / max(1, self._file.metadata.num_rows))


@dataclass(frozen=True)
class _Batch:
    """Where a batch begins; names a row of it in errors."""

    path: Path
    first_row: int

    def refuse(self, bad: pa.Array, column: str, values: pa.Array, remedy: str) -> None:
        """Raises BadFile for the first row where `bad` (a boolean column) is true."""
        at = pc.index(bad, value=True).as_py()
        if at >= 0:
            shown = ascii(values[at].as_py())[:80]
            raise BadFile(
                f"{self.path} row {self.first_row + at}, column {column!r}: {shown} {remedy}"
            )


def _source(path: Path, columns: Columns) -> _Text | _Parquet:
    try:
        with path.open("rb") as raw:
            # By content, not by name: Parquet files come under any name.
            magic = raw.read(4)
    except OSError as error:
        _unreadable(path, error)
    return _Parquet(path) if magic == b"PAR1" else _Text(path, header=columns.header)


def _unreadable(path: Path, error: Exception) -> NoReturn:
    """Raise the reason why the file cannot be read, in one line."""
    if isinstance(error, FileNotFoundError):
        raise BadFile(f"{path}: no such file; check the path") from None
    reason = str(getattr(error, "strerror", None) or error).split("\n")[0]
    remedy = "save it as UTF-8" if "UTF8" in reason else "check that it is TSV, CSV or Parquet"
    raise BadFile(f"{path} cannot be read: {reason}; {remedy}") from None


def _delimiter(path: Path, first: bytes) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if ".csv" in suffixes:
        return ","
    return "\t" if ".tsv" in suffixes or b"\t" in first else ","


def _wanted(path: Path, columns: Columns, names: list[str], *, dated: bool) -> dict[str, str]:
    """Our column -> the file's column, for those that the file has; `dated`: it must have dates."""
    asked = {
        "artist_id": columns.artist,
        "venue_id": columns.venue,
        "date": columns.date,
        "event_id": columns.id,
        "artist_name": columns.artist_name,
        "venue_name": columns.venue_name,
    }
    if not columns.header:
        asked = {ours: _DEFAULT_NUMBERS.get(name or "", name) for ours, name in asked.items()}
    found = {ours: name for ours, name in asked.items() if name and name in names}
    optional = _OPTIONAL if dated else {**_OPTIONAL, "date": asked["date"]}
    for ours, name in asked.items():
        if name and ours not in found and name != optional.get(ours):
            _missing(path, ours, name, names)
    for name in found.values():
        if names.count(name) > 1:
            raise BadFile(f"{path} has two columns {name!r}; rename one of them")
    return found


_OPTION = {
    "artist_id": "--artist",
    "venue_id": "--venue",
    "date": "--date (`import` also takes --assume-date)",
    "event_id": "--id",
    "artist_name": "--artist-name",
    "venue_name": "--venue-name",
}


def _missing(path: Path, ours: str, name: str, names: list[str]) -> NoReturn:
    shown = ", ".join(map(repr, names))[:200]
    raise BadFile(
        f"{path} has no column {name!r} (it has {shown}); name the right one with {_OPTION[ours]}"
    )


def _checked(
    origin: _Batch, batch: pa.Table, wanted: dict[str, str], assume_date: dt.date | None
) -> pa.Table:
    """A batch with our names and types, every row checked."""
    out = {}
    for ours, name in wanted.items():
        column = batch.column(name).combine_chunks()
        if ours.endswith("_id"):
            out[ours] = _ids(origin, name, column)
        elif ours == "date":
            out[ours] = _dates(origin, name, column, assume_date)
        else:
            out[ours] = _names_of(origin, name, column)
    if "date" not in out and assume_date:
        out["date"] = pa.repeat(pa.scalar(assume_date, pa.date32()), batch.num_rows)
    return pa.table(out)


def _text(origin: _Batch, name: str, column: pa.Array) -> pa.Array:
    """The column as strings; floating-point numbers are refused as ids."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if not any(is_kind(kind) for is_kind in _TEXT_OR_WHOLE):
        raise BadFile(
            f"{origin.path}, column {name!r}: is {kind}; write it as text or whole numbers"
        )
    return column.cast(pa.string())


def _ids(origin: _Batch, name: str, column: pa.Array) -> pa.Array:
    """Checked ids: non-empty, at most 256 bytes, no control characters (the event contract)."""
    ids = _text(origin, name, column)
    length = pc.fill_null(pc.binary_length(ids), 0)
    origin.refuse(pc.equal(length, 0), name, ids, "is empty; every row needs an id")
    remedy = f"is longer than {MAX_ID_BYTES} bytes; use a shorter id"
    origin.refuse(pc.greater(length, MAX_ID_BYTES), name, ids, remedy)
    # The same limits as the event contract: otherwise an import would produce dead letters.
    control = pc.match_substring_regex(ids, r"\p{Cc}")
    origin.refuse(control, name, ids, "holds a control character; remove it")
    return ids


def _names_of(origin: _Batch, name: str, column: pa.Array) -> pa.Array:
    """Display names; an empty one is null."""
    names = _text(origin, name, column)
    return pc.if_else(pc.equal(names, ""), None, names)


def _dates(origin: _Batch, name: str, column: pa.Array, assume_date: dt.date | None) -> pa.Array:
    """Calendar days, of text (a time behind the date is dropped) or of a date or time type."""
    if pa.types.is_temporal(column.type):
        dates = column.cast(pa.date32(), safe=False)
    else:
        dates = _parsed_dates(origin, name, _text(origin, name, column), assume_date)
    if assume_date:
        dates = pc.fill_null(dates, pa.scalar(assume_date, pa.date32()))
    remedy = "is no date; fill it in or give --assume-date"
    origin.refuse(pc.is_null(dates), name, column, remedy)
    return dates


def _parsed_dates(
    origin: _Batch, name: str, text: pa.Array, assume_date: dt.date | None
) -> pa.Array:
    """Days of `YYYY-MM-DD` with or without a time; empty ones are null where one is assumed."""
    remedy = "is no date; write it as YYYY-MM-DD"
    if assume_date:
        text = pc.if_else(pc.equal(pc.utf8_trim_whitespace(text), ""), None, text)
    # The shape is checked first, since Arrow accepts other dates than this one.
    shape = pc.match_substring_regex(text, r"^\s*\d{4}-\d\d-\d\d(?:[T ]\d\d:?\d\d.*)?\s*$")
    origin.refuse(pc.invert(shape), name, text, remedy)
    days = pc.utf8_slice_codeunits(pc.utf8_ltrim_whitespace(text), 0, 10)
    try:
        return days.cast(pa.date32())
    except pa.ArrowInvalid:
        origin.refuse(pa.array([_impossible(day) for day in days.to_pylist()]), name, text, remedy)
        raise


def _impossible(day: str | None) -> bool:
    """Whether a well-formed day does not exist, like 2015-02-30."""
    with suppress(ValueError):
        return not dt.date.fromisoformat(day or "2000-01-01")
    return True
