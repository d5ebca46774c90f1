"""The options that say which column of an events file is what, for `import` and `evaluate`."""

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

from gigstream.terminal import Report

if TYPE_CHECKING:
    from consumer.files import Columns

Function = TypeVar("Function", bound=Callable[..., Report])

_OPTIONS = (
    click.option("--artist", metavar="COL", default="artist_id", show_default=True),
    click.option("--venue", metavar="COL", default="venue_id", show_default=True),
    click.option("--date", metavar="COL", default="date", show_default=True),
    click.option("--artist-name", metavar="COL", default="artist", show_default=True),
    click.option("--venue-name", metavar="COL", default="venue", show_default=True),
    click.option(
        "--no-header",
        is_flag=True,
        help="The first row is data; columns are numbered from 1: artist 1, venue 2, date 3.",
    ),
)


def column_options(function: Function) -> Function:
    """Adds the options to a command."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def columns(
    *,
    artist: str,
    venue: str,
    date: str,
    artist_name: str,
    venue_name: str,
    no_header: bool,
    id_column: str | None = None,
) -> "Columns":
    """What the options say."""
    from consumer.files import Columns

    return Columns(
        artist=artist,
        venue=venue,
        date=date,
        id=id_column,
        artist_name=artist_name,
        venue_name=venue_name,
        header=not no_header,
    )


class Day(click.ParamType[dt.date]):
    """A calendar day."""

    name = "YYYY-MM-DD"

    def convert(
        self,
        value: object,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> dt.date:
        """Reads a day; click says in its own words where it is none."""
        if isinstance(value, dt.date):
            return value
        try:
            return dt.date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no date; write it as YYYY-MM-DD", param, ctx)
