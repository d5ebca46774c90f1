"""`merge` and `unmerge`: declare that two ids are one artist, or one venue, and take it back."""

import time
from pathlib import Path

import click

from consumer.ids import decisions, merges
from consumer.ids.decisions import Decisions
from consumer.ids.merges import Merge
from consumer.store.survey import merged_into
from consumer.store.writer import Store
from consumer.table.schema import Side
from gigstream import impact
from gigstream.commands.confirmation import confirm, yes_option
from gigstream.commands.ids import checked
from gigstream.commands.known import require_known
from gigstream.errors import WrongUse
from gigstream.settings import load
from gigstream.terminal import Report, Terminal, command

_SIDE = click.argument("side", type=click.Choice(["artist", "venue"]), metavar="artist|venue")


@command("merge")
@_SIDE
@click.argument("gone", metavar="ID")
@click.argument("_into", type=click.Choice(["into"]), metavar="into")
@click.argument("kept", metavar="ID")
@yes_option
def merge(terminal: Terminal, side: Side, gone: str, _into: str, kept: str, *, yes: bool) -> Report:
    """Count all plays of one id, past and future, as another one's.

    Such as `merge artist A into B`. Requests for the first id's list are then answered with the
    second one's. `unmerge artist A` takes it back.
    """
    settings = load()
    wanted = _wanted(side, gone, kept)
    found, version = decisions.read(settings.store), None
    if not _holds(found, wanted):
        _require_both(settings.store, found, wanted)
        touched = impact.of_ids(settings, side, [gone, *merged_into(found, side, gone)])
        confirm(terminal, f"merge {side} {gone!r} into {kept!r}", touched.text, yes=yes)
        version = _record(settings.store, wanted)
    verb = "counts as" if version is not None else "counted already as"
    terminal.say(f"{side} {gone} {verb} {kept}")
    return Report(
        {"kind": side, "from": gone, "into": kept, "changed": version is not None}
        | {"store_version": version}
    )


@command("unmerge")
@_SIDE
@click.argument("identity", metavar="ID")
def unmerge(terminal: Terminal, side: Side, identity: str) -> Report:
    """End the merge of an id: its plays count as its own again.

    Ids that were merged into it come with it. Lists follow at once, popularity and factors with
    the next refit.
    """
    path = load().store
    wanted = _wanted(side, identity, identity)
    _require_merged(decisions.read(path), wanted)
    version = _record(path, wanted)
    verb = "counts" if version is not None else "counted already"
    terminal.say(f"{side} {identity} {verb} as itself")
    return Report(
        {"kind": side, "id": identity, "changed": version is not None, "store_version": version}
    )


def _wanted(side: Side, gone: str, kept: str) -> Merge:
    """The requested merge; `checked` refuses an id that no event can carry."""
    checked(side, gone), checked(side, kept)
    return Merge(time.time_ns() // 1000, gone, kept, side)


def _holds(known: Decisions, wanted: Merge) -> bool:
    """Whether the merge would change nothing.

    Raises:
        WrongUse: It would close a cycle.
    """
    side, gone, kept = wanted.side, wanted.gone, wanted.kept
    # What counts now; the store itself keeps every merge that was ever made.
    into = merges.resolve(known.merges, side)
    if merges.leads_to(into, kept, gone):
        reason = "is the same id" if gone == kept else f"counts as {gone!r} already"
        raise WrongUse(f"{side} {kept!r} {reason}; name another one to merge into")
    # Both already lead to the same id: repeating a merge adds no commit.
    return into.get(gone) == into.get(kept, kept)


def _require_both(path: Path, known: Decisions, wanted: Merge) -> None:
    for identity in (wanted.gone, wanted.kept):
        require_known(path, known, wanted.side, identity)


def _require_merged(known: Decisions, wanted: Merge) -> None:
    """Refuse an id that was never merged, with the ids that may have been meant."""
    side, identity = wanted.side, wanted.gone
    if any((each.side, each.gone) == (side, identity) for each in known.merges):
        return
    others = merged_into(known, side, identity)
    remedy = f"these count as it: {', '.join(others)}" if others else "check the id"
    raise WrongUse(f"{side} {identity!r} was not merged into another one; {remedy}")


def _record(path: Path, wanted: Merge) -> int | None:
    """Append the merge, or its end. Returns the store version with it; None: nothing to change."""
    store, known = Store.open(path), decisions.read(path)
    # A merge that is asked for later counts later, also if this machine's clock is behind.
    after_us = max((each.recorded_us + 1 for each in known.all_merges), default=0)
    wanted = wanted._replace(recorded_us=max(wanted.recorded_us, after_us))
    # Repeating a decision adds no commit.
    links = merges.links(known.merges, wanted.side)
    if merges.links([*known.merges, wanted], wanted.side) == links:
        return None
    # No positions: the row does not come from Kafka.
    return store.append(merges.table(wanted), {})
