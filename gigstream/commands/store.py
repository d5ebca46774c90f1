"""`store`: check the store, count what it holds, and run its maintenance."""

import click

from consumer.maintain import at_once
from consumer.maintenance.check import inspect
from consumer.table import delta_log
from gigstream.settings import load
from gigstream.tables import Rows
from gigstream.terminal import Report, Terminal, command
from operations.contents import contents


@click.group("store")
def store() -> None:
    """The interaction store: check it, count what it holds, compact it."""


@command("check")
def check(terminal: Terminal) -> Report:
    """Read the whole store and check log, checkpoints, files, and that each record is there once.

    Exit code 1: something is wrong; one line for each finding. Consumers may run meanwhile.
    """
    path = load().store
    found = inspect(path)
    if found.version is None and not found.findings:
        terminal.say(f"{path}: nothing stored yet")
    else:
        terminal.say(
            f"{path}: version {found.version}, {found.entries:,} log entries, {found.files:,} "
            f"files, {found.rows:,} rows"
        )
    for kind, names in (("orphan", found.orphans), ("moved aside", found.torn)):
        terminal.say(*(f"{kind}: {name}" for name in names))
    for finding in found.findings:
        terminal.remark(finding)
    data = {"ok": not found.findings, **vars(found)}
    return Report(data, exit_code=1 if found.findings else 0)


@command("stats")
def stats(terminal: Terminal) -> Report:
    """Show rows, files, bytes, log and positions, read from the log alone."""
    path = load().store
    facts = contents(path)
    shown = Rows(("", ""), [(name, _text(value)) for name, value in facts.items()])
    terminal.say(f"{path}: nothing stored yet" if facts["version"] is None else shown)
    return Report(facts)


@command("compact")
def compact(terminal: Terminal) -> Report:
    """Run the store's maintenance now. A consumer may be running."""
    settings = load()
    before = delta_log.replay(settings.store)
    if before is None:
        terminal.say(f"{settings.store}: nothing stored yet")
        return Report({"files_before": 0, "files": 0, "version": None})
    at_once(settings)
    after = delta_log.replay(settings.store) or before
    facts = {"files_before": len(before.files), "files": len(after.files), "version": after.version}
    terminal.say(f"{facts['files_before']:,} files became {facts['files']:,}")
    return Report(facts)


for each in (check, compact, stats):
    store.add_command(each)


def _text(value: object) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{name} {_text(each)}" for name, each in value.items()) or "-"
    if isinstance(value, list):
        return ", ".join(map(_text, value)) or "-"
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)
