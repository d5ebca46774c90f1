"""`merge`: declare that two ids are one artist, or one venue."""

import time
from pathlib import Path

import click

from consumer.ids import decisions, merges
from consumer.ids.merges import Merge
from consumer.store.writer import Store
from consumer.table.schema import Side
from gigstream.commands.ids import checked
from gigstream.errors import WrongUse
from gigstream.settings import load
from gigstream.terminal import Report, Terminal, command


@command("merge")
@click.argument("side", type=click.Choice(["artist", "venue"]), metavar="artist|venue")
@click.argument("gone", metavar="ID")
@click.argument("_into", type=click.Choice(["into"]), metavar="into")
@click.argument("kept", metavar="ID")
def merge(terminal: Terminal, side: Side, gone: str, _into: str, kept: str) -> Report:
    """Count all plays of one id, past and future, as another one's.

    Such as `merge artist A into B`. Requests for the first id's list are then answered with the
    second one's.
    """
    wanted = _wanted(side, gone, kept)
    version = _record(load().store, wanted)
    verb = "counts as" if version is not None else "counted already as"
    terminal.say(f"{side} {gone} {verb} {kept}")
    return Report(
        {"kind": side, "from": gone, "into": kept, "changed": version is not None}
        | {"store_version": version}
    )


def _wanted(side: Side, gone: str, kept: str) -> Merge:
    """The requested merge; `checked` refuses an id that no event can carry."""
    checked(side, gone), checked(side, kept)
    return Merge(time.time_ns() // 1000, gone, kept, side)


def _record(path: Path, wanted: Merge) -> int | None:
    """Append the merge. Returns the store version with it; None if it holds already.

    Raises:
        WrongUse: It would close a cycle.
    """
    store = Store.open(path)
    side, gone, kept = wanted.side, wanted.gone, wanted.kept
    # What counts now; the store itself keeps every merge that was ever made.
    known = decisions.read(path)
    into = merges.resolve(known.merges, side)
    if merges.leads_to(into, kept, gone):
        reason = "is the same id" if gone == kept else f"counts as {gone!r} already"
        raise WrongUse(f"{side} {kept!r} {reason}; name another one to merge into")
    # Both already lead to the same id: repeating a merge adds no commit.
    if into.get(gone) == into.get(kept, kept):
        return None
    # A merge that is asked for later counts later, also if this machine's clock is behind.
    after_us = max((each.recorded_us + 1 for each in known.all_merges), default=0)
    wanted = wanted._replace(recorded_us=max(wanted.recorded_us, after_us))
    # No positions: the row does not come from Kafka.
    return store.append(merges.table(wanted), {})
