"""The store's Parquet files, read as the columns that one asks for."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from consumer.errors import StoreDamaged
from consumer.log import File

STATISTICS = ["partition", "offset", "recorded_at", "time"]
"""Columns that tell least and greatest value: those of no id, since they outlive a row."""


def read(path: Path, file: File, schema: pa.Schema) -> pa.Table:
    """The rows of one file of the table at `path`, in these columns.

    Raises:
        FileNotFoundError: it is not there, or not any more.
        StoreDamaged: it is no Parquet file.
    """
    try:
        rows = pq.ParquetFile(path / file.path).read(columns=schema.names)
    except FileNotFoundError:
        raise
    except (pa.ArrowInvalid, OSError) as error:
        raise StoreDamaged(path, f"file {file.path}: {error}") from None
    # A file from before a column was added lacks it.
    arrays = [
        rows[name].cast(kind) if name in rows.column_names else pa.nulls(rows.num_rows, kind)
        for name, kind in zip(schema.names, schema.types, strict=True)
    ]
    return pa.table(arrays, schema=schema)
