"""Options of `import` and `evaluate` that say how events files are read."""

import codecs
import datetime as dt
from collections.abc import Callable
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import click

from consumer.imports.columns import Columns
from consumer.imports.dates import format_is_valid
from consumer.imports.formats.encoding import known
from consumer.imports.reading import Reading
from consumer.imports.status_column import own_words
from gigstream.terminal import Report

Function = TypeVar("Function", bound=Callable[..., Report])

_READING = ("encoding", "delimiter", "date_format", "timezone", "status_means")


def day(_context: click.Context, _option: click.Parameter, text: str | None) -> dt.date | None:
    """The calendar day that an option gives.

    Args:
        _context: of click.
        _option: of click.
        text: what was given; None: nothing.
    """
    try:
        return None if text is None else dt.date.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no date; write it as YYYY-MM-DD") from None


def _encoding(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    if text is not None and not known(text):
        message = f"{text!r} is no encoding; name one such as cp1252, utf-16 or shift_jis"
        raise click.BadParameter(message)
    return text and codecs.lookup(text).name


def _delimiter(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    if text is None:
        return None
    found = {"tab": "\t", r"\t": "\t", "comma": ",", "semicolon": ";"}.get(text, text)
    if len(found) != 1 or not found.isascii() or found in '"\r\n\x00':
        raise click.BadParameter(f"{text!r} is no delimiter; give one character, or tab")
    return found


def _date_format(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    if text is not None and not format_is_valid(text):
        message = f"{text!r} is no format of whole dates; give one such as %d/%m/%Y, excel or epoch"
        raise click.BadParameter(message)
    return text


def _timezone(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> ZoneInfo | None:
    try:
        return None if text is None else ZoneInfo(text)
    except (LookupError, ValueError, OSError):
        message = f"{text!r} is no time zone; name one such as Europe/Berlin"
        raise click.BadParameter(message) from None


def _means(
    _context: click.Context, _option: click.Parameter, pairs: tuple[str, ...]
) -> dict[str, str]:
    try:
        return own_words({word: status for word, _, status in (p.rpartition("=") for p in pairs)})
    except ValueError as error:
        raise click.BadParameter(f"{error}, as in --status-means 'hold=cancelled'") from None


_OPTIONS = (
    click.option("--artist", metavar="COL", default="artist_id", show_default=True),
    click.option("--venue", metavar="COL", default="venue_id", show_default=True),
    click.option("--date", metavar="COL", default="date", show_default=True),
    click.option("--artist-name", metavar="COL", default="artist", show_default=True),
    click.option("--venue-name", metavar="COL", default="venue", show_default=True),
    click.option(
        "--status",
        metavar="COL",
        default="status",
        show_default=True,
        help="Column of statuses: cancelled rows do not count. Empty: it is not read.",
    ),
    click.option(
        "--status-means",
        metavar="WORD=STATUS",
        multiple=True,
        callback=_means,
        help="What a word of that column means, as in hold=cancelled; may be repeated.",
    ),
    click.option(
        "--date-format",
        metavar="FORMAT",
        callback=_date_format,
        help="Form of dates that may mean two days, as %d/%m/%Y; excel, epoch: numbers.",
    ),
    click.option(
        "--timezone",
        metavar="ZONE",
        callback=_timezone,
        help="Where days of times with an offset are counted.  [default: as written]",
    ),
    click.option(
        "--encoding", metavar="NAME", callback=_encoding, help="Of the text.  [default: found out]"
    ),
    click.option(
        "--delimiter",
        metavar="CHAR",
        callback=_delimiter,
        help="Between cells, or tab.  [default: found out]",
    ),
    click.option(
        "--no-header",
        "header",
        flag_value=False,
        default=True,
        help="The first row is data; columns are numbered from 1: artist 1, venue 2, date 3.",
    ),
)
"""Their names are those of `consumer.imports.columns.Columns` and of `Reading`."""


def column_options(function: Function) -> Function:
    """Add the options to a command."""
    # Decorators apply from the inside out; `--help` shall list them as above.
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def columns_and_reading(given: dict[str, Any]) -> tuple[Columns, Reading]:
    """What the options say."""
    reading = {name: given[name] for name in _READING[:-1]}
    columns = {name: value for name, value in given.items() if name not in _READING}
    return Columns(**columns), Reading(**reading, statuses=given["status_means"])
