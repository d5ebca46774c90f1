"""JSON Lines in the contract's own fields: each line is what a booking system would send.

A file is one where its first object has `event_id` and `time`. A line that names no source has
the import's.
"""

import codecs
import lzma
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pyarrow as pa

from consumer.events import Event, InvalidEvent, decode
from consumer.events.statuses import Words
from consumer.imports.formats.encoding import as_utf8, of_head
from consumer.imports.formats.json_rows import lines
from consumer.imports.formats.kind import HEAD_BYTES
from consumer.imports.formats.open import text_encoding
from consumer.imports.formats.stream import Stream
from consumer.imports.problems import Problem, Problems

_OWN = {"event_id", "time"}


class ContractLines:
    """A file of statements.

    Args:
        path: The file.
        encoded: Its encoding, where it is not to be found out.
        statuses: What sources' own words for a status mean.

    Raises:
        BadFile: It is no text that can be read.
    """

    def __init__(
        self, path: Path, encoded: str | None = None, statuses: Words | None = None
    ) -> None:
        self._path, self._statuses = path, statuses
        self._encoding, _ = text_encoding(path, encoded)
        self._stream = Stream(path)

    def read(self, source: str, problems: Problems) -> Iterator[tuple[int, Event]]:
        """Numbers of the lines and what they state; lines that break the contract are left out.

        Args:
            source: Of lines that name none.
            problems: Takes the others.
        """
        for number, value in lines(self._path, self._stream, self._encoding):
            try:
                event = self._judge(value)
            except InvalidEvent as error:
                problems.add(Problem(self._path, number, None, "", str(error)))
            else:
                # The consumer's default source would be shared by all files.
                named = event.source != "default"
                yield number, event if named else msgspec.structs.replace(event, source=source)

    def _judge(self, value: bytes) -> Event:
        # The record's timestamp will be that of its sending: now.
        now_ms = time.time_ns() // 1_000_000
        event = decode(value, record_ms=now_ms, now_ms=now_ms, statuses=self._statuses)
        if not isinstance(event, Event):
            raise TypeError("a value is no tombstone")
        return event

    def share(self) -> float:
        """Part of the file read so far, 0 to 1."""
        return self._stream.share()


def is_contract(path: Path) -> bool:
    """Whether a file, of any kind, holds JSON Lines in the contract's fields."""
    try:
        head = Stream(path).bytes.read(HEAD_BYTES)
        text = as_utf8(pa.BufferReader(head), of_head(head)).read(HEAD_BYTES)
    except (OSError, EOFError, lzma.LZMAError, pa.ArrowException):
        return False  # it is reported when it is read
    line = text.removeprefix(codecs.BOM_UTF8).lstrip().split(b"\n")[0]
    try:
        return msgspec.json.decode(line, type=dict[str, msgspec.Raw]).keys() >= _OWN
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
