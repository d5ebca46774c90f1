"""`retract`: take an import, or all that a source has sent, out of what counts."""

from datetime import datetime
from pathlib import Path

import click

from consumer.ids import decisions
from consumer.ids.quarantines import QUARANTINED
from consumer.store.survey import count_of_source
from gigstream import impact
from gigstream.commands.confirmation import confirm, yes_option
from gigstream.commands.dead_letters import TIME
from gigstream.commands.ids import checked_source
from gigstream.commands.source import epoch_us, record, state
from gigstream.errors import WrongUse
from gigstream.settings import load
from gigstream.terminal import Report, Terminal, command

_IMPORT = "import:"


@command("retract")
@click.option("--source", "name", required=True, metavar="NAME", help="Such as import:gigs.")
@click.option("--since", type=TIME, help="Only what was recorded at this time or later, in UTC.")
@yes_option
def retract(terminal: Terminal, name: str, *, since: datetime | None, yes: bool) -> Report:
    """Take back an import, or what a source has sent: its statements stop counting.

    The same as `source quarantine`, which asks nothing: the statements stay stored, and what the
    source sends later does not count either. `gigstream source release NAME` takes it back.
    """
    settings, since_us = load(), epoch_us(since)
    _require_stored(settings.store, checked_source(name))
    before = decisions.read(settings.store).quarantines
    wanted, version = {**before, name: since_us}, None
    if wanted != before:
        touched = impact.of_retraction(settings, name, wanted)
        confirm(terminal, f"retract source {name!r}", touched.text, yes=yes)
        version = record(settings.store, name, QUARANTINED, since_us)
    verb = "does not count any more" if version is not None else "did not count already"
    terminal.say(f"source {name} {verb}; `gigstream source release {name}` takes it back")
    known = state(decisions.read(settings.store).quarantines, name)
    facts = {"changed": version is not None, "store_version": version}
    return Report({"source": name, **known, **facts})


def _require_stored(path: Path, name: str) -> None:
    if count_of_source(path, name):
        return
    # The name of a file is the likeliest slip: its source has `import:` in front.
    imported = f"{_IMPORT}{name}"
    meant = f"{imported!r} is stored" if count_of_source(path, imported) else "check the name"
    raise WrongUse(
        f"nothing of a source {name!r} is stored: {meant}; `gigstream source list` shows all"
    )
