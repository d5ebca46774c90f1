"""`rebuild`: a second store from the topic, compared with the first."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gigstream.terminal import Report, Terminal, command

if TYPE_CHECKING:
    from consumer.rebuild import Rebuilt
    from trainer.resettle import Settlement


@command("rebuild")
@click.option(
    "--to",
    "target",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder of the second store; one that an earlier run left is finished.",
)
def rebuild(terminal: Terminal, *, target: Path) -> Report:
    """Make a second store of all that the topic still holds, and compare it with the first.

    Nothing of the first store is changed. Exit code 1: the two differ.
    """
    from consumer.rebuild import rebuild as run
    from consumer.recount import lines, report
    from gigstream.settings import load
    from trainer.resettle import settle_both

    settings = load()
    with terminal.progress("Reading the topic") as share:
        made = run(settings, target, share)
    settled = settle_both(settings.store, target, _within(made))
    equal = settled.equal and all(each.equal for each in made.partitions.values())
    for line in (*lines(made.partitions), *_unequal(settled), *_lost(made)):
        terminal.remark(line)
    terminal.say(
        f"{target}: {settled.second.events:,} events, {settled.second.plays:,} plays, "
        f"{'equal to' if equal else 'different from'} {settings.store}"
    )
    facts = {
        "equal": equal,
        "store": str(target),
        "added": made.added,
        "not_retained": sum(each.below for each in made.partitions.values()) + made.others,
        "settled": {"first": asdict(settled.first), "second": asdict(settled.second)},
        "partitions": report(made.partitions),
    }
    return Report(facts, exit_code=0 if equal else 1)


def _within(made: "Rebuilt") -> dict[tuple[str, int], tuple[int, int]]:
    topic_id = made.topic.topic_id
    return {(topic_id, n): (each.low, each.end) for n, each in made.partitions.items()}


def _unequal(settled: "Settlement") -> list[str]:
    counts = f"{settled.artists:,} artists and {settled.venues:,} venues have other plays"
    return [] if settled.equal else [f"settled: {counts}"]


def _lost(made: "Rebuilt") -> list[str]:
    """What the topic no longer holds."""
    said = [
        f"not in the second store: {each.below:,} rows of partition {number}, below offset "
        f"{each.low}, which Kafka does not hold any more"
        for number, each in sorted(made.partitions.items())
        if each.below
    ]
    if made.others:
        said.append(f"not in the second store: {made.others:,} rows of other topics")
    return said
