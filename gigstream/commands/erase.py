"""`erase`: remove an artist's or venue's id everywhere, and print a receipt."""

from functools import partial
from typing import Any

import click

from consumer.logs import log_to_stderr
from consumer.table.schema import Side
from gigstream.commands.confirmation import confirm, yes_option
from gigstream.settings import load
from gigstream.tables import Rows
from gigstream.terminal import Report, Terminal, command
from operations import erasure
from operations.audit import os_user


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
    found = erasure.preview(settings, side, identity)
    if found is not None:
        confirm(terminal, f"erase {side} {identity!r}", found.text, yes=yes)
    log_to_stderr(settings)
    receipt = erasure.erase(
        *(settings, os_user(), side, identity),
        wait_s=wait_s,
        configure=partial(log_to_stderr, settings),
    )
    terminal.say(Rows(("", ""), list(_lines(receipt))), erasure.OUTSIDE)
    return Report(receipt | {"outside": erasure.OUTSIDE})


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
