"""The command line: `gigstream COMMAND [--json]`.

Exit codes: 0 done, 1 failed while working (one traceback if unforeseen), 2 wrong use or
settings, 3 a server cannot be reached, 4 refused; 130 stopped by Ctrl-C before it was done.
"""

import os
import signal
import sys
import threading
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from gigstream.terminal import lenient, plain

INTERRUPTED = 130
_AGAIN_S = 0.05

# In the order of the docs: what a newcomer needs first.
_COMMANDS = {
    "demo": "Run real gigs through Kafka, store, ALS and Redis here, then time live ones.",
    "up": "Run an embedded broker, Redis, the consumer and the trainer until Ctrl-C.",
    "import": "Send files of gigs (TSV, CSV, Parquet) to Kafka; again, it changes nothing.",
    "consume": "Store events from Kafka, until SIGTERM.",
    "train": "Keep the lists in Redis up to date with the store, until SIGTERM.",
    "artist": "Venues for an artist, best first.",
    "venue": "Artists for a venue who have not played there, best first.",
    "status": "Show counts of the store, lag behind Kafka and the live generation.",
    "evaluate": "Measure the quality of the live score and of baselines on a file of gigs.",
    "similar": "List artists similar to an artist, or venues to a venue, best first.",
    "export": "Write the live model as a joblib file, and the ids of its rows.",
    "check": "Check settings, servers, store, dead letters and solver.",
    "verify": "Compare store with topic, and live lists with recomputed ones.",
    "rebuild": "Make a second store from the topic, and compare it with the first.",
    "merge": "Count all plays of one id, past and future, as another one's.",
    "erase": "Remove an id from the store, the models and Redis for good.",
    "source": "Booking systems: list them, quarantine one, release it again.",
    "dead-letters": "Records that broke the event contract: list, show, replay.",
    "store": "The interaction store: check it, count what it holds, compact it.",
}
_MODULES = {
    "import": "imports",
    "consume": "processes",
    "train": "processes",
    "artist": "lists",
    "venue": "lists",
    "dead-letters": "dead_letters",
}
"""In `gigstream.commands`, of commands whose modules have other names."""


class Later(click.Command):
    """A command whose module is imported when it is called, so that `gigstream --help` is quick.

    Args:
        name: of the command.
        short_help: its line in `gigstream --help`.
    """

    def load(self) -> click.Command:
        """The command itself."""
        name = str(self.name)
        module = import_module(f"gigstream.commands.{_MODULES.get(name, name)}")
        # `import` is a word of Python: its function has an underscore behind it.
        function = "import_" if name == "import" else name.replace("-", "_")
        found: click.Command = getattr(module, function)
        return found

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,  # noqa: ANN401 - click's
    ) -> click.Context:
        """The context of the command itself, which click then invokes.

        Args:
            info_name: see click, as all of them.
            args: what follows the command's name.
            parent: the context of `gigstream`.
            extra: more settings of the context.
        """
        return self.load().make_context(info_name, args, parent, **extra)


@click.group(commands=[Later(name, short_help=text) for name, text in _COMMANDS.items()])
@click.version_option(package_name="gigstream", message="%(version)s")
def cli() -> None:
    """Venues for artists and artists for venues, fresh within a second of a gig."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with the command's code."""
    lenient(sys.stdout)
    lenient(sys.stderr)
    sys.unraisablehook = interrupt_again
    sys.exit(run(arguments))


def interrupt_again(dropped: "sys.UnraisableHookArgs") -> None:
    """`sys.unraisablehook`: repeat a Ctrl-C that came while a finalizer or a callback from C ran.

    Python drops exceptions there, KeyboardInterrupt too, and the command would run on. It is
    raised again a moment later, outside of the finalizer. Other exceptions are reported as usual.
    """
    if not issubclass(dropped.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(dropped)
        return
    main_thread = threading.main_thread().ident
    if main_thread is not None:
        threading.Timer(_AGAIN_S, signal.pthread_kill, [main_thread, signal.SIGINT]).start()


def run(arguments: Sequence[str] | None = None) -> int:
    """The process edge: turns errors into one line on stderr and an exit code."""
    try:
        # Not standalone: click would print errors itself and exit.
        code = cli.main(arguments, prog_name="gigstream", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.ClickException as error:
        return _refused(error)
    except (KeyboardInterrupt, click.Abort):
        click.echo("gigstream: stopped", err=True)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of the pipe ended, as `head` does
        # Python flushes stdout at exit: without this it would raise once more there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - the process edge
        return _failed(error)
    return code if isinstance(code, int) else 0


def _refused(error: click.ClickException) -> int:
    """Print wrong use in one line that names the command's `--help`."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "gigstream"
    # click breaks long messages over several lines.
    message = " ".join(error.format_message().split()).rstrip(".")
    click.echo(f"gigstream: {plain(message)}; see `{path} --help`", err=True)
    return 2 if isinstance(error, click.UsageError | click.FileError) else error.exit_code


def _failed(error: Exception) -> int:
    """Print an expected error, which names its remedy; re-raise any other, with its traceback."""
    code = getattr(error, "exit_code", None)
    if not isinstance(code, int):
        raise error
    # The last log lines of a process come before the line that explains them.
    for line in [*getattr(error, "lines", ()), *str(error).splitlines()]:
        click.echo(f"gigstream: {plain(line)}", err=True)
    return code
