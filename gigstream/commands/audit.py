"""`audit`: what operators have done, by command, API or console."""

import sys
from collections.abc import Mapping
from typing import Any

import click

from gigstream.settings import load
from gigstream.tables import Rows, bounded
from gigstream.terminal import Report, Terminal, command
from operations.audit import lines

_COLUMNS = ("when", "who", "by", "what", "with", "outcome")
_PROSE = {"with", "outcome"}


@command("audit")
@click.option("-n", default=50, show_default=True, type=click.IntRange(1), help="How many.")
def audit(terminal: Terminal, *, n: int) -> Report:
    """List what operators have done, by command, API or console, newest first.

    Merges, erasures, quarantines, replays, roll-backs and refits are on it, done or refused; events
    are not. The file is audit.jsonl in the home.
    """
    kept = lines(load().home, sys.maxsize)
    found = kept[:n]
    empty = "no operator has done anything yet"
    terminal.say(Rows(_COLUMNS, [*map(_row, found)], prose=_PROSE, empty=empty))
    terminal.remark(*bounded(len(found), len(kept)))
    return Report({"audit": found})


def _row(line: Mapping[str, Any]) -> tuple[str, ...]:
    given = ", ".join(f"{name}={_text(value)}" for name, value in line["arguments"].items())
    outcome = ": ".join(filter(None, (line["outcome"], line["detail"])))
    return line["at"], line["who"], f"{line['via']} {line['origin']}", line["what"], given, outcome


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
