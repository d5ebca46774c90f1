"""`hide` and `show`: keep an id out of all lists without touching its plays, and take it back."""

import click

from consumer.table.schema import Side
from gigstream.settings import load
from gigstream.terminal import Report, Terminal, command
from operations.audit import os_user
from operations.visibility import State, decide

_SIDE = click.argument("side", type=click.Choice(["artist", "venue"]), metavar="artist|venue")


@command("hide")
@_SIDE
@click.argument("identity", metavar="ID")
def hide(terminal: Terminal, side: Side, identity: str) -> Report:
    """Never recommend an id, such as a venue that is closed.

    It leaves all lists of others, the popular one too. Its plays count as before, and it keeps
    lists of its own. `show` takes it back.
    """
    return _decide(terminal, side, identity, "hidden")


@command("show")
@_SIDE
@click.argument("identity", metavar="ID")
def show(terminal: Terminal, side: Side, identity: str) -> Report:
    """Recommend a hidden id again."""
    return _decide(terminal, side, identity, "shown")


def _decide(terminal: Terminal, side: Side, identity: str, state: State) -> Report:
    done = decide(load(), os_user(), side, identity, state)
    terminal.say(f"{side} {identity} {'is' if done['changed'] else 'was already'} {state}")
    if done["changed"]:
        # The decision is a row of the store: the trainer reads it there and makes the lists again.
        terminal.remark("all lists follow within seconds, where a trainer runs")
    return Report(done)
