"""Ids that look alike, and ids that a spreadsheet has spoilt. Ids are opaque: all are imported."""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa

_MOST = 1_000_000
_SPOILT = re.compile(
    r"[\d.,]+E[+-]?\d+|#(?:REF!|N/A|NAME\?|VALUE!|DIV/0!|NUM!|NULL!)|#+|null|none|nan|n/a|undefined",
    re.IGNORECASE,
)
_WHOLE = re.compile(r"0*(\d+?)(?:\.0+)?")


class Doubt(NamedTuple):
    """Ids that deserve a look.

    Attributes:
        rows: How many rows have them.
        row: The first of these rows.
        text: What is doubtful.
    """

    rows: int
    row: int
    text: str


class LookAlikes:
    """The ids of one column; 100 bytes for each distinct one, of a million at most.

    Args:
        side: artist or venue, for texts.
    """

    def __init__(self, side: str) -> None:
        self._side = side
        self._seen: dict[str, list[int]] = {}  # of each id: its first row, how many rows

    def add(self, numbers: pa.Array, ids: pa.Array) -> None:
        """Take a batch of rows: their numbers and ids."""
        groups = pa.table({"id": ids, "row": numbers}).group_by("id", use_threads=False)
        found = groups.aggregate([("row", "min"), ("row", "count")])
        for text, first, count in zip(*(found[n].to_pylist() for n in _FACTS), strict=True):
            if text in self._seen:
                self._seen[text][1] += count
            # Beyond that new ids are not compared: the file is too large to be looked at by hand.
            elif len(self._seen) < _MOST:
                self._seen[text] = [first, count]

    def doubts(self) -> Iterator[Doubt]:
        """What is doubtful, in order of rows."""
        alike: dict[str, list[str]] = {}
        for text in self._seen:
            alike.setdefault(folded(text), []).append(text)
        found = [self._spoilt(text) for text in self._seen if _SPOILT.fullmatch(text.strip())]
        found += [self._alike(texts) for texts in alike.values() if len(texts) > 1]
        found += [self._blanks(text) for text in self._seen if _edged(text, alike)]
        yield from sorted(found, key=lambda doubt: doubt.row)

    def _spoilt(self, text: str) -> Doubt:
        first, rows = self._seen[text]
        return Doubt(rows, first, f"{self._side} {text!a} is what a spreadsheet makes of an id")

    def _alike(self, texts: list[str]) -> Doubt:
        rows = sum(self._seen[text][1] for text in texts)
        texts = sorted(texts, key=lambda text: self._seen[text][0])
        shown = ", ".join(ascii(text) for text in texts[:5])
        first = self._seen[texts[0]][0]
        return Doubt(rows, first, f"{self._side}s {shown} look alike and count as {len(texts)}")

    def _blanks(self, text: str) -> Doubt:
        first, rows = self._seen[text]
        return Doubt(rows, first, f"{self._side} {text!a} begins or ends with a blank")


_FACTS = ("id", "row_min", "row_count")


def folded(text: str) -> str:
    """An id without what the eye does not see: blanks, capitals, ways to write accents."""
    # NFKC joins letters with their accents and makes a no-break space a blank.
    plain = unicodedata.normalize("NFKC", text).casefold()
    # Cf: zero-width spaces and joiners, byte order marks, soft hyphens.
    plain = "".join(each for each in plain if unicodedata.category(each) != "Cf")
    plain = " ".join(plain.split())
    whole = _WHOLE.fullmatch(plain)
    return whole[1] if whole else plain


def _edged(text: str, alike: dict[str, list[str]]) -> bool:
    return text != text.strip() and len(alike[folded(text)]) == 1
