"""Which column of a file is what, found by its heading."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from consumer.imports.problems import BadFile

_DEFAULTS = {
    "artist_id": "artist_id",
    "venue_id": "venue_id",
    "date": "date",
    "artist_name": "artist",
    "venue_name": "venue",
    "status": "status",
}
_OPTIONAL = {"artist_name", "venue_name", "status"}
# The names of artists and venues are their ids where a file has no others.
_INSTEAD = {"artist_id": "artist_name", "venue_id": "venue_name"}
_SPELT = {
    "status": ("event status", "gig status", "show status", "booking status", "eventstatus"),
    "date": ("starts_at",),
}
_NUMBERS = {"artist_id": "1", "venue_id": "2", "date": "3"}
_UNNAMED = _DEFAULTS | _NUMBERS
_OPTIONS = {
    "artist_id": "--artist",
    "venue_id": "--venue",
    "date": "--date (`import` also takes --assume-date)",
    "event_id": "--id",
    "artist_name": "--artist-name",
    "venue_name": "--venue-name",
    "status": "--status",
}
_BLANKS = re.compile(r"[\s_-]+")


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which column of a file is what; None or an empty name is not looked for.

    Names left at their default may be missing, and dates where one is assumed; every other
    column that is named must be there. Capitals, blanks, line breaks, hyphens and underscores of
    headings do not matter where none is spelt as given. Without a column of ids the names are ids.
    """

    artist: str = "artist_id"
    venue: str = "venue_id"
    date: str | None = "date"
    id: str | None = None
    artist_name: str | None = "artist"
    venue_name: str | None = "venue"
    status: str | None = "status"
    header: bool = True

    def find(self, path: Path, names: Sequence[str], *, dated: bool) -> dict[str, int]:
        """By our names, the position of each column that the file has.

        Args:
            path: For errors.
            names: The file's headings.
            dated: Whether it must have dates.

        Raises:
            BadFile: A column is missing, or two have its heading.
        """
        found, missing = self._look_up(names)
        for ours, name in missing.items():
            left_at_default = name == (_DEFAULTS if self.header else _UNNAMED).get(ours)
            may_lack = ours in _OPTIONAL or (ours == "date" and not dated)
            if not (may_lack and left_at_default):
                _refuse_missing(path, ours, name, names)
        for at in found.values():
            if names.count(names[at]) > 1:
                raise BadFile(f"{path} has two columns {names[at]!r}; rename one of them")
        return found

    def fits(self, names: Sequence[str]) -> bool:
        """Whether a row of a file may be the one with its headings."""
        found, _ = self._look_up(names)
        return found.keys() >= {"artist_id", "venue_id"}

    def unread(self, names: Sequence[str]) -> list[str]:
        """The headings of a file that no column is found by."""
        found, _ = self._look_up(names)
        return [name for at, name in enumerate(names) if name and at not in found.values()]

    def _look_up(self, names: Sequence[str]) -> tuple[dict[str, int], dict[str, str]]:
        found, missing = {}, {}
        for ours, name in self._asked().items():
            at = _position(name, names)
            if at is None:
                missing[ours] = name
            else:
                found[ours] = at
        self._take_instead(names, found, missing)
        return found, missing

    def _take_instead(
        self, names: Sequence[str], found: dict[str, int], missing: dict[str, str]
    ) -> None:
        for ours, other in _INSTEAD.items():
            if missing.get(ours) == _DEFAULTS[ours] and other in found:
                found[ours] = found[other]
                del missing[ours]
        # A column that cancels gigs shall not be passed over for its heading, and a gig's date has
        # the name that the event contract gives it.
        for ours, others in _SPELT.items():
            spelt = (_position(each, names) for each in others)
            at = next((each for each in spelt if each is not None), None)
            if missing.get(ours) == _DEFAULTS[ours] and at is not None:
                found[ours] = at
                del missing[ours]

    def _asked(self) -> dict[str, str]:
        asked = {
            "artist_id": self.artist,
            "venue_id": self.venue,
            "date": self.date,
            "event_id": self.id,
            "artist_name": self.artist_name,
            "venue_name": self.venue_name,
            "status": self.status,
        }
        named = {ours: name for ours, name in asked.items() if name}
        if self.header:
            return named
        defaults = {_DEFAULTS[ours]: number for ours, number in _NUMBERS.items()}
        return {ours: defaults.get(name, name) for ours, name in named.items()}


def _position(name: str, names: Sequence[str]) -> int | None:
    # As it is spelt first: a file may have both `Artist` and `artist`.
    if name in names:
        return names.index(name)
    plain = [_plain(each) for each in names]
    return plain.index(_plain(name)) if _plain(name) in plain else None


def _plain(name: str) -> str:
    return _BLANKS.sub(" ", name).strip().casefold()


def _refuse_missing(path: Path, ours: str, name: str, names: Sequence[str]) -> NoReturn:
    shown = ", ".join(map(repr, names))[:200]
    raise BadFile(
        f"{path} has no column {name!r} (it has {shown}); name the right one with {_OPTIONS[ours]}"
    )
