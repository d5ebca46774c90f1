"""`verify`: the store recounted against the topic, and the live lists against recomputed ones."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from gigstream.errors import WrongUse
from gigstream.terminal import Report, Terminal, command

if TYPE_CHECKING:
    from gigstream.settings import Settings

PARTS = ("topic", "lists")


@command("verify")
@click.argument("parts", metavar="[topic|lists]...", nargs=-1)
def verify(terminal: Terminal, *, parts: tuple[str, ...]) -> Report:
    """Compare the store with the topic, and the live lists with recomputed ones.

    Nothing is changed. Exit code 1: something differs, one line for each kind of difference.
    """
    from gigstream.settings import load

    unknown = sorted(set(parts) - set(PARTS))
    if unknown:
        raise WrongUse(f"there is no part {unknown[0]!r} to verify; name one of {', '.join(PARTS)}")
    settings = load()
    looks = {"topic": _topic, "lists": _lists}
    found = {name: looks[name](terminal, settings) for name in parts or looks}
    equal = all(each["equal"] for each in found.values())
    terminal.say("equal" if equal else "different")
    return Report({"equal": equal, **found}, exit_code=0 if equal else 1)


def _topic(terminal: Terminal, settings: "Settings") -> Mapping[str, Any]:
    from consumer.audit import audit
    from consumer.recount import lines, report

    with terminal.progress("Reading the topic") as share:
        found = audit(settings, share)
    for remark in found.remarks:
        terminal.remark(remark)
    for line in lines(found.partitions):
        terminal.remark(f"topic: {line}")
    records = sum(each.records for each in found.partitions.values())
    terminal.say(f"topic: {records:,} records of {len(found.partitions)} partitions compared")
    return {
        "equal": all(each.equal for each in found.partitions.values()),
        "store_version": found.version,
        "records": records,
        "other_rows": found.others,
        "partitions": report(found.partitions),
    }


def _lists(terminal: Terminal, settings: "Settings") -> Mapping[str, Any]:
    from trainer.recheck import lines, recheck, report

    with terminal.progress("Making the lists again") as share:
        share(None)
        found = recheck(settings)
    for line in (*found.remarks, *lines(found.findings)):
        terminal.remark(f"lists: {line}")
    if found.generation is not None:
        terminal.say(f"lists: {found.compared:,} of generation {found.generation} compared")
    return {
        "equal": not found.findings,
        "generation": found.generation,
        "compared": found.compared,
        **report(found.findings),
    }
