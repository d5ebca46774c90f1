"""`source`: what each booking system has sent, and whether its statements count."""

import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import numpy as np

from consumer.audit.sources import Seen, sources
from consumer.ids import decisions, quarantines
from consumer.ids.quarantines import ALL, QUARANTINED, RELEASED, Quarantine, Quarantines
from consumer.store.writer import Store
from gigstream.clocks import day
from gigstream.commands.dead_letters import TIME
from gigstream.commands.ids import checked_source
from gigstream.commands.lists import table
from gigstream.settings import Settings, load
from gigstream.terminal import Report, Terminal, command
from trainer.plays.read import settled
from trainer.registry.snapshot import Snapshots

_COLUMNS = ("source", "state", "gigs", "share", "statements", "dead_letters", "first", "last")
_NOTHING = {"statements": 0, "dead_letters": 0, "first": None, "last": None}


@click.group("source")
def source() -> None:
    """Booking systems: list them, quarantine one, release it again."""


@command("list")
def list_(terminal: Terminal) -> Report:
    """List all sources: gigs that count and their share, statements, dead letters, state.

    `first` and `last` are the times of the earliest and the latest record.
    """
    found = _listed(load())
    terminal.say(table(_COLUMNS, [tuple(_cell(each, name) for name in _COLUMNS) for each in found]))
    return Report({"sources": found})


@command("quarantine")
@click.argument("name", metavar="NAME")
@click.option("--since", type=TIME, help="Only what was recorded at this time or later, in UTC.")
def quarantine(terminal: Terminal, name: str, *, since: datetime | None) -> Report:
    """Stop counting what a source has sent, and what it sends from now on.

    Its statements stay stored: the lists follow as if they were not there. `release` takes it back.
    """
    return _decide(terminal, name, QUARANTINED, epoch_us(since))


@command("release")
@click.argument("name", metavar="NAME")
def release(terminal: Terminal, name: str) -> Report:
    """Count what a quarantined source has sent again."""
    return _decide(terminal, name, RELEASED, ALL)


source.add_command(list_)
source.add_command(quarantine)
source.add_command(release)


def _decide(terminal: Terminal, name: str, status: str, since_us: int) -> Report:
    path = load().store
    version = record(path, checked_source(name), status, since_us)
    seen, known = sources(path).get(name), state(decisions.read(path).quarantines, name)
    terminal.say(_said(name, status, known["since"], is_new=version is not None))
    if seen is None:
        terminal.remark(f"nothing of a source {name!r} is stored; see `gigstream source list`")
    facts = {"changed": version is not None, "store_version": version}
    return Report({"source": name, **known, **facts, "statements": seen.statements if seen else 0})


def _said(name: str, status: str, since: str | None, *, is_new: bool) -> str:
    verb = "is" if is_new else "was already"
    return f"source {name} {verb} {status}" + (f" from {since} on" if since else "")


def epoch_us(since: datetime | None) -> int:
    """The moment that a quarantine begins at, given in UTC; None: of all statements."""
    return ALL if since is None else int(since.replace(tzinfo=UTC).timestamp()) * 1_000_000


def record(path: Path, name: str, status: str, since_us: int) -> int | None:
    """Append a decision about a source, and return the store version with it.

    Args:
        path: the store.
        name: of the source.
        status: `QUARANTINED` or `RELEASED`.
        since_us: from which recording time on, epoch us.

    Returns:
        None if the decision holds already.
    """
    store, known = Store.open(path), decisions.read(path)
    wanted = Quarantine(time.time_ns() // 1000, name, status, since_us)
    wanted = _after(known.all_quarantines, wanted)
    if quarantines.resolve([*known.all_quarantines, wanted]) == known.quarantines:
        return None
    # No positions: the row does not come from Kafka.
    return store.append(quarantines.table(wanted), {})


def _after(known: tuple[Quarantine, ...], wanted: Quarantine) -> Quarantine:
    """The decision, later than all others, also where this machine's clock is behind."""
    after_us = max((each.recorded_us + 1 for each in known), default=0)
    return wanted._replace(recorded_us=max(wanted.recorded_us, after_us))


def _listed(settings: Settings) -> list[dict[str, Any]]:
    """All sources, by gigs that count."""
    quarantined, seen = decisions.read(settings.store).quarantines, sources(settings.store)
    gigs = _gigs(settings)
    names = sorted({*seen, *quarantined}, key=lambda name: (-gigs[name], name or ""))
    return [
        {"source": name, **state(quarantined, name), **_counts(seen.get(name))}
        | {"gigs": gigs[name], "share": round(gigs[name] / max(gigs.total(), 1), 4)}
        for name in names
    ]


def _gigs(settings: Settings) -> Counter[str | None]:
    """How many gigs of each source count."""
    saved = Snapshots(settings.models).load()
    found = settled(settings.store, (saved.interactions, saved.known) if saved else None)
    if found is None:
        return Counter()
    codes, names = found[0].play_sources()
    return Counter(dict(zip(names, np.bincount(codes).tolist(), strict=False)))


def state(quarantined: Quarantines, name: str | None) -> dict[str, str | None]:
    """Whether a source counts, and since when it does not; None: a source without a name."""
    since_us = quarantined.get(name or "")
    found = "counts" if since_us is None else QUARANTINED
    return {"state": found, "since": _day(None if since_us == ALL else since_us)}


def _counts(seen: "Seen | None") -> dict[str, Any]:
    if seen is None:
        return _NOTHING
    counts = {"statements": seen.statements, "dead_letters": seen.dead}
    return counts | {"first": _day(seen.first_us), "last": _day(seen.last_us)}


def _day(epoch_us: int | None) -> str | None:
    return None if epoch_us is None else day(epoch_us // 1000)


def _cell(found: dict[str, Any], name: str) -> str:
    value = found[name]
    if value is None:
        return "-"
    if name == "share":
        return f"{value:.1%}"
    if name == "state" and found["since"]:
        return f"{value} from {found['since']}"
    return f"{value:,}" if isinstance(value, int) else str(value)
