"""`store`: whether the store is whole, what it holds, and its housekeeping at once."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gigstream.commands.lists import table
from gigstream.terminal import Report, Terminal, command

if TYPE_CHECKING:
    from consumer.log import Snapshot


@click.group("store")
def store() -> None:
    """Look after the interaction store: check it, count it, keep it up."""


@command("check")
def check(terminal: Terminal) -> Report:
    """Read the whole store: log, checkpoints, files, and that each record is there once.

    Exit code 1 where anything is wrong, with a line for each. Consumers may go on meanwhile.
    """
    from consumer.inspection import inspect
    from gigstream.settings import load

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
    """Rows, files, bytes, log and positions, from the log alone."""
    from consumer import log
    from gigstream.settings import load

    path = load().store
    snapshot = log.replay(path)
    facts = _facts(path, snapshot) if snapshot else {"version": None}
    shown = table(("", ""), [(name, _text(value)) for name, value in facts.items()])
    terminal.say(shown if snapshot else f"{path}: nothing stored yet")
    return Report(facts)


def _facts(path: Path, snapshot: "Snapshot") -> dict[str, Any]:
    from consumer import log, marks

    rows: Counter[str] = Counter()
    for file in snapshot.files.values():
        rows[file.kind] += file.rows
    size = sum(file.size for file in snapshot.files.values())
    marked, entries = log.checkpoints(path), log.versions(path)
    on_disk = [file.stat().st_size for file in path.glob("kind=*/*")]
    return {
        "version": snapshot.version,
        "format": snapshot.table.format,
        "rows": dict(rows),
        "files": len(snapshot.files),
        "bytes": size,
        "bytes_per_event": round(size / rows["event"], 1) if rows["event"] else None,
        "files_on_disk": len(on_disk),
        "bytes_on_disk": sum(on_disk),
        "log_entries": len(entries),
        "log_begins_at": log.begin(path),
        "last_checkpoint": marked[-1] if marked else None,
        "readers": marks.living(path),
        "partitions": len(snapshot.positions),
        "positions": snapshot.positions,
    }


@command("compact")
def compact(terminal: Terminal) -> Report:
    """Do at once what housekeeping does now and then; beside a running consumer, too."""
    from consumer import log
    from consumer.upkeep import at_once
    from gigstream.settings import load

    settings = load()
    before = log.replay(settings.store)
    if before is None:
        terminal.say(f"{settings.store}: nothing stored yet")
        return Report({"files_before": 0, "files": 0, "version": None})
    at_once(settings)
    after = log.replay(settings.store) or before
    facts = {
        "files_before": len(before.files),
        "files": len(after.files),
        "version": after.version,
    }
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
