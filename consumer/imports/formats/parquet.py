"""Parquet files."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from consumer.imports.formats.source import Rows
from consumer.imports.problems import Problems, unreadable

_ROWS_AT_ONCE = 65_536


class Parquet:
    """A Parquet file; its first row of data is row 1.

    Args:
        path: The file.

    Raises:
        BadFile: It cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._done = path, 0
        try:
            self._file = pq.ParquetFile(pa.OSFile(os.fsencode(path)))
        except (pa.ArrowException, OSError, UnicodeError) as error:
            unreadable(path, error)
        self.names: list[str] = self._file.schema_arrow.names
        self.about = "Parquet"

    def read(self, wanted: Sequence[int], problems: Problems) -> Iterator[Rows]:  # noqa: ARG002
        """See `Source`; columns are of their own types."""
        names = [self.names[at] for at in wanted]
        try:
            for batch in self._file.iter_batches(_ROWS_AT_ONCE, columns=sorted(set(names))):
                table = pa.table({str(at): batch[self.names[at]] for at in wanted})
                yield np.arange(self._done + 1, self._done + 1 + batch.num_rows), table
                self._done += batch.num_rows
        except (pa.ArrowException, OSError, UnicodeError) as error:
            unreadable(self._path, error)

    def share(self) -> float:
        """Part of the rows read so far, 0 to 1."""
        return float(self._done / max(1, self._file.metadata.num_rows))
