"""Options of `import` and `evaluate` that name the columns of an events file."""

import datetime as dt
from collections.abc import Callable
from typing import TypeVar

import click

from gigstream.terminal import Report

Function = TypeVar("Function", bound=Callable[..., Report])

_OPTIONS = (
    click.option("--artist", metavar="COL", default="artist_id", show_default=True),
    click.option("--venue", metavar="COL", default="venue_id", show_default=True),
    click.option("--date", metavar="COL", default="date", show_default=True),
    click.option("--artist-name", metavar="COL", default="artist", show_default=True),
    click.option("--venue-name", metavar="COL", default="venue", show_default=True),
    click.option(
        "--no-header",
        "header",
        flag_value=False,
        default=True,
        help="The first row is data; columns are numbered from 1: artist 1, venue 2, date 3.",
    ),
)
"""Their names are those of `consumer.imports.files.Columns`."""


def column_options(function: Function) -> Function:
    """Add the options to a command."""
    # Decorators apply from the inside out; `--help` shall list them as above.
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


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
