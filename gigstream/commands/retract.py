"""`retract`: take an import, or all that a source has sent, out of what counts."""

from datetime import datetime

import click

from gigstream.commands.confirmation import confirm, yes_option
from gigstream.commands.dead_letters import TIME
from gigstream.settings import load
from gigstream.terminal import Report, Terminal, command
from operations import sources
from operations.audit import os_user


@command("retract")
@click.option("--source", "name", required=True, metavar="NAME", help="Such as import:gigs.")
@click.option("--since", type=TIME, help="Only what was recorded at this time or later, in UTC.")
@yes_option
def retract(terminal: Terminal, name: str, *, since: datetime | None, yes: bool) -> Report:
    """Take back an import, or what a source has sent: its statements stop counting.

    The same as `source quarantine`: the statements stay stored, and what the source sends later
    does not count either. `gigstream source release NAME` takes it back.
    """
    settings = load()
    touched = sources.preview(settings, name, since)
    if touched is not None:
        confirm(terminal, f"retract source {name!r}", touched.text, yes=yes)
    done = sources.retract(settings, os_user(), name, since)
    verb = "does not count any more" if done["changed"] else "did not count already"
    terminal.say(f"source {name} {verb}; `gigstream source release {name}` takes it back")
    return Report(done)
