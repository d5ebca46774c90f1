"""`consume` and `train`: the long-running processes, each to be stopped by SIGTERM."""

import click

from gigstream.terminal import Report, Terminal, command, log_to_stderr


@command("consume")
def consume(terminal: Terminal) -> Report:
    """Store what comes from Kafka, until SIGTERM."""
    del terminal
    from consumer.run import run
    from gigstream.settings import load

    log_to_stderr()
    code = run(load())
    return Report({"exit_code": code}, code)


@command("train")
@click.option("--once", is_flag=True, help="Publish one generation of what is stored, then end.")
@click.option("--takeover", is_flag=True, help="Publish where another registry did before.")
@click.option("--force", is_flag=True, help="Publish even if the lists shrink by half.")
def train(terminal: Terminal, *, once: bool, takeover: bool, force: bool) -> Report:
    """Keep the lists in Redis up to date with the store, until SIGTERM."""
    del terminal
    from gigstream.settings import load
    from trainer.run import run

    log_to_stderr()
    made = run(load(), once=once, takeover=takeover, force=force, configure=log_to_stderr)
    return Report({"generation": made})
