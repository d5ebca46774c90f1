"""`erase`: remove an artist's or venue's id everywhere, and print a receipt."""

from functools import partial
from typing import Any

import click

from consumer.logs import log_to_stderr
from consumer.table.schema import Side
from gigstream import erasure, impact
from gigstream.commands.confirmation import confirm, yes_option
from gigstream.commands.ids import checked
from gigstream.commands.known import unknown
from gigstream.commands.lists import table
from gigstream.settings import Settings, load
from gigstream.terminal import Report, Terminal, command

_OUTSIDE = (
    "Not erased, and yours to handle: the topics of Kafka, exports, imported files, backups, and "
    "copies in apps."
)


@command("erase")
@click.argument("side", type=click.Choice(["artist", "venue"]), metavar="artist|venue")
@click.argument("identity", metavar="ID")
@yes_option
@click.option(
    "--wait",
    "wait_s",
    default=600.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Seconds to wait for a running trainer to publish lists without it.",
)
def erase(terminal: Terminal, side: Side, identity: str, *, yes: bool, wait_s: float) -> Report:
    """Remove an id from the store, the models and Redis for good.

    Ends with a receipt. Ids that were merged into it are removed too. Later events with it are not
    stored. After an interruption run it again: it continues where it stopped.
    """
    settings = load()
    # Before anything is locked: an id that no event can carry is not in the store.
    checked(side, identity)
    _ask(terminal, settings, side, identity, yes=yes)
    log_to_stderr(settings)
    receipt = erasure.erase(
        settings, side, identity, wait_s=wait_s, configure=partial(log_to_stderr, settings)
    )
    terminal.say(table(("", ""), list(_lines(receipt))), _OUTSIDE)
    return Report(receipt | {"outside": _OUTSIDE})


def _ask(terminal: Terminal, settings: Settings, side: Side, identity: str, *, yes: bool) -> None:
    found = impact.of_erasure(settings, side, identity)
    # An erasure that was begun is completed: what it touches was shown when it began.
    if found.is_begun:
        return
    if not found.is_known:
        raise unknown(side, identity)
    touched = f"{found.impact.text}; {found.dead:,} dead letters, {found.mentions:,} mentions"
    others = ", ".join(found.ids[1:])
    touched += f"; merged into it: {others}" if others else ""
    confirm(terminal, f"erase {side} {identity!r}", touched, yes=yes)


def _lines(receipt: dict[str, Any]) -> "list[tuple[str, str]]":
    store = receipt["store"]
    return [
        (f"erased {receipt['kind']}", receipt["id"]),
        ("requested", receipt["recorded_at"]),
        ("complete", receipt["completed_at"]),
        ("events removed", f"{store['rows']:,}"),
        ("dead letters removed", f"{store['dead']:,}"),
        ("merges removed", f"{store['merges']:,}"),
        ("rows of other ids that mentioned it, redacted", f"{store['scrubbed']:,}"),
        ("files rewritten", f"{store['files']:,}"),
        ("models removed", ", ".join(receipt["artifacts"]) or "none"),
        *((f"lists and names in {key}", f"{n:,}") for key, n in receipt["redis"].items()),
        *((f"Kafka keeps {each['topic']}", each["said"]) for each in receipt["kafka"]),
    ]
