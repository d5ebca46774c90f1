"""The source that a file's statements name: `import:` and the file's own name.

Known suffixes are left off (`shows.2025.csv.gz` is `shows.2025`). Files of one import whose names
meet take their folders' names too, and where these meet as well, a digest of their content. So does
a file whose name the store has as another file's (`known_sources`).
"""

import os
import unicodedata
from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

from consumer.events import MAX_ID_BYTES
from consumer.imports.problems import BadFile

_SUFFIXES = {
    ".gz", ".bz2", ".zst", ".xz", ".csv", ".tsv", ".tab", ".txt", ".parquet", ".pq", ".xlsx",
    ".xlsm", ".xlsb", ".xls", ".ods", ".json", ".jsonl", ".ndjson",
}  # fmt: skip
_PREFIX = "import:"
_CHUNK_BYTES = 1 << 20
_MAX_BYTES = MAX_ID_BYTES - len(_PREFIX)


def source_names(paths: Sequence[Path], given: str | None = None) -> list[str]:
    """The source of each file.

    Args:
        paths: The files of one import.
        given: The name that the user gives to all of them.

    Raises:
        BadFile: No event may have such a source.
    """
    if given is not None:
        return [_checked(given)] * len(paths)
    names = [_stem(path) for path in paths]
    # In rounds: a name that is unique stays short.
    for longer in (_with_folder, _with_digest):
        counts = Counter(names)
        names = [
            longer(path, name) if counts[name] > 1 else name
            for path, name in zip(paths, names, strict=True)
        ]
    return [_checked(name) for name in names]


def possible_names(path: Path) -> list[str]:
    """All sources that a file may have, the shortest first.

    Raises:
        BadFile: No event may have such a source.
    """
    stem = _stem(path)
    folder = _with_folder(path, stem)
    return [_checked(name) for name in (stem, folder, _with_digest(path, folder))]


def _stem(path: Path) -> str:
    name = _text(path.name or path.resolve().name)
    while True:
        stem, suffix = Path(name).stem, Path(name).suffix
        if suffix.lower() not in _SUFFIXES or not stem:
            return name
        name = stem


def _text(name: str) -> str:
    """A file's name as Unicode: names that are not UTF-8 are taken for Western ones."""
    # Composed: some systems decompose accents in names of files.
    raw = os.fsencode(name)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("cp1252", "replace")
    return unicodedata.normalize("NFC", text)


def _with_folder(path: Path, name: str) -> str:
    return f"{_text(path.resolve().parent.name)}/{name}"


def _with_digest(path: Path, name: str) -> str:
    digest = blake2b(digest_size=4)
    try:
        with path.open("rb") as file:
            while data := file.read(_CHUNK_BYTES):
                digest.update(data)
    except OSError:
        return name  # it is reported when it is read
    return f"{name}#{digest.hexdigest()}"


def _checked(name: str) -> str:
    source = _PREFIX + name
    remedy = "give another one with --name"
    try:
        size = len(source.encode())
    except UnicodeEncodeError:
        raise BadFile(f"the name {name!a} is not UTF-8; {remedy}") from None
    if not name or size > MAX_ID_BYTES:
        raise BadFile(f"the name {ascii(name)[:80]} is not of 1 to {_MAX_BYTES} bytes; {remedy}")
    if any(unicodedata.category(each) == "Cc" for each in name):
        raise BadFile(f"the name {ascii(name)[:80]} holds a control character; {remedy}")
    return source
