"""`verify`: compare the store with the topic, and the live lists with recomputed ones."""

from collections.abc import Mapping
from typing import Any

import click

from consumer.audit import compare
from consumer.audit.against_topic import audit
from gigstream.errors import WrongUse
from gigstream.settings import Settings, load
from gigstream.terminal import Report, Terminal, command
from trainer.verify import lists

PARTS = ("topic", "lists")


@command("verify")
@click.argument("parts", metavar="[topic|lists]...", nargs=-1)
def verify(terminal: Terminal, *, parts: tuple[str, ...]) -> Report:
    """Compare store with topic, and live lists with recomputed ones.

    Nothing is changed. Exit code 1: there is a difference; one line for each kind.
    """
    unknown = sorted(set(parts) - set(PARTS))
    if unknown:
        raise WrongUse(f"there is no part {unknown[0]!r} to verify; name one of {', '.join(PARTS)}")
    settings = load()
    checks = {"topic": _topic, "lists": _lists}
    found = {name: checks[name](terminal, settings) for name in parts or checks}
    equal = all(each["equal"] for each in found.values())
    terminal.say("equal" if equal else "different")
    return Report({"equal": equal, **found}, exit_code=0 if equal else 1)


def _topic(terminal: Terminal, settings: Settings) -> Mapping[str, Any]:
    with terminal.progress("Reading the topic") as share:
        found = audit(settings, share)
    for remark in found.remarks:
        terminal.remark(remark)
    for line in compare.lines(found.partitions):
        terminal.remark(f"topic: {line}")
    records = sum(each.records for each in found.partitions.values())
    terminal.say(f"topic: {records:,} records of {len(found.partitions)} partitions compared")
    return {
        "equal": all(each.equal for each in found.partitions.values()),
        "store_version": found.version,
        "records": records,
        "other_rows": found.others,
        "partitions": compare.report(found.partitions),
    }


def _lists(terminal: Terminal, settings: Settings) -> Mapping[str, Any]:
    with terminal.progress("Recomputing the lists") as share:
        share(None)
        found = lists.recheck(settings)
    for line in (*found.remarks, *lists.lines(found.findings)):
        terminal.remark(f"lists: {line}")
    if found.generation is not None:
        terminal.say(f"lists: {found.compared:,} of generation {found.generation} compared")
    return {
        "equal": not found.findings,
        "generation": found.generation,
        "compared": found.compared,
        **lists.report(found.findings),
    }
