"""`consume` and `train`: the long-running processes; SIGTERM stops them."""

from functools import partial

import click

from gigstream.errors import WrongUse
from gigstream.terminal import Report, Terminal, command


@command("consume")
def consume(terminal: Terminal) -> Report:
    """Store events from Kafka, until SIGTERM."""
    del terminal
    from consumer.logs import log_to_stderr
    from consumer.run import run
    from gigstream.settings import load

    settings = load()
    log_to_stderr(settings)
    code = run(settings)
    return Report({"exit_code": code}, code)


@command("train")
@click.option("--once", is_flag=True, help="Publish one generation of everything stored, then end.")
@click.option("--standby", is_flag=True, help="Wait for the end of a trainer that runs here.")
@click.option(
    "--takeover",
    is_flag=True,
    help="Replace a trainer that runs here, or publish where another registry did before.",
)
@click.option("--force", is_flag=True, help="Publish even if the lists shrink by half.")
@click.option(
    "--wait",
    "wait_s",
    default=3600.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Seconds for a running trainer to publish, with --once.",
)
def train(
    terminal: Terminal, *, once: bool, standby: bool, takeover: bool, force: bool, wait_s: float
) -> Report:
    """Keep the lists in Redis up to date with the store, until SIGTERM.

    One trainer at a time works in a home; a second one ends with 4. With --once, a trainer that
    runs here is asked to fit and publish.
    """
    del terminal
    from consumer.logs import log_to_stderr
    from gigstream.settings import load
    from operations.audit import noted, os_user
    from trainer.run import run

    if once and standby:
        raise WrongUse("--standby is for a trainer that stays: leave out --once")
    settings = load()
    log_to_stderr(settings)
    train_now = partial(
        run,
        settings,
        once=once,
        standby=standby,
        takeover=takeover,
        force=force,
        wait_s=wait_s,
        configure=partial(log_to_stderr, settings),
    )
    if not once:
        return Report({"generation": train_now()})
    with noted(settings, os_user(), "refit", force=force or None) as deed:
        made = train_now()
        deed.facts = {"live_generation": made}
    return Report({"generation": made})
