"""A folder of arrays and tables, complete or absent, with the SHA-256 of every file.

Arrays are `.npy` without objects and tables are JSON: no pickle is read.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consumer.table import durable

MANIFEST = "manifest.json"

Hashes = dict[str, str]
"""SHA-256 by file name."""


def save(
    folder: Path,
    arrays: Mapping[str, NDArray[Any]],
    tables: Mapping[str, Any],
    facts: Callable[[Hashes], Mapping[str, Any]],
) -> None:
    """Write a folder, which must not exist yet.

    Args:
        folder: its final place; appears by a rename.
        arrays: by name without ending.
        tables: by name without ending; JSON-ready.
        facts: makes the manifest, which also gets the hashes as `files`.

    Raises:
        OSError: the disk is full, or not ours to write.
    """
    draft = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        for name, array in arrays.items():
            np.save(draft / f"{name}.npy", array, allow_pickle=False)
        for name, table in tables.items():
            (draft / f"{name}.json").write_bytes(as_json(table))
        hashes = {path.name: _digest(path) for path in sorted(draft.iterdir())}
        (draft / MANIFEST).write_bytes(as_json({**facts(hashes), "files": hashes}))
        # Content before the name: else a power cut may leave the name with empty files.
        durable.sync([*draft.iterdir(), draft])
        draft.rename(folder)
        durable.sync([folder.parent])
    except OSError:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def manifest(folder: Path) -> dict[str, Any]:
    """The manifest, once every file is found to match it.

    Raises:
        ValueError: one does not.
        OSError: one is missing.
    """
    read: dict[str, Any] = table(folder, "manifest")
    for name, expected in read["files"].items():
        if _digest(folder / name) != expected:
            raise ValueError(f"{name} does not match the manifest")
    return read


def table(folder: Path, name: str) -> Any:  # noqa: ANN401 - whatever JSON can say
    """What a table holds."""
    return json.loads((folder / f"{name}.json").read_bytes())


def array(folder: Path, name: str, *, mapped: bool = False) -> NDArray[Any]:
    """An array.

    Args:
        folder: what `save` wrote.
        name: without ending.
        mapped: read from the file on demand, not into memory.
    """
    path, mode = folder / f"{name}.npy", "r" if mapped else None
    read: NDArray[Any] = np.load(path, mmap_mode=mode, allow_pickle=False)  # type: ignore[arg-type]
    return read


def as_json(content: Any) -> bytes:  # noqa: ANN401 - whatever JSON can say
    """Readable JSON, in UTF-8."""
    return json.dumps(content, ensure_ascii=False, indent=1).encode()


def digest(content: bytes) -> str:
    """Its SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
