"""`merge`: two ids that are one artist, or one venue."""

import time
from typing import TYPE_CHECKING

import click

from gigstream.errors import WrongUse
from gigstream.terminal import Report, Terminal, command

if TYPE_CHECKING:
    from pathlib import Path

    from consumer.merges import Merge, Side


@command("merge")
@click.argument("side", type=click.Choice(["artist", "venue"]), metavar="artist|venue")
@click.argument("gone", metavar="ID")
@click.argument("_into", type=click.Choice(["into"]), metavar="into")
@click.argument("kept", metavar="ID")
def merge(terminal: Terminal, side: "Side", gone: str, _into: str, kept: str) -> Report:
    """Count all plays of one id, past and future, as another one's: `merge artist A into B`.

    Whoever asks for the first id's list then gets the second one's.
    """
    from gigstream.settings import load

    wanted = _wanted(side, gone, kept)
    version = _record(load().store, wanted)
    said = "counts as" if version is not None else "counted already as"
    terminal.say(f"{side} {gone} {said} {kept}")
    return Report(
        {"kind": side, "from": gone, "into": kept, "changed": version is not None}
        | {"store_version": version}
    )


def _wanted(side: "Side", gone: str, kept: str) -> "Merge":
    """The merge that is asked for.

    Raises:
        WrongUse: An id cannot be one.
    """
    from consumer.merges import Merge
    from gigstream.identity import checked

    checked(side, gone), checked(side, kept)
    return Merge(time.time_ns() // 1000, gone, kept, side)


def _record(path: "Path", wanted: "Merge") -> int | None:
    """Append the merge. Returns the store's version with it, None where it holds already.

    Raises:
        WrongUse: It would close a circle.
    """
    from consumer import decisions, merges
    from consumer.store import Store

    store = Store.open(path)
    side, gone, kept = wanted.side, wanted.gone, wanted.kept
    into = merges.resolve(decisions.of(path).merges, side)
    if merges.leads_to(into, kept, gone):
        reason = "is the same id" if gone == kept else f"counts as {gone!r} already"
        raise WrongUse(f"{side} {kept!r} {reason}; name another one to merge into")
    if into.get(gone) == into.get(kept, kept):
        return None
    return store.append(merges.table(wanted), {})
