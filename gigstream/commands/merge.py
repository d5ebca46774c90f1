"""`merge` and `unmerge`: declare that two ids are one artist, or one venue, and take it back."""

import click

from consumer.table.schema import Side
from gigstream.commands.confirmation import confirm, yes_option
from gigstream.settings import load
from gigstream.terminal import Report, Terminal, command
from operations import merges
from operations.audit import os_user

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
    touched = merges.preview(settings, side, gone, kept)
    if touched is not None:
        confirm(terminal, f"merge {side} {gone!r} into {kept!r}", touched.text, yes=yes)
    done = merges.merge(settings, os_user(), side, gone, kept)
    verb = "counts as" if done["changed"] else "counted already as"
    terminal.say(f"{side} {gone} {verb} {kept}")
    return Report(done)


@command("unmerge")
@_SIDE
@click.argument("identity", metavar="ID")
def unmerge(terminal: Terminal, side: Side, identity: str) -> Report:
    """End the merge of an id: its plays count as its own again.

    Ids that were merged into it come with it. Lists follow at once, popularity and factors with
    the next refit.
    """
    done = merges.unmerge(load(), os_user(), side, identity)
    verb = "counts" if done["changed"] else "counted already"
    terminal.say(f"{side} {identity} {verb} as itself")
    return Report(done)
