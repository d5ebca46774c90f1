"""Console blocks of the docs, and a shell that runs them as a reader would."""

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from project.tree import ROOT

_BLOCK = re.compile(r"^[ ]*```(?:console|bash)\n(.*?)^[ ]*```", re.DOTALL | re.MULTILINE)
_PATIENCE_S = 90
# A reader waits until a server is up and lists are there; so does this shell, within bounds.
_PREAMBLE = f"""
patiently() {{
    local end=$((SECONDS + {_PATIENCE_S}))
    until out=$("$@" 2>&1); do
        ((SECONDS < end)) || {{ echo "$out"; return 1; }}
        sleep 0.3
    done
    echo "$out"
}}
curl() {{ patiently command curl --silent --show-error --fail --max-time 20 "$@"; }}
gigstream() {{
    # In the background: the process itself, so that a signal reaches it.
    ((BASHPID == $$)) || exec "$(type -P gigstream)" "$@"
    case "$1" in
        artist | rebuild) patiently command gigstream "$@" ;;
        *) command gigstream "$@" ;;
    esac
}}
end_jobs() {{ kill $(jobs -p) 2>/dev/null; wait; }}
trap end_jobs EXIT
"""


class Step(NamedTuple):
    """A command, and what the docs show as its output."""

    command: str
    shown: str


class Block(NamedTuple):
    """A console block."""

    page: str
    steps: list[Step]

    @property
    def name(self) -> tuple[str, str]:
        """Its page and the first words of its first command."""
        return self.page, " ".join(self.steps[0].command.split()[:2])


def blocks(page: str) -> Iterator[Block]:
    """All console blocks of a page."""
    for found in _BLOCK.finditer((ROOT / page).read_text("utf-8")):
        yield Block(page, list(steps(found[1])))


def steps(text: str) -> Iterator[Step]:
    """Commands, comments among them, with the output below each; all of it without a prompt."""
    lines = [line.strip() for line in text.replace("\\\n", " ").splitlines()]
    commands = [number for number, line in enumerate(lines) if line[:2] in ("$ ", "# ")]
    if not commands:
        yield Step(text.strip(), "")
        return
    for number, end in zip(commands, [*commands[1:], len(lines)], strict=True):
        yield Step(lines[number].removeprefix("$ "), "\n".join(lines[number + 1 : end]).strip())


def run(found: list[Block], folder: Path, env: Mapping[str, str], swaps: Mapping[str, str]):
    """Run blocks one after the other in one shell.

    Args:
        found: the blocks.
        folder: where the reader is.
        env: of the shell.
        swaps: texts of the docs, and what they are on this machine.

    Returns:
        Exit code, what was printed by each step, and all errors.
    """
    listed = [step for block in found for step in block.steps]
    lines = [_PREAMBLE]
    for number, step in enumerate(listed):
        command = step.command
        for written, here in swaps.items():
            command = command.replace(written, here)
        lines += [f"echo '@@{number}@@'", command, f"(($? == 0)) || exit {number + 1}"]
    done = subprocess.run(
        ["bash", "-c", "\n".join(lines)],
        cwd=folder,
        env=dict(env),
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    printed = re.split(r"@@\d+@@\n", done.stdout)[1:]
    failed = listed[done.returncode - 1] if 0 < done.returncode <= len(listed) else None
    return failed, dict(zip(listed, printed, strict=False)), done.stderr
