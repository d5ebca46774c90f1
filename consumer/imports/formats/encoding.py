"""The encoding of a text file, found over the whole of it.

A byte order mark decides, then NUL bytes at every other place (UTF-16), then whether all of it is
UTF-8. What is none of these is of some code page: `charset-normalizer` tells scripts apart, and
Western text, which it often takes for a neighbour's code page, is `cp1252`.
"""

import codecs
import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

import charset_normalizer
import pyarrow as pa

from consumer.imports.problems import BadFile

CHUNK_BYTES = 1 << 20
_SAMPLE_BYTES = 1 << 16
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WESTERN = "cp1252"
_LONE_RUN = 2.5  # bytes; accents stand alone or in twos, other scripts write words
_FEW = 12  # bytes, too few to tell scripts apart
_OTHER_BYTES = re.compile(rb"[\x80-\xff]+")
_UTF8_LETTER = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
# Signs inside of words, where Central European code pages have letters.
_SIGN_IN_WORD = re.compile(r"[^\W\d_][¡-¿][^\W\d_]|[¡-¿][a-z]{2}|[a-z]{2}[¡-©«-±\u00b4-¹»-¿]")


def find(path: Path, chunks: Iterable[bytes], given: str | None) -> str:
    """The encoding of a whole file, by Python's name.

    Args:
        path: For errors.
        chunks: The file, unpacked.
        given: The encoding that the user names.

    Raises:
        BadFile: It is not of the encoding that it seems to be, or that is given.
    """
    parts = iter(chunks)
    head = next(parts, b"")
    name = given or of_head(head)
    sample, decoder = bytearray(), codecs.getincrementaldecoder(name)()
    failed = _fails(decoder, head)
    for each in parts:
        failed = failed or _fails(decoder, each)
        sample += _lines_of_interest(each, _SAMPLE_BYTES - len(sample))
    if not (failed or _fails(decoder, b"", final=True)):
        return name
    if name != "utf-8" or given:
        _refuse(path, name)
    return _code_page(path, _lines_of_interest(head, _SAMPLE_BYTES) + bytes(sample))


def of_head(head: bytes) -> str:
    """The encoding that the first bytes show; UTF-8 where they do not."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    # In UTF-16 every other byte of ASCII characters is NUL.
    pairs = head[:256]
    evens, odds = pairs[::2].count(0), pairs[1::2].count(0)
    if len(pairs) > 3 and max(evens, odds) > 0.4 * len(pairs) / 2:  # noqa: PLR2004 - two units
        if evens * 4 < odds:
            return "utf-16-le"
        if odds * 4 < evens:
            return "utf-16-be"
    return "utf-8"


def known(name: str) -> bool:
    """Whether Python knows an encoding of texts by this name."""
    try:
        return isinstance("".encode(name), bytes) and bool(codecs.lookup(name))
    except (LookupError, ValueError):
        return False


def _fails(decoder: codecs.IncrementalDecoder, data: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(data, final)
    except UnicodeError:
        return True
    return False


def _lines_of_interest(data: bytes, most: int) -> bytes:
    """Lines that hold more than ASCII."""
    if most <= 0 or data.isascii():
        return b""
    return b"\n".join(line for line in data.splitlines() if not line.isascii())[:most]


def _code_page(path: Path, sample: bytes) -> str:
    # Mixed files would become garbled text in any code page.
    whole = len(_UTF8_LETTER.findall(sample))
    broken = len(_OTHER_BYTES.findall(_UTF8_LETTER.sub(b"", sample)))
    if whole > broken:
        raise BadFile(
            f"{path} is UTF-8 but for a few bytes; correct these, or name another --encoding"
        )
    runs = _OTHER_BYTES.findall(sample)
    length = sum(map(len, runs))
    # It costs time, and guesses wildly from a few letters.
    best = charset_normalizer.from_bytes(sample).best() if length >= _FEW else None
    # UTF-16 and UTF-32 were ruled out by the first bytes.
    if (
        best is None
        or best.encoding.startswith("utf")
        or _is_western(sample, best.encoding, length / len(runs))
    ):
        return _WESTERN if _decodes(sample, _WESTERN) else "latin-1"
    return str(best.encoding)


def _is_western(sample: bytes, guess: str, run: float) -> bool:
    if run >= _LONE_RUN:
        return False
    text = sample.decode(_WESTERN, "replace")
    central = guess.startswith(("cp125", "iso8859", "mac")) and guess != _WESTERN
    return not (central and _SIGN_IN_WORD.search(text))


def _decodes(sample: bytes, name: str) -> bool:
    try:
        sample.decode(name)
    except UnicodeDecodeError:
        return False
    return True


def _refuse(path: Path, name: str) -> NoReturn:
    raise BadFile(
        f"{path} is not {name.upper()} throughout; save it as UTF-8, or name its --encoding"
    )


class _Transcoded(io.RawIOBase):
    """A text in UTF-8, whatever it is in the file; has no byte order mark."""

    def __init__(self, source: pa.NativeFile, encoding: str) -> None:
        # A byte that its code page lacks late in a large file shall not end an import.
        self._source, self._left = source, b""
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any buffer
        while not self._left and not self._ended:
            data = self._source.read(CHUNK_BYTES)
            self._ended = not data
            self._left = self._decoder.decode(data, self._ended).encode("utf-8", "replace")
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count


def as_utf8(source: pa.NativeFile, encoding: str) -> pa.NativeFile:
    """The same text in UTF-8; a byte order mark may be left."""
    if encoding in {"utf-8", "ascii"}:
        return source
    return pa.PythonFile(io.BufferedReader(_Transcoded(source, encoding), CHUNK_BYTES), mode="r")
