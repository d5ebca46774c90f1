"""`rebuild`: make a second store from the topic and compare it with the first."""

from pathlib import Path

import click

from consumer.audit.compare import lines, report
from consumer.audit.rebuild import Rebuilt
from consumer.audit.rebuild import rebuild as run
from gigstream.settings import load
from gigstream.terminal import Report, Terminal, command


@command("rebuild")
@click.option(
    "--to",
    "target",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder of the second store; an unfinished one of an earlier run is continued.",
)
def rebuild(terminal: Terminal, *, target: Path) -> Report:
    """Make a second store from the topic, and compare it with the first.

    It gets all that the topic still holds. The first store is not changed. Exit code 1: the two
    differ.
    """
    settings = load()
    with terminal.progress("Reading the topic") as share:
        made = run(settings, target, share)
    # Rows that the topic no longer holds are remarks, no difference.
    equal = all(each.equal for each in made.partitions.values())
    for line in (*lines(made.partitions), *_lost(made)):
        terminal.remark(line)
    terminal.say(
        f"{target}: {sum(each.records for each in made.partitions.values()):,} records, "
        f"{'equal to' if equal else 'different from'} {settings.store}"
    )
    facts = {
        "equal": equal,
        "store": str(target),
        "added": made.added,
        "not_retained": sum(each.below for each in made.partitions.values()) + made.others,
        "partitions": report(made.partitions),
    }
    return Report(facts, exit_code=0 if equal else 1)


def _lost(made: Rebuilt) -> list[str]:
    """One line for each kind of row that the topic no longer holds."""
    remarks = [
        f"not in the second store: {each.below:,} rows of partition {number}, below offset "
        f"{each.low}, which Kafka does not hold any more"
        for number, each in sorted(made.partitions.items())
        if each.below
    ]
    if made.others:
        remarks.append(f"not in the second store: {made.others:,} rows of other topics")
    return remarks
