"""What a command says: results on stdout, progress and remarks on stderr.

With `--json` stdout carries one JSON object as its last line and nothing for people.
"""

import functools
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TextIO

import click
from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

_QUIET_S = 1.0
_PLAIN_INTERVAL_S = 5.0
_PLAIN_WIDTH = 100

Share = Callable[[float | None], None]


@dataclass(frozen=True)
class Report:
    """What a command found out: the JSON object and the exit code."""

    data: dict[str, Any]
    exit_code: int = 0


class Terminal:
    """Where a command writes."""

    def __init__(self, *, as_json: bool = False) -> None:
        self._as_json = as_json
        self._finished = False
        self._out, self._err = _console(sys.stdout), _console(sys.stderr)

    def say(self, *what: RenderableType) -> None:
        """For people: a text or a table on stdout; nothing with `--json`."""
        for each in () if self._as_json else what:
            self._out.print(each, soft_wrap=isinstance(each, str))

    def remark(self, text: str) -> None:
        """One line on stderr that explains the result."""
        click.echo(f"gigstream: {text}", err=True)

    def finish(self, report: Report) -> None:
        """The JSON object, where it was asked for; once, however often it is called."""
        if self._as_json and not self._finished:
            click.echo(json.dumps(report.data, ensure_ascii=False))
        self._finished = True

    @contextmanager
    def progress(self, what: str) -> Iterator[Share]:
        """Yields a function that takes the share done, 0 to 1, None where nobody knows it.

        The first second is silent.
        """
        shown = _Bar(what, self._err) if self._err.is_terminal else _Lines(what, self._err)
        try:
            yield shown
        finally:
            shown.close()


def command(name: str) -> Callable[[Callable[..., Report]], click.Command]:
    """Makes a command of a function that takes the terminal first and returns its report."""

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


def log_to_stderr(level: int = logging.INFO) -> None:
    """Log lines of all packages on stderr; at module level so that a child process can do it."""
    logging.basicConfig(
        stream=sys.stderr,
        level=level,
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
        force=True,
    )


def _console(file: TextIO) -> Console:
    console = Console(file=file, highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        console.width = _PLAIN_WIDTH
    return console


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

    def close(self) -> None:
        self._bar.stop()


class _Lines:
    """A line now and then, where stderr is no terminal."""

    def __init__(self, what: str, console: Console) -> None:
        self._what, self._console = what, console
        self._next_s = time.monotonic() + _QUIET_S

    def __call__(self, share: float | None) -> None:
        if time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + _PLAIN_INTERVAL_S
            done = "..." if share is None else f": {share:.0%}"
            self._console.print(f"{self._what}{done}", soft_wrap=True)

    def close(self) -> None:
        """Nothing to take away."""
