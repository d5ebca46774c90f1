"""Replaces files of the store by ones without some rows, in one Delta commit.

Delta's own delete would read every file into one plan and leaves old files for time travel. This
goes file by file, in runs of rows. The commit is written here and not by Delta, which has no call
for it; whoever commits has the store for himself (`writers.exclusive`).
"""

import os
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pyarrow as pa

from consumer import log, parts
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
    actions = [
        *(_remove(each.file, now_ms) for each in replacements),
        *(_add(part) for part in added),
    ]
    info = {
        "timestamp": now_ms,
        "operation": "DELETE",
        "operationParameters": {},
        log.ACTIONS: len(actions),
    }
    lines = [msgspec.json.encode(action) for action in ({"commitInfo": info}, *actions)]
    return _put(path, version, b"\n".join(lines) + b"\n")


def _put(path: Path, version: int, content: bytes) -> bool:
    """The entry appears whole or not at all, and never over another one."""
    entry = log.entry_path(path, version)
    draft = entry.with_name(f"_commit_{uuid.uuid4()}.json.tmp")
    draft.write_bytes(content)
    log.sync([draft])
    try:
        os.link(draft, entry)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    log.sync([entry.parent])
    return True


def _add(part: Part) -> dict[str, Any]:
    return {
        "add": {
            "path": _escaped(part.path),
            "partitionValues": {"kind": part.kind},
            "size": part.size,
            "modificationTime": part.modified_ms,
            "dataChange": True,
            "stats": part.stats,
        }
    }


def _remove(file: log.File, now_ms: int) -> dict[str, Any]:
    return {
        "remove": {
            "path": _escaped(file.path),
            "deletionTimestamp": now_ms,
            "dataChange": True,
        }
    }


def _escaped(path: str) -> str:
    return quote(path, safe="/=")
