"""A log entry that we write ourselves, where Delta has no call for it.

It is whole and on the disk before it has a name, and the name is given once: a commit is there or
not, and never in the place of another one.
"""

import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from consumer import log
from consumer.parts import Part

Action = dict[str, Any]

_PATH = "/=-_."


def content(operation: str, changes: Sequence[Action], now_ms: int) -> bytes:
    """The entry's lines.

    Args:
        operation: for people who look at the log.
        changes: `add` and `remove`.
        now_ms: epoch ms.
    """
    info = {"timestamp": now_ms, "operation": operation, "operationParameters": {}}
    info[log.ACTIONS] = len(changes)
    lines = [{"commitInfo": info}, *changes]
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


def add(part: Part, *, data_change: bool) -> Action:
    """A file comes; `data_change`: with rows that readers have not seen."""
    return {
        "add": {
            "path": quote(part.path, safe=_PATH),
            "partitionValues": {"kind": part.kind},
            "size": part.size,
            "modificationTime": part.modified_ms,
            "dataChange": data_change,
            "stats": part.stats,
        }
    }


def remove(file: log.File, now_ms: int, *, data_change: bool) -> Action:
    """A file goes; `data_change`: with rows that readers must forget."""
    return {
        "remove": {
            "path": quote(file.path, safe=_PATH),
            "deletionTimestamp": now_ms,
            "dataChange": data_change,
            "extendedFileMetadata": True,
            "partitionValues": {"kind": file.kind},
            "size": file.size,
        }
    }


@contextmanager
def draft(path: Path, text: bytes) -> Iterator[Path]:
    """The entry without a name yet, on the disk; gone in the end."""
    file = path / log.FOLDER / f"_commit_{uuid.uuid4()}.json.tmp"
    try:
        file.write_bytes(text)
        log.sync([file])
        yield file
    finally:
        file.unlink(missing_ok=True)


def named(file: Path, entry: Path) -> bool:
    """Give a draft its name; false where another entry has it."""
    try:
        os.link(file, entry)
    except FileExistsError:
        return False
    return True
