"""Text files: cells separated by commas, semicolons, tabs or bars, in any encoding.

Arrow reads what is below the headings, as UTF-8. Only one batch is in memory at a time, whatever
the file's size.
"""

import codecs
import lzma
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv

from consumer.imports.columns import Columns
from consumer.imports.formats import dialect, encoding
from consumer.imports.formats.kind import HEAD_BYTES
from consumer.imports.formats.source import RowNumbers, Rows, ragged
from consumer.imports.formats.stream import Stream
from consumer.imports.problems import Problem, Problems, unreadable

_BLOCK_BYTES = 4 << 20
_PADDING = " \t\x00\x1a"  # of old disks and of DOS, at the end of a file


class Delimited:
    """A CSV or TSV file, or one of their kind.

    Args:
        path: The file.
        encoded: Its encoding.
        columns: What the headings are.
        delimiter: The delimiter that the user names.

    Raises:
        BadFile: It has no row.
    """

    def __init__(self, path: Path, encoded: str, columns: Columns, delimiter: str | None) -> None:
        self._path, self._encoded = path, encoded
        head, self._mark = self._head()
        self._dialect = dialect.find(path, head, columns, delimiter)
        # Arrow begins below the headings, which are found by characters and skipped by bytes.
        self._before = len(head[: self._dialect.skipped].encode("utf-8", "replace"))
        self._stream = Stream(path)
        self._bad: list[int] = []  # numbers of rows that Arrow left out
        self._untold: list[Problem] = []
        self.names = list(self._dialect.names)
        shown = {"\t": "tabs", ",": "commas"}.get(self._dialect.delimiter)
        self.about = f"{encoded}, {shown or repr(self._dialect.delimiter)}"

    def _head(self) -> tuple[str, int]:
        """The first characters, and how many bytes of a byte order mark come before them."""
        text = encoding.as_utf8(Stream(self._path).bytes, self._encoded)
        data = text.read(HEAD_BYTES)
        plain = data.removeprefix(codecs.BOM_UTF8)
        whole = codecs.getincrementaldecoder("utf-8")("replace").decode(plain)
        return whole, len(data) - len(plain)

    def read(self, wanted: Sequence[int], problems: Problems) -> Iterator[Rows]:
        """See `Source`."""
        begin = self._dialect.first_row
        try:
            for batch in self._reader(wanted):
                numbers = self._numbers(begin, batch.num_rows)
                begin = int(numbers[-1]) + 1 if len(numbers) else begin
                self._tell(problems)
                yield numbers, self._table(batch)
        except (pa.ArrowInvalid, OSError, EOFError, UnicodeError, lzma.LZMAError) as error:
            # Without a row below the headings.
            if "Empty CSV" not in str(error):
                unreadable(self._path, error)
        self._tell(problems)

    def _numbers(self, begin: int, count: int) -> RowNumbers:
        """Numbers of the next rows; those of bad rows are left out."""
        # Arrow leaves bad rows out of its batches, so that numbers are not a plain count.
        if not self._bad:
            return np.arange(begin, begin + count)
        all_numbers = np.arange(begin, begin + count + len(self._bad))
        numbers: RowNumbers = all_numbers[~np.isin(all_numbers, self._bad)][:count]
        last = numbers[-1] if count else begin - 1
        # Arrow reads ahead: bad rows of the next batch may be known already.
        self._bad = [number for number in self._bad if number > last]
        return numbers

    def _tell(self, problems: Problems) -> None:
        untold, self._untold = self._untold, []
        for problem in untold:
            problems.add(problem)

    def _ragged(self, row: pc_csv.InvalidRow) -> str:
        number = int(row.number) + self._dialect.first_row - 1
        self._bad.append(number)
        # An exception raised in Arrow's call-back would be swallowed.
        if (row.text or "").strip(_PADDING):
            found, expected = row.actual_columns, row.expected_columns
            self._untold.append(ragged(self._path, number, found, expected))
        return "skip"

    def _table(self, batch: pa.RecordBatch) -> pa.Table:
        table = pa.Table.from_batches([batch])
        if not self._dialect.spaced:
            return table
        return pa.table({name: pc.utf8_ltrim(table[name], " ") for name in table.column_names})

    def _reader(self, wanted: Sequence[int]) -> pc_csv.CSVStreamingReader:
        text = encoding.as_utf8(self._stream.bytes, self._encoded)
        left = self._mark + self._before
        while left and (skipped := text.read(left)):
            left -= len(skipped)
        kept = [str(at) for at in wanted]
        return pc_csv.open_csv(
            text,
            read_options=pc_csv.ReadOptions(
                block_size=_BLOCK_BYTES,
                use_threads=False,  # only one thread can number the rows
                # By position: headings may be equal, or look like numbers.
                column_names=[str(at) for at in range(len(self.names))],
            ),
            parse_options=self._parsing(),
            convert_options=pc_csv.ConvertOptions(
                include_columns=kept,
                column_types=dict.fromkeys(kept, pa.string()),
                strings_can_be_null=False,
            ),
        )

    def _parsing(self) -> pc_csv.ParseOptions:
        # A line break in a quoted cell is part of its value.
        quoted = self._dialect.quoted
        return pc_csv.ParseOptions(
            delimiter=self._dialect.delimiter,
            quote_char='"' if quoted else False,
            newlines_in_values=quoted,
            invalid_row_handler=self._ragged,
        )

    def share(self) -> float:
        """See `Source`."""
        return self._stream.share()
