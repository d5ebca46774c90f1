"""`hide` and `show`: keep an id out of all lists without touching its plays, and take it back."""

import time
from pathlib import Path

import click

from consumer.ids import decisions, merges, visibility
from consumer.ids.decisions import Decisions
from consumer.ids.visibility import HIDDEN, SHOWN, Visibility
from consumer.store.writer import Store
from consumer.table.schema import Side
from gigstream.commands.ids import checked
from gigstream.commands.known import require_known
from gigstream.errors import WrongUse
from gigstream.settings import load
from gigstream.terminal import Report, Terminal, command

_SIDE = click.argument("side", type=click.Choice(["artist", "venue"]), metavar="artist|venue")


@command("hide")
@_SIDE
@click.argument("identity", metavar="ID")
def hide(terminal: Terminal, side: Side, identity: str) -> Report:
    """Never recommend an id, such as a venue that is closed.

    It leaves all lists of others, the popular one too. Its plays count as before, and it keeps
    lists of its own. `show` takes it back.
    """
    return _decide(terminal, side, identity, HIDDEN)


@command("show")
@_SIDE
@click.argument("identity", metavar="ID")
def show(terminal: Terminal, side: Side, identity: str) -> Report:
    """Recommend a hidden id again."""
    return _decide(terminal, side, identity, SHOWN)


def _decide(terminal: Terminal, side: Side, identity: str, status: str) -> Report:
    path = load().store
    wanted = Visibility(time.time_ns() // 1000, checked(side, identity), status, side)
    known = decisions.read(path)
    _require_candidate(path, known, wanted)
    version = _record(path, known, wanted)
    terminal.say(f"{side} {identity} {'is' if version is not None else 'was already'} {status}")
    return Report(
        {"kind": side, "id": identity, "state": status, "changed": version is not None}
        | {"store_version": version}
    )


def _require_candidate(path: Path, known: Decisions, wanted: Visibility) -> None:
    """Refuse an id that no list can show, unless a decision about it is to be taken back."""
    side, identity = wanted.side, wanted.identity
    if wanted.status == SHOWN and identity in visibility.resolve(known.visibility, side):
        return
    require_known(path, known, side, identity)
    # Lists show what a merged id counts as: to hide this one would change nothing.
    kept = merges.resolve(known.merges, side).get(identity)
    if kept is not None:
        raise WrongUse(f"{side} {identity!r} counts as {kept!r}, which lists show; name that one")


def _record(path: Path, known: Decisions, wanted: Visibility) -> int | None:
    """Append a decision. Returns the store version with it; None if it holds already."""
    # Later than all others, also where this machine's clock is behind.
    after_us = max((each.recorded_us + 1 for each in known.all_visibility), default=0)
    wanted = wanted._replace(recorded_us=max(wanted.recorded_us, after_us))
    hidden = visibility.resolve(known.visibility, wanted.side)
    if visibility.resolve([*known.visibility, wanted], wanted.side) == hidden:
        return None
    # No positions: the row does not come from Kafka.
    return Store.open(path).append(visibility.table(wanted), {})
