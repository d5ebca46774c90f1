"""The command line: `gigstream COMMAND [--json]`.

Exit codes: 0 done, 1 failed while working (one traceback if unforeseen), 2 wrong use or
settings, 3 a server cannot be reached, 4 refused; 130 stopped by Ctrl-C before it was done.
"""

import contextlib
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from gigstream.catalogue import MODULES, SECTIONS
from gigstream.invocation import as_called
from gigstream.texts import lenient, plain

INTERRUPTED = 130
_AGAIN_S = 0.05


class Later(click.Command):
    """A command whose module is imported when it is called, so that `gigstream --help` is quick.

    Args:
        name: of the command.
        short_help: its line in `gigstream --help`.
        example: shown at the end of its own help.
    """

    def __init__(self, name: str, short_help: str, example: str) -> None:
        super().__init__(name, short_help=short_help)
        self._example = example

    def load(self) -> click.Command:
        """The command itself."""
        name = str(self.name)
        module = import_module(f"gigstream.commands.{MODULES.get(name, name)}")
        # `import` is a word of Python: its function has an underscore behind it.
        function = "import_" if name == "import" else name.replace("-", "_")
        found: click.Command = getattr(module, function)
        found.epilog = f"Example: {self._example}"
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


class Sections(click.Group):
    """The commands of `gigstream`; its help lists them by section."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - click's
        made = [Later(name, *texts) for each in SECTIONS.values() for name, texts in each.items()]
        super().__init__(commands=made, **settings)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands; the arguments are click's."""
        del ctx
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, text) for name, (text, _) in commands.items()])


@click.group(
    cls=Sections,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="`gigstream COMMAND -h` shows a command's options and an example.",
)
@click.version_option(package_name="gigstream", message="%(version)s")
def cli() -> None:
    """Venues for artists and artists for venues, fresh within a second of a gig."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with the command's code."""
    lenient(sys.stdout)
    lenient(sys.stderr)
    sys.unraisablehook = interrupt_again
    end(run(arguments))


def end(code: int) -> NoReturn:
    """End the process at once, its output written, without finalizing the interpreter.

    Arrow's threads may still release Python objects, such as the call-back of a CSV reader. When
    the interpreter is gone by then, the process aborts after its work was done (apache/arrow#34314;
    seen once in 60 runs of `import --dry-run` on a busy machine).
    """
    logging.shutdown()
    for stream in filter(None, (sys.stdout, sys.stderr)):  # None: closed before the start
        with contextlib.suppress(BrokenPipeError):
            stream.flush()
    os._exit(code)


def interrupt_again(dropped: "sys.UnraisableHookArgs") -> None:
    """`sys.unraisablehook`: repeat a Ctrl-C that came while a finalizer or a callback from C ran.

    Python drops exceptions there, KeyboardInterrupt too, and the command would run on. It is
    raised again a moment later, outside of the finalizer. Other exceptions are reported as usual.
    """
    if not issubclass(dropped.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(dropped)
        return
    # From a timer: raised here, it would be dropped again.
    main_thread = threading.main_thread().ident
    if main_thread is not None:
        threading.Timer(_AGAIN_S, signal.pthread_kill, [main_thread, signal.SIGINT]).start()


def run(arguments: Sequence[str] | None = None) -> int:
    """The process edge: turns errors into one line on stderr and an exit code.

    With `--json`, a failure also ends stdout with one object: `error`, with `message` and
    `exit_code`.

    Args:
        arguments: of the command line; None: those of this process.
    """
    given = sys.argv[1:] if arguments is None else arguments
    as_json = "--json" in given
    try:
        # Not standalone: click would print errors itself and exit.
        code = cli.main(arguments, prog_name="gigstream", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.ClickException as error:
        return _refused(error, as_json=as_json)
    except (KeyboardInterrupt, click.Abort):
        click.echo("gigstream: stopped", err=True)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of the pipe ended, as `head` does
        # Python flushes stdout at exit: without this it would raise once more there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - the process edge
        return _failed(error, as_json=as_json)
    return code if isinstance(code, int) else 0


def _refused(error: click.ClickException, *, as_json: bool) -> int:
    """Print wrong use in one line that names the command's `--help`."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "gigstream"
    # click breaks long messages over several lines.
    message = " ".join(error.format_message().split()).rstrip(".")
    click.echo(as_called(f"gigstream: {plain(message)}; see `{path} --help`"), err=True)
    code = 2 if isinstance(error, click.UsageError | click.FileError) else error.exit_code
    _finish(message, code, as_json=as_json)
    return code


def _failed(error: Exception, *, as_json: bool) -> int:
    """Print an expected error, which names its remedy; re-raise any other, with its traceback."""
    code = getattr(error, "exit_code", None)
    if not isinstance(code, int):
        _finish(f"{type(error).__name__}: {error}", 1, as_json=as_json)
        raise error
    # The last log lines of a process come before the line that explains them.
    for line in [*getattr(error, "lines", ()), *str(error).splitlines()]:
        click.echo(f"gigstream: {as_called(plain(line))}", err=True)
    _advise(code)
    _finish(str(error), code, as_json=as_json)
    return code


def _advise(code: int) -> None:
    from gigstream.advice import UNREACHABLE, advice
    from gigstream.settings import load

    text = advice(load(), code) if code == UNREACHABLE else None
    if text:
        click.echo(f"gigstream: {as_called(text)}", err=True)


def _finish(message: str, code: int, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"error": {"message": message, "exit_code": code}}))
