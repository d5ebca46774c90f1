"""`erase`: an artist or a venue whose id must be nowhere any more, with a receipt."""

from typing import TYPE_CHECKING, Any

import click

from gigstream.commands.lists import table
from gigstream.terminal import Report, Terminal, command, log_to_stderr

if TYPE_CHECKING:
    from consumer.merges import Side

_OUTSIDE = (
    "Outside, and yours to see to: the topics of Kafka, exports, imported files, backups, and "
    "what apps have copied."
)


@command("erase")
@click.argument("side", type=click.Choice(["artist", "venue"]), metavar="artist|venue")
@click.argument("identity", metavar="ID")
@click.option(
    "--wait",
    "wait_s",
    default=600.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Seconds for a running trainer to publish without it.",
)
def erase(terminal: Terminal, side: "Side", identity: str, *, wait_s: float) -> Report:
    """Take an id out of the store, the models and Redis, for good, and print a receipt.

    Ids that were merged into it go with it. Later events of it are left out. Say it again after
    an interruption: it goes on where it was.
    """
    from gigstream import erasing
    from gigstream.identity import checked
    from gigstream.settings import load

    settings = load()
    checked(side, identity)
    log_to_stderr()
    receipt = erasing.erase(settings, side, identity, wait_s=wait_s, configure=log_to_stderr)
    terminal.say(table(("", ""), list(_lines(receipt))), _OUTSIDE)
    return Report(receipt | {"outside": _OUTSIDE})


def _lines(receipt: dict[str, Any]) -> "list[tuple[str, str]]":
    store = receipt["store"]
    return [
        (f"erased {receipt['kind']}", receipt["id"]),
        ("asked for", receipt["recorded_at"]),
        ("complete", receipt["completed_at"]),
        ("events taken out", f"{store['rows']:,}"),
        ("dead letters taken out", f"{store['dead']:,}"),
        ("merges taken out", f"{store['merges']:,}"),
        ("rows of others without what they said of it", f"{store['scrubbed']:,}"),
        ("files written anew", f"{store['files']:,}"),
        ("models removed", ", ".join(receipt["artifacts"]) or "none"),
        *((f"lists and names in {key}", f"{n:,}") for key, n in receipt["redis"].items()),
        *((f"Kafka keeps {each['topic']}", each["said"]) for each in receipt["kafka"]),
    ]
