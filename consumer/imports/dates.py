"""Calendar days, as people and spreadsheets write them.

A form is unambiguous where it names the year in four digits and the month by a word or by its
place: `2026-05-01`, `20260501`, `1 May 2026`, `May 1, 2026`, `1.5.2026` (with points the day is
first). Of `03/04/2026` the whole column decides which number is the day; if it cannot, such dates
are refused. A time behind the date is dropped, or with a time zone moved there first.
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

Order = Literal["dmy", "mdy", "both", "unknown"]
"""Which of two numbers is the day in all dates of a column; both: some need the one, some the
other."""

WRITE_ISO = "is no date; write it as YYYY-MM-DD"
_PLACEHOLDERS = {
    "tba",
    "tbc",
    "tbd",
    "t.b.a.",
    "n/a",
    "?",
    "??",
    "???",
    "-",
    "--",
    "unknown",
    "offen",
}
_TIME = r"(?:[01]\d|2[0-3]):?[0-5]\d(?::?[0-5]\d(?:[.,]\d+)?)?"
_ISO_DAY = r"^\s*\d{4}-\d\d-\d\d\s*$"
_ISO = rf"^\s*\d{{4}}-\d\d-\d\d(?:[T ]{_TIME}\s*(?:Z|[+-]\d\d(?::?\d\d)?)?)?\s*$"
_DAYS = (
    "mon|tue|wed|thu|fri|sat|sun|mo|di|mi|do|fr|sa|so|lun|mar|mer|jeu|ven|sam|dim|mie|jue|vie|sab"
    "|dom"
)
_CLOCK = re.compile(
    r"(?:[T ,]\s*|\s+(?:at|um)\s+)(\d{1,2})[:.h](\d\d)(?::(\d\d)(?:[.,]\d+)?)?\s*"
    r"(?:([ap])\.?m\.?|uhr)?"
    r"\s*(Z|UTC|GMT|[+-]\d\d:?(?:\d\d)?)?(?:\[[\w/+-]+\])?$",
    re.IGNORECASE,
)
_WEEKDAY = re.compile(rf"(?:{_DAYS})[a-z]*\.?,?\s+(?=.*\d)", re.IGNORECASE)
_YMD = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})")
_COMPACT = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)()")
_TWO = re.compile(r"(\d{1,2})([-/.])\s?(\d{1,2})\2\s?(\d{4})")
_DAY_WORD = re.compile(
    r"(\d{1,2})(?:st|nd|rd|th|\.)?[\s/-]*(?:of |de )?([a-z]{3,10})\.?,?[\s/-]*(?:de )?(\d{4})"
)
_WORD_DAY = re.compile(r"([a-z]{3,10})\.?[\s/-]*(\d{1,2})(?:st|nd|rd|th)?,?[\s/-]+(\d{4})")
# By their beginnings without accents, in English, German, French, Spanish, Italian and Dutch.
_MONTHS = {
    1: "jan gen ene", 2: "feb fev", 3: "mar maer mrz maa", 4: "apr avr abr", 5: "may mai mag mei",
    6: "jun juin giu", 7: "jul juil lug", 8: "aug aou ago", 9: "sep set", 10: "oct okt ott out",
    11: "nov", 12: "dec dez dic",
}  # fmt: skip
_MONTH_OF = {word: number for number, words in _MONTHS.items() for word in words.split()}
_EXCEL_EPOCH = dt.date(1899, 12, 30)


@dataclass(frozen=True)
class Refused:
    """A text that is no day: `empty` where none is given yet, and what to do."""

    remedy: str
    empty: bool = False


class DateReader:
    """Reads the dates of one file.

    Args:
        date_format: A pattern of `strptime`, `excel` (days since 1899-12-30) or `epoch` (seconds
            since 1970); tried before all others.
        timezone: Where the days of instants with an offset are counted.
        column: Reads the whole column again; asked for only where its numbers must decide.
    """

    def __init__(
        self,
        date_format: str | None,
        timezone: ZoneInfo | None,
        column: Callable[[], Iterable[pa.Array]],
    ) -> None:
        self._format, self._timezone, self._column = date_format, timezone, column
        self._known_order: Order | None = None

    def read(self, texts: pa.Array) -> tuple[pa.Array, dict[str | None, Refused]]:
        """Days (date32, null where there is none), and why, by the text."""
        plain = _ISO_DAY if self._timezone else _ISO
        iso = pc.fill_null(pc.match_substring_regex(texts, plain), fill_value=False)
        # Most files have nothing else: Arrow reads them without a loop in Python.
        if self._format is None and pc.all(iso).as_py():
            days = pc.utf8_slice_codeunits(pc.utf8_ltrim_whitespace(texts), 0, 10)
            try:
                return days.cast(pa.date32()), {}
            except pa.ArrowInvalid:
                pass  # a day like 2015-02-30: the slow way tells which
        # A day is written the same way on many rows.
        found = {text: self._read(text) for text in pc.unique(texts).to_pylist()}
        refused = {text: day for text, day in found.items() if isinstance(day, Refused)}
        days = [None if text in refused else found[text] for text in texts.to_pylist()]
        return pa.array(days, pa.date32()), refused

    def _read(self, text: str | None) -> dt.date | Refused:
        plain = (text or "").strip()
        if not plain or plain.casefold().rstrip(".") in _PLACEHOLDERS:
            return Refused(WRITE_ISO, empty=True)
        given = _by_format(plain, self._format) if self._format else None
        return given or self._unambiguous(plain)

    def _unambiguous(self, text: str) -> dt.date | Refused:
        day = self._with_time(text)
        # Only then: `mar` may be a Tuesday, or March.
        if isinstance(day, Refused) and _WEEKDAY.match(text):
            return self._with_time(_WEEKDAY.sub("", text, count=1))
        return day

    def _with_time(self, text: str) -> dt.date | Refused:
        clock = _CLOCK.search(text)
        day = self._day(text[: clock.start()] if clock else text)
        if isinstance(day, Refused) or clock is None:
            return day
        return self._moved(day, clock)

    def _day(self, text: str) -> dt.date | Refused:
        text = text.strip()
        # Once more: a time behind the date was taken off.
        if self._format and (given := _by_format(text, self._format)):
            return given
        ymd = _YMD.fullmatch(text)
        if ymd:
            return _date(ymd[1], ymd[3], ymd[4])
        compact = _COMPACT.fullmatch(text)
        if compact:
            return _date(compact[1], compact[2], compact[3])
        two = _TWO.fullmatch(text)
        return self._of_two(two) if two else _with_word(text)

    def _of_two(self, two: re.Match[str]) -> dt.date | Refused:
        """Day and month as numbers, of which one is first."""
        first, second = int(two[1]), int(two[3])
        # The number that is no month is the day, whatever the rest of the column has.
        if first > 12 or second > 12 or first == second:  # noqa: PLR2004 - months
            day, month = (second, first) if second > 12 else (first, second)  # noqa: PLR2004
            return _date(two[4], month, day)
        # Asked for late: it reads the whole file once more.
        order = self._order()
        if order in ("unknown", "both") and not (two[2] == "." and order == "unknown"):
            return Refused(
                "may be day/month or month/day; say which with --date-format "
                f"%d{two[2]}%m{two[2]}%Y or %m{two[2]}%d{two[2]}%Y"
            )
        return _date(two[4], first, second) if order == "mdy" else _date(two[4], second, first)

    def _order(self) -> Order:
        if self._known_order is None:
            self._known_order = order_of(self._column())
        return self._known_order

    def _moved(self, day: dt.date, clock: re.Match[str]) -> dt.date | Refused:
        hour = int(clock[1]) % 12 + 12 * (clock[4] in "pP") if clock[4] else int(clock[1])
        try:
            local = dt.datetime.combine(day, dt.time(hour, int(clock[2]), int(clock[3] or 0)))
        except ValueError:
            return Refused("has a time that no clock shows; correct it")
        if self._timezone is None or not clock[5]:
            return day
        return (local - _offset(clock[5])).replace(tzinfo=dt.UTC).astimezone(self._timezone).date()


def order_of(columns: Iterable[pa.Array]) -> Order:
    """Which of two numbers is the day, by the dates of a column where one is larger than 12."""
    day_first = month_first = False
    for texts in columns:
        for text in pc.unique(texts).to_pylist():
            two = _TWO.match(_WEEKDAY.sub("", (text or "").strip(), count=1))
            day_first = day_first or bool(two and int(two[1]) > 12 >= int(two[3]))  # noqa: PLR2004
            month_first = month_first or bool(two and int(two[3]) > 12 >= int(two[1]))  # noqa: PLR2004
    if day_first and month_first:
        return "both"
    return "dmy" if day_first else "mdy" if month_first else "unknown"


def format_is_valid(pattern: str) -> bool:
    """Whether a date format is one that `DateReader` takes."""
    if pattern in ("excel", "epoch"):
        return True
    try:
        # A pattern that lacks day, month or year does not come back as the same day.
        shown = dt.datetime(2026, 5, 14, tzinfo=dt.UTC).strftime(pattern)
        return dt.datetime.strptime(shown, pattern).date() == dt.date(2026, 5, 14)  # noqa: DTZ007
    except ValueError:
        return False


def _by_format(text: str, pattern: str) -> dt.date | None:
    try:
        if pattern == "excel":
            return _EXCEL_EPOCH + dt.timedelta(days=int(float(text)))
        if pattern == "epoch":
            seconds = float(text)
            return dt.datetime.fromtimestamp(seconds, dt.UTC).date()
        return dt.datetime.strptime(text, pattern).date()  # noqa: DTZ007 - a day alone
    except (ValueError, OverflowError, OSError):
        return None


def _with_word(text: str) -> dt.date | Refused:
    # `März` is `maerz`, other letters lose their accents: `août` is `aout`.
    plain = unicodedata.normalize("NFKD", text.casefold().replace("ä", "ae"))
    plain = "".join(each for each in plain if not unicodedata.combining(each))
    for pattern, day, word in ((_DAY_WORD, 1, 2), (_WORD_DAY, 2, 1)):
        found = pattern.fullmatch(plain)
        month = found and next(
            (_MONTH_OF[found[word][:n]] for n in (4, 3) if found[word][:n] in _MONTH_OF), None
        )
        if found and month:
            return _date(found[3], month, found[day])
    return Refused(_remedy(text))


def _remedy(text: str) -> str:
    if re.fullmatch(r"[2-6]\d{4}(?:\.\d+)?", text):
        return "looks like a spreadsheet's day number; read it with --date-format excel"
    if re.fullmatch(r"\d{9,10}(?:\.0)?", text):
        return "looks like seconds since 1970; read it with --date-format epoch"
    if re.fullmatch(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2}", text):
        return "has no year in four digits; say how to read it with --date-format"
    return WRITE_ISO


def _date(year: str | int, month: str | int, day: str | int) -> dt.date | Refused:
    try:
        return dt.date(int(year), int(month), int(day))
    except ValueError:
        return Refused(WRITE_ISO)


def _offset(text: str) -> dt.timedelta:
    digits = re.sub(r"\D", "", text).ljust(4, "0")
    size = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -size if text.startswith("-") else size
