"""`source`: what each booking system has sent, and whether its statements count."""

from datetime import datetime
from typing import Any

import click

from gigstream.commands.confirmation import confirm, yes_option
from gigstream.commands.dead_letters import TIME
from gigstream.settings import load
from gigstream.tables import Rows
from gigstream.terminal import Report, Terminal, command
from operations import sources
from operations.audit import os_user

_COLUMNS = ("source", "state", "gigs", "share", "statements", "dead_letters", "first", "last")


@click.group("source")
def source() -> None:
    """Booking systems: list them, quarantine one, release it again."""


@command("list")
def list_(terminal: Terminal) -> Report:
    """List all sources: gigs that count and their share, statements, dead letters, state.

    `first` and `last` are the times of the earliest and the latest record.
    """
    found = sources.listed(load())
    rows = [tuple(_cell(each, name) for name in _COLUMNS) for each in found]
    terminal.say(Rows(_COLUMNS, rows, empty="no source has sent anything yet"))
    return Report({"sources": found})


@command("quarantine")
@click.argument("name", metavar="NAME")
@click.option("--since", type=TIME, help="Only what was recorded at this time or later, in UTC.")
@click.option("--unseen", is_flag=True, help="A source that has sent nothing yet is meant, too.")
@yes_option
def quarantine(
    terminal: Terminal, name: str, *, since: datetime | None, unseen: bool, yes: bool
) -> Report:
    """Stop counting what a source has sent, and what it sends from now on.

    Its statements stay stored: the lists follow as if they were not there. `release` takes it back.
    """
    settings = load()
    # Not with --yes: to count what it touches settles the whole store, and a script is in a hurry.
    touched = None if yes else sources.preview(settings, name, since, unseen=unseen)
    if touched is not None:
        confirm(terminal, f"quarantine source {name!r}", touched.text, yes=yes)
    return _said(terminal, sources.quarantine(settings, os_user(), name, since, unseen=unseen))


@command("release")
@click.argument("name", metavar="NAME")
def release(terminal: Terminal, name: str) -> Report:
    """Count what a quarantined source has sent again."""
    return _said(terminal, sources.release(load(), os_user(), name), "released")


source.add_command(list_)
source.add_command(quarantine)
source.add_command(release)


def _said(terminal: Terminal, done: dict[str, Any], status: str = "quarantined") -> Report:
    name, since = done["source"], done["since"]
    verb = "is" if done["changed"] else "was already"
    terminal.say(f"source {name} {verb} {status}" + (f" from {since} on" if since else ""))
    if not done["statements"] and not done["dead_letters"]:
        terminal.remark(f"nothing of a source {name!r} is stored; see `gigstream source list`")
    return Report(done)


def _cell(found: dict[str, Any], name: str) -> str:
    value = found[name]
    if value is None:
        return "-"
    if name == "share":
        return f"{value:.1%}"
    if name == "state" and found["since"]:
        return f"{value} from {found['since']}"
    return f"{value:,}" if isinstance(value, int) else str(value)
