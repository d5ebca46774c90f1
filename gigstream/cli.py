"""The command line: `gigstream COMMAND [--json]`.

Exit codes: 0 done, 1 failed while working (one traceback if unforeseen), 2 wrong use or
settings, 3 a server cannot be reached, 4 refused; 130 stopped by Ctrl-C before it was done.
"""

import os
import sys
from collections.abc import Sequence

import click

from gigstream.commands.check import check
from gigstream.commands.dead_letters import dead_letters
from gigstream.commands.demo import demo
from gigstream.commands.erase import erase
from gigstream.commands.evaluate import evaluate
from gigstream.commands.export import export
from gigstream.commands.imports import import_
from gigstream.commands.lists import artist, venue
from gigstream.commands.merge import merge
from gigstream.commands.processes import consume, train
from gigstream.commands.rebuild import rebuild
from gigstream.commands.similar import similar
from gigstream.commands.status import status
from gigstream.commands.store import store
from gigstream.commands.up import up
from gigstream.commands.verify import verify

INTERRUPTED = 130


@click.group(commands=[demo, up, import_, consume, train, artist, venue, status, evaluate])
@click.version_option(package_name="gigstream", message="%(version)s")
def cli() -> None:
    """Venues for artists and artists for venues, fresh within a second of a gig."""


cli.add_command(similar)
cli.add_command(export)
cli.add_command(check)
cli.add_command(verify)
cli.add_command(rebuild)
cli.add_command(merge)
cli.add_command(erase)
cli.add_command(dead_letters)
cli.add_command(store)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits with the command's code."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """The process edge: errors become one line on stderr and an exit code."""
    try:
        code = cli.main(arguments, prog_name="gigstream", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.ClickException as error:
        return _refused(error)
    except (KeyboardInterrupt, click.Abort):
        click.echo("gigstream: stopped", err=True)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - the process edge
        return _failed(error)
    return code if isinstance(code, int) else 0


def _refused(error: click.ClickException) -> int:
    """Wrong use, in one line with the place where help is."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "gigstream"
    message = " ".join(error.format_message().split()).rstrip(".")
    click.echo(f"gigstream: {message}; see `{path} --help`", err=True)
    return 2 if isinstance(error, click.UsageError | click.FileError) else error.exit_code


def _failed(error: Exception) -> int:
    """A foreseen error says itself what to do; any other goes on as a traceback."""
    code = getattr(error, "exit_code", None)
    if not isinstance(code, int):
        raise error
    for line in [*getattr(error, "lines", ()), *str(error).splitlines()]:
        click.echo(f"gigstream: {line}", err=True)
    return code
