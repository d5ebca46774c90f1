"""`generations`, `rollback`, `accept`, `pin`, `unpin`: what was published, and what stays live."""

from functools import partial
from typing import Any

import click

from consumer.logs import log_to_stderr
from gigstream.commands.confirmation import confirm, yes_option
from gigstream.settings import load
from gigstream.tables import Rows
from gigstream.terminal import Report, Terminal, command
from operations.audit import os_user
from operations.generations import command as asked
from operations.generations import listed, preview
from trainer.registry.requests import Action
from trainer.registry.state import Registry

_WAIT = click.option(
    "--wait",
    "wait_s",
    default=600.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Seconds for a running trainer to do it.",
)
_COLUMNS = (
    *("generation", "when", "model", "state", "plays", "version", "overlap"),
    *("verdict", "weights"),
)
_PROSE = {"state", "verdict", "weights"}


@command("generations")
def generations(terminal: Terminal) -> Report:
    """List what was published, newest first.

    `model` is the folder of its files under models/, `version` the store version that its lists
    were made from, `overlap` the share of the ten best venues of an artist that they have in common
    with the generation before. A model that is `gone` cannot be rolled back to.
    """
    found = listed(load())
    terminal.say(
        Rows(_COLUMNS, [*map(_row, found)], prose=_PROSE, empty="nothing is published yet")
    )
    terminal.say(*(f"{each['generation']}: {why}" for each in found for why in each["reasons"]))
    return Report({"generations": found})


@command("rollback")
@click.argument("generation", metavar="[GENERATION]", type=click.IntRange(1), required=False)
@yes_option
@_WAIT
def rollback(terminal: Terminal, generation: int | None, *, yes: bool, wait_s: float) -> Report:
    """Publish an earlier generation's model again under a new number, and pin it.

    Its lists are made from today's plays: what was cancelled, erased or quarantined since does not
    return. Without GENERATION, it is the last published model that is older than the live one.
    """
    chosen = preview(load(), generation)
    if chosen is not None:
        confirm(terminal, "rollback", chosen.touched, yes=yes)
        # Another may be live by now: what was confirmed is done.
        generation = chosen.generation
    made = _asked("rollback", wait_s, generation)
    name = Registry(load().models).state().live_artifact
    terminal.say(
        f"generation {made} is live, with the model {name}; `gigstream unpin` ends the pin"
    )
    return Report({"generation": made, "model": name, "pinned": True})


@command("accept")
@click.argument("generation", metavar="[GENERATION]", type=click.IntRange(1), required=False)
@_WAIT
def accept(terminal: Terminal, generation: int | None, *, wait_s: float) -> Report:
    """Publish a generation that was held until a person has looked.

    Its lists are made from today's plays, under a new number. Without GENERATION, it is the newest.
    """
    made = _asked("accept", wait_s, generation)
    name = Registry(load().models).state().live_artifact
    terminal.say(f"generation {made} is live, with the model {name}")
    return Report({"generation": made, "model": name})


@command("pin")
@_WAIT
def pin(terminal: Terminal, *, wait_s: float) -> Report:
    """Keep the live model: no refit replaces it. Lists still follow new gigs by fold-ins."""
    made = _asked("pin", wait_s)
    name = Registry(load().models).state().pinned
    terminal.say(f"the model {name} of generation {made} is pinned")
    return Report({"generation": made, "model": name, "pinned": True})


@command("unpin")
@_WAIT
def unpin(terminal: Terminal, *, wait_s: float) -> Report:
    """Let refits replace the pinned model again."""
    made = _asked("unpin", wait_s)
    terminal.say("no model is pinned: refits follow the settings")
    return Report({"generation": made, "pinned": False})


def _asked(action: Action, wait_s: float, generation: int | None = None) -> int | None:
    """What is live once it is done, by the running trainer or by this process."""
    settings = load()
    log_to_stderr(settings)
    configure = partial(log_to_stderr, settings)
    return asked(settings, os_user(), action, generation, wait_s=wait_s, configure=configure)


def _row(found: dict[str, Any]) -> tuple[str, ...]:
    marks = [name for name in ("live", "pinned") if found[name]]
    marks += [] if found["stored"] else ["gone"]
    overlap = found["overlap"]
    verdict = ": ".join(filter(None, (found["verdict"], found["reason"])))
    return (
        str(found["generation"]),
        found["at"] or "",
        found["model"],
        " ".join(marks),
        f"{found['plays']:,}",
        str(found["store_version"]),
        "-" if overlap is None else f"{overlap:.2f}",
        verdict,
        _weights(found["weights"].get("artists", {})),
    )


def _weights(weights: dict[str, float]) -> str:
    return ", ".join(f"{term} {value:.2g}" for term, value in weights.items())
