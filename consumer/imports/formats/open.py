"""Opens a file as what its first bytes show."""

import lzma
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from consumer.imports.columns import Columns
from consumer.imports.formats import encoding, kind
from consumer.imports.formats.delimited import Delimited
from consumer.imports.formats.json_rows import JsonRows
from consumer.imports.formats.parquet import Parquet
from consumer.imports.formats.source import Source
from consumer.imports.formats.stream import Stream
from consumer.imports.formats.workbook import Workbook
from consumer.imports.problems import BadFile, unreadable


def source(
    path: Path, columns: Columns, *, encoded: str | None = None, delimiter: str | None = None
) -> Source:
    """A file, ready to be read.

    Args:
        path: The file.
        columns: What its headings are.
        encoded: Its encoding, where it is not to be found out.
        delimiter: Its delimiter, where it is not to be found out.

    Raises:
        BadFile: It cannot be read, is of a kind that is not read, or has no row.
    """
    head = _raw_head(path)
    if kind.is_parquet(head):
        return Parquet(path)
    if kind.is_archive(head) or kind.is_old_office(head):
        return Workbook(path, columns)
    found, first = text_encoding(path, encoded)
    if first in (b"{", b"["):
        return JsonRows(path, found, array=first == b"[")
    return Delimited(path, found, columns, delimiter)


def text_encoding(path: Path, given: str | None) -> tuple[str, bytes]:
    """The encoding of a text file, and its first character that is not blank, in UTF-8.

    Args:
        path: The file.
        given: The encoding that the user names.

    Raises:
        BadFile: It is no text, is empty, or is not of that encoding.
    """
    try:
        head = Stream(path).bytes.read(kind.HEAD_BYTES)
        _refuse_kind(path, head)
        found = encoding.find(path, _chunks(path), given)
        start = encoding.as_utf8(pa.BufferReader(head), found).read(kind.HEAD_BYTES)
    except (OSError, EOFError, lzma.LZMAError, pa.ArrowException, UnicodeError) as error:
        unreadable(path, error)
    plain = start.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n\x00\x1a")
    if not plain:
        raise BadFile(f"{path} is empty; give a file with at least one row")
    # In another encoding than ASCII's family the kind shows only now.
    _refuse_kind(path, plain)
    return found, plain[:1]


def _raw_head(path: Path) -> bytes:
    try:
        with path.open("rb") as raw:
            return raw.read(kind.HEAD_BYTES)
    except OSError as error:
        unreadable(path, error)


def _chunks(path: Path) -> Iterator[bytes]:
    stream = Stream(path)
    while data := stream.bytes.read(encoding.CHUNK_BYTES):
        yield data


def _refuse_kind(path: Path, head: bytes) -> None:
    refused = kind.refused(head)
    if refused:
        raise BadFile(f"{path} is {refused[0]}; {refused[1]}")
    inside = kind.inside(head)
    if inside:
        raise BadFile(f"{path} holds {inside}; unpack it first")
