"""Finds ids by a part of their name or of themselves, from the live model's names."""

import time
from collections.abc import Sequence
from typing import NamedTuple

from serving.lookup import Side
from serving.reader.reading import plain_text
from web.live.model import Known, LiveModel

_FRESH_S = 20.0
_SIDES: tuple[Side, Side] = ("artist", "venue")


class Hit(NamedTuple):
    """An artist or venue that was found."""

    side: Side
    id: str
    name: str | None
    plays: int


class _Line(NamedTuple):
    text: str
    known: Known
    side: Side


class Finder:
    """Keeps all names ready: reading them from Redis takes too long for every letter that is typed.

    Args:
        live: the live model.
    """

    def __init__(self, live: LiveModel) -> None:
        self._live = live
        self._lines: Sequence[_Line] = ()
        self._until_s = 0.0

    def find(self, text: str, most: int) -> list[Hit]:
        """What contains a text, closest first, then by plays.

        Args:
            text: part of a name or an id, whatever its case and accents.
            most: how many at most.
        """
        self._refresh(time.monotonic())
        # As all names are kept: without case and accents.
        wanted = plain_text(text.strip())
        if not wanted:
            return []
        found = [line for line in self._lines if wanted in line.text]
        found.sort(key=lambda line: (_closeness(line.text, wanted), -line.known.plays, line.text))
        return [Hit(line.side, *line.known) for line in found[:most]]

    def _refresh(self, now_s: float) -> None:
        if now_s < self._until_s:
            return
        # Replaced as a whole: other threads read it.
        self._lines = [
            _Line(plain_text(f"{known.name or ''}\n{known.id}"), known, side)
            for side in _SIDES
            for known in self._live.all_known(side)
        ]
        self._until_s = now_s + _FRESH_S if self._lines else 0.0


def _closeness(text: str, wanted: str) -> int:
    """0: the whole name or id; 1: its beginning; 2: the beginning of a word; 3: within one."""
    parts = text.split("\n")
    if wanted in parts:
        return 0
    if any(part.startswith(wanted) for part in parts):
        return 1
    return 2 if f" {wanted}" in text else 3
