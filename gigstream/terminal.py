"""What a command says: results on stdout, progress and remarks on stderr.

With `--json`, stdout carries one JSON object as its last line, and no text for people.
"""

import functools
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TextIO

import click
from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from gigstream.invocation import as_called
from gigstream.tables import Rows
from gigstream.texts import plain

_QUIET_S = 1.0
_PLAIN_INTERVAL_S = 5.0

Share = Callable[[float | None], None]


@dataclass(frozen=True)
class Report:
    """Result of a command: the JSON object and the exit code."""

    data: dict[str, Any]
    exit_code: int = 0


class Terminal:
    """Where a command writes."""

    def __init__(self, *, as_json: bool = False) -> None:
        self._as_json = as_json
        self._finished = False
        self._out, self._err = _console(sys.stdout), _console(sys.stderr)

    def say(self, *what: RenderableType) -> None:
        """Print texts or tables for people on stdout; nothing with `--json`.

        A table without rows is a remark: no heading stands there alone, and a pipe gets no line.
        """
        for each in () if self._as_json else what:
            if isinstance(each, Rows) and not each.rows:
                self.remark(each.empty)
            elif isinstance(each, str):
                self._out.print(as_called(plain(each, lines=True)), soft_wrap=True)
            else:
                # Not cropped: a terminal itself wraps what is wider, and nothing is lost.
                self._out.print(each, crop=False)

    def remark(self, *texts: str) -> None:
        """Print lines on stderr that explain the result."""
        for text in texts:
            click.echo(f"gigstream: {as_called(plain(text))}", err=True)

    def finish(self, report: Report) -> None:
        """Print the JSON object if it was asked for; only the first call prints."""
        if self._as_json and not self._finished:
            as_is = (sys.stdout.encoding or "utf-8").lower().replace("-", "") == "utf8"
            click.echo(json.dumps(report.data, ensure_ascii=not as_is))
        self._finished = True

    @contextmanager
    def progress(self, what: str) -> Iterator[Share]:
        """Yield a function that takes the share done, 0 to 1, None if unknown.

        The first second is silent. What was shown as a share ends at 100 %, unless it fails.
        """
        shown = _Bar(what, self._err) if self._err.is_terminal else _Lines(what, self._err)
        try:
            yield shown
            shown.done()
        finally:
            shown.close()


def command(name: str) -> Callable[[Callable[..., Report]], click.Command]:
    """Make a command of a function that takes the terminal first and returns its report."""

    def wrap(function: Callable[..., Report]) -> click.Command:
        @click.command(name)
        @click.option("--json", "as_json", is_flag=True, help="End with one JSON object on stdout.")
        @functools.wraps(function)
        def run(*, as_json: bool, **given: object) -> int:
            terminal = Terminal(as_json=as_json)
            report = function(terminal, **given)
            terminal.finish(report)
            return report.exit_code

        made: click.Command = run
        return made

    return wrap


def _console(file: TextIO) -> Console:
    return Console(file=file, highlight=False, emoji=False, markup=False)


class _Bar:
    """A progress bar, on a terminal."""

    def __init__(self, what: str, console: Console) -> None:
        columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()
        self._bar = Progress(*columns, TimeRemainingColumn(), console=console, transient=True)
        self._task = self._bar.add_task(what, total=1.0)
        self._begin_s = time.monotonic()

    def __call__(self, share: float | None) -> None:
        if time.monotonic() - self._begin_s > _QUIET_S:
            self._bar.start()
        self._bar.update(self._task, completed=share, total=None if share is None else 1.0)

    def done(self) -> None:
        """Leave it to `close`: a bar does not stay."""

    def close(self) -> None:
        self._bar.stop()


class _Lines:
    """A line every few seconds, where stderr is not a terminal; one alone where no share is known.

    Args:
        what: is done.
        console: where it is shown.
    """

    def __init__(self, what: str, console: Console) -> None:
        self._what, self._console = what, console
        self._next_s = time.monotonic() + _QUIET_S
        self._last = ""

    def __call__(self, share: float | None) -> None:
        if time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + _PLAIN_INTERVAL_S
            self._print("..." if share is None else f": {share:.0%}")

    def done(self) -> None:
        """End a share that was shown."""
        if self._last.endswith("%"):
            self._print(": 100%")

    def _print(self, done: str) -> None:
        if done != self._last:
            self._last = done
            self._console.print(f"{self._what}{done}", soft_wrap=True)

    def close(self) -> None:
        """Leave the printed lines."""
