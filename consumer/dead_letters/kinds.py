"""Kinds of dead letters: how many came from each source for each field, and an example."""

from collections import Counter
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


def kinds(path: Path, rows: pa.Table) -> list[Kind]:
    """The kinds among some dead letters, the most frequent first.

    Args:
        path: the store's folder.
        rows: of `letters.read`, the newest first.

    Raises:
        FileNotFoundError: a file was compacted away: read again.
        StoreDamaged: a file is unreadable.
    """
    counts, examples = Counter[tuple[Source, str]](), dict[tuple[Source, str], str]()
    # In blocks: the raw bytes of all dead letters may not fit in memory.
    for start in range(0, rows.num_rows, _AT_ONCE):
        block = rows.slice(start, _AT_ONCE)
        found = zip(
            tallies.sources(rows_of(path, block, _RAW)), block["field"].to_pylist(), strict=True
        )
        for kind, reason in zip(found, block["reason"].to_pylist(), strict=True):
            counts[kind] += 1
            examples.setdefault(kind, reason)
    return [Kind(*kind, count, examples[kind]) for kind, count in counts.most_common()]
