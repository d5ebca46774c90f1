"""Kinds of dead letters: how many came from each source for each field, and an example."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from consumer.dead_letters.letters import rows_of
from consumer.ingest import tallies
from consumer.ingest.tallies import Source
from consumer.table import schema

_AT_ONCE = 1_000
_RAW = schema.columns(["raw", "raw_headers"])


@dataclass(frozen=True)
class Kind:
    """Dead letters of one source that break one field.

    Attributes:
        source: None where none can be read from the records.
        reason: of the newest of them.
    """

    source: Source
    field: str
    count: int
    reason: str


def kinds(path: Path, rows: pa.Table, *, by_reason: bool = False) -> list[Kind]:
    """The kinds among some dead letters, the most frequent first.

    Args:
        path: the store's folder.
        rows: of `letters.read`, the newest first.
        by_reason: dead letters with another reason are of another kind.

    Raises:
        FileNotFoundError: a file was compacted away: read again.
        StoreDamaged: a file is unreadable.
    """
    counts = Counter[tuple[Source, str, str]]()
    examples = dict[tuple[Source, str, str], str]()
    for block, sources in _blocks(path, rows):
        fields, reasons = (block[name].to_pylist() for name in ("field", "reason"))
        for source, field, reason in zip(sources, fields, reasons, strict=True):
            kind = (source, field, reason if by_reason else "")
            counts[kind] += 1
            examples.setdefault(kind, reason)
    return [Kind(*kind[:2], count, examples[kind]) for kind, count in counts.most_common()]


def of_source(path: Path, rows: pa.Table, source: Source) -> pa.Table:
    """Those of some dead letters that came from a source.

    Args:
        path: the store's folder.
        rows: of `letters.read`.
        source: None: those that tell none.

    Raises:
        FileNotFoundError, StoreDamaged: as `kinds` does.
    """
    found = [name == source for _, names in _blocks(path, rows) for name in names]
    return rows.filter(pa.array(found, pa.bool_()))


def _blocks(path: Path, rows: pa.Table) -> Iterator[tuple[pa.Table, list[Source]]]:
    """Blocks of rows, each with the sources of its rows."""
    # In blocks: the raw bytes of all dead letters may not fit in memory.
    for start in range(0, rows.num_rows, _AT_ONCE):
        block = rows.slice(start, _AT_ONCE)
        yield block, tallies.sources(rows_of(path, block, _RAW))
