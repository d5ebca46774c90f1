"""Replaces files of the store by ones without some rows, in one Delta commit.

Delta's own delete would read every file into one plan and leaves old files for time travel. This
goes file by file, in runs of rows. The commit is ours, as Delta has no call for it; whoever commits
has the store for himself (`writers.exclusive`).
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from consumer import entry, log, parts
from consumer.parts import Part
from consumer.sieve import LOOKED_AT, Sieve

_RUN = 50_000


@dataclass(frozen=True)
class Replacement:
    """A file that must go.

    Attributes:
        file: which.
        part: what comes in its place; None: no row is left of it.
        dropped: how many rows are not in `part`.
        scrubbed: how many rows are there with less in ``extra``.
    """

    file: log.File
    part: Part | None
    dropped: int
    scrubbed: int


def replacement(path: Path, file: log.File, sieve: Sieve) -> Replacement | None:
    """Write a file anew where the sieve takes anything out of it; else None.

    Raises:
        FileNotFoundError: it was compacted away meanwhile.
        StoreDamaged: it cannot be read.
    """
    if file.kind not in LOOKED_AT:
        return None
    columns = pa.schema([parts.STORED.field(name) for name in LOOKED_AT[file.kind]])
    dropped = scrubbed = 0
    for rows in parts.stream(path, file, columns, _RUN):
        sifted = sieve.sift(file.kind, rows)
        dropped, scrubbed = dropped + sifted.dropped, scrubbed + sifted.scrubbed
    if not dropped and not scrubbed:
        return None
    part = parts.write(path, file.kind, _sifted(path, file, sieve))
    return Replacement(file, part, dropped, scrubbed)


def _sifted(path: Path, file: log.File, sieve: Sieve) -> Iterator[pa.Table]:
    for rows in parts.stream(path, file, parts.STORED, _RUN):
        yield sieve.sift(file.kind, rows).rows


def commit(
    path: Path, version: int, replacements: Iterable[Replacement], more: Iterable[Part | None]
) -> bool:
    """Commit as this version: files replaced, and other ones added; positions stay.

    Returns:
        Whether it was; False: somebody else has committed that version.
    """
    replacements = list(replacements)
    now_ms = time.time_ns() // 1_000_000
    added = [part for part in (*(each.part for each in replacements), *more) if part is not None]
    changes = [entry.remove(each.file, now_ms, data_change=True) for each in replacements]
    changes += [entry.add(part, data_change=True) for part in added]
    with entry.draft(path, entry.content("DELETE", changes, now_ms)) as draft:
        if not entry.named(draft, log.entry_path(path, version)):
            return False
    log.sync([path / log.FOLDER])
    return True
