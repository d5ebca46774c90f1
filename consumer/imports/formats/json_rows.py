"""JSON: one object a line (JSON Lines), or one array of objects. Each object is a row.

An array is in memory while it is read: it may not be larger than 64 MiB.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import msgspec

from consumer.imports.formats import encoding
from consumer.imports.formats.source import Line, Rows, tables
from consumer.imports.formats.stream import Stream
from consumer.imports.problems import BadFile, Problem, Problems, shown, unreadable

MAX_LINE_BYTES = 16 << 20
_MAX_ARRAY_BYTES = 64 << 20
_SEEN_FIRST = 200
_REMEDY = "is no JSON object; correct or remove the line"


class JsonRows:
    """A file of JSON objects; their fields are its columns, those of the first 200 objects.

    Args:
        path: The file.
        encoded: Its encoding.
        array: Whether it is one array; else it has an object in each line.

    Raises:
        BadFile: It cannot be read, or holds no object.
    """

    def __init__(self, path: Path, encoded: str, *, array: bool) -> None:
        self._path, self._stream = path, Stream(path)
        self._objects = (
            _elements(path, self._stream, encoded) if array else lines(path, self._stream, encoded)
        )
        # Fields that only later objects have are no columns: rows are not read twice for them.
        self._first = list(islice(self._objects, _SEEN_FIRST))
        objects = [_object(value) for _, value in self._first]
        self.names = list(dict.fromkeys(chain.from_iterable(each for each in objects if each)))
        if not self.names:
            raise BadFile(f"{path} holds no JSON object; give one object a line")
        self.about = "a JSON array" if array else "JSON Lines"

    def read(self, wanted: Sequence[int], problems: Problems) -> Iterator[Rows]:
        """See `Source`."""
        yield from tables(self._rows(problems), wanted)

    def _rows(self, problems: Problems) -> Iterator[Line]:
        for number, value in chain(self._first, self._objects):
            found = _object(value)
            if found is None:
                problems.add(Problem(self._path, number, None, "", f"{shown(value)} {_REMEDY}"))
            else:
                yield Line(number, [_text(found.get(name)) for name in self.names])

    def share(self) -> float:
        """See `Source`."""
        return self._stream.share()


def lines(path: Path, stream: Stream, encoded: str) -> Iterator[tuple[int, bytes]]:
    """Numbers and bytes of the lines of a file that are not blank, in UTF-8.

    Args:
        path: For errors.
        stream: The file's.
        encoded: Its encoding.

    Raises:
        BadFile: It cannot be read, or a line is longer than 16 MiB.
    """
    text, left, number = encoding.as_utf8(stream.bytes, encoded), b"", 0
    try:
        while data := text.read(encoding.CHUNK_BYTES):
            *whole, left = (left + data).split(b"\n")
            if len(left) > MAX_LINE_BYTES:
                raise BadFile(f"{path} row {number + 1} is longer than 16 MiB; split the file")
            for line in whole:
                number += 1
                if line.strip(_MARKS):
                    yield number, line.strip(_MARKS)
    except (OSError, EOFError, UnicodeError) as error:
        unreadable(path, error)
    if left.strip(_MARKS):
        yield number + 1, left.strip(_MARKS)


_MARKS = b"\xef\xbb\xbf \t\r\n\x00\x1a"


def _elements(path: Path, stream: Stream, encoded: str) -> Iterator[tuple[int, bytes]]:
    """Numbers and bytes of the elements of an array."""
    try:
        data = encoding.as_utf8(stream.bytes, encoded).read(_MAX_ARRAY_BYTES + 1)
        if len(data) > _MAX_ARRAY_BYTES:
            raise BadFile(f"{path} is a JSON array of more than 64 MiB; write one object a line")
        elements = msgspec.json.decode(data.strip(_MARKS), type=list[msgspec.Raw])
    except (OSError, EOFError, UnicodeError, msgspec.DecodeError, RecursionError) as error:
        unreadable(path, error)
    yield from enumerate(map(bytes, elements), 1)


def _object(value: bytes) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(value, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()
