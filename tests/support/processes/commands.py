"""Runs the command line as users do: arguments in, lines and an exit code out."""

import contextlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gigstream.cli import run

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Done:
    """What a command wrote and how it ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The JSON object that `--json` ends stdout with."""
        return json.loads(self.out.splitlines()[-1])

    @property
    def line(self) -> str:
        """The one line of an error."""
        (line,) = self.err.splitlines()
        assert line.startswith("gigstream: ")
        return line.removeprefix("gigstream: ")


def gigstream(*arguments: object) -> Done:
    """Runs a command in this process, with its environment and folder."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run([str(each) for each in arguments])
    return Done(code, out.getvalue(), err.getvalue())


def started(*arguments: object, **options: Any) -> subprocess.Popen[str]:
    """A command as a process of its own."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-m", "gigstream", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path, **options.pop("env", {})},
        **options,
    )
