"""`status`: what is stored, how far behind the store is, and what apps see."""

from typing import Any

import click

from gigstream.advice import advice
from gigstream.settings import load
from gigstream.tables import Rows
from gigstream.terminal import Report, Terminal, command
from operations.clocks import day
from operations.status import SIDES, Status
from trainer.registry.generations import PUBLISHED


@command("status")
@click.option(
    "--exact",
    is_flag=True,
    help="Read the whole store to count plays; by default, what the trainer counted last.",
)
def status(terminal: Terminal, *, exact: bool) -> Report:
    """Show counts of the store, lag behind Kafka and the live generation.

    What a server that cannot be reached would tell is null. `counted_version` is the store version
    of which plays, artists and venues are counted.
    """
    settings = load()
    found = Status(settings, exact=exact)
    verdict = found.facts["verdict"]
    if verdict and verdict["verdict"] != PUBLISHED:
        terminal.remark("generation {generation} is {verdict}: {reason}".format(**verdict))
    terminal.remark(*(f"ALARM: {each}" for each in found.raised))
    recipe = found.facts["recipe"]
    if recipe and recipe["tune_again"]:
        terminal.remark(f"run `gigstream tune` again: {recipe['tune_again']}")
    terminal.remark(*found.warned, *map(str, found.problems))
    terminal.remark(*filter(None, [advice(settings, found.exit_code)]))
    terminal.say(Rows(("", ""), [(name, _text(value)) for name, value in found.facts.items()]))
    return Report(found.facts, exit_code=found.exit_code)


def _text(value: object) -> str:
    if value is None or value == []:
        return "-"
    if isinstance(value, dict):
        return _facts(value)
    if isinstance(value, list):
        return ", ".join(str(each.get("name", each.get("source"))) for each in value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def _facts(value: dict[str, Any]) -> str:
    """The short form of several facts; all of them are in the JSON."""
    if "verdict" in value:
        return str(value["verdict"])
    if "weeks" in value:
        return _hit_rate(value)
    if "tuned_plays" in value:
        return f"{value['file']}, tuned on {value['tuned_plays']:,} plays"
    if set(value) == set(SIDES):
        return ", ".join(f"{value[side]:,} {side}s" for side in SIDES)
    if "token" in value:
        return _lease(value)
    return ", ".join(f"{name} {_text(each)}" for name, each in value.items()) or "-"


def _lease(value: dict[str, Any]) -> str:
    """Which process may publish."""
    since = value.get("since", "")
    began = f" since {day(int(since) * 1000)}" if since.isdecimal() else ""
    of = f"writer {value['token']} of registry {value.get('registry', '?')}"
    return f"process {value.get('pid', '?')} on {value.get('host', '?')}{began}, {of}"


def _hit_rate(found: dict[str, Any]) -> str:
    """The newest week's rates, beside those of the popular list."""
    if not found["weeks"]:
        return "-"
    newest = found["weeks"][0]
    rates = (
        f"{view} {rates['rate']:.0%} of {rates['gigs']:,} (popular {rates['popular_rate']:.0%})"
        for view, rates in newest["views"].items()
        if rates["gigs"]
    )
    return f"{newest['week']}: {', '.join(rates) or 'no artist or venue had a list'}"
