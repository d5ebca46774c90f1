"""Every hint of a command works: followed literally, it leads to lists and ends nothing."""

import ast
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from gigstream.cli import Later, cli
from project.tree import modules, parsed
from support.processes.commands import ROOT
from support.processes.living import until

BIN = Path(sys.executable).parent
HINT = re.compile(r"`(gigstream [^`]*)`")
STAYS = ("up", "consume", "serve")
DEEPEST = 6

PAIRS = [(n % 13, (n % 13 + n // 13 % 3) % 9, n % 28 + 1) for n in range(300)]
GIGS = [f"a{a},Act {a},v{v},Act {v} Hall,2015-01-{day:02}" for a, v, day in PAIRS]
HEADINGS = "artist_id,artist,venue_id,venue,date"
MEANT = {
    "FILE": "gigs.csv",
    "TEXT": "Act 7",
    "ID": "a1",
    "NAME": "import:gigs",
    "GENERATION": "1",
    "COMMAND": "status",
}
"""What a reader puts in the place of a word in capitals."""


class Shell:
    """A folder with a file of gigs, and a shell that finds `gigstream`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "gigs.csv").write_text("\n".join([HEADINGS, *GIGS]))
        inherited = {k: v for k, v in os.environ.items() if not k.upper().startswith("GIGSTREAM_")}
        python = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        self._env = {
            **inherited,
            "PATH": path,
            "PYTHONPATH": python,
            "GIGSTREAM_CONNECT_TIMEOUT_S": "2",
            "GIGSTREAM_REFIT_QUIET_S": "0.2",
        }
        self.kept: list[subprocess.Popen[str]] = []

    def run(self, line: str) -> tuple[int, str]:
        """Exit code and output of a command; one that stays is started, and has the code 0."""
        words = [MEANT.get(word, word) for word in shlex.split(line)]
        if words[1:2] and words[1] in STAYS and "-h" not in words and "--help" not in words:
            return self._stay(words)
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=self._env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def _stay(self, words: list[str]) -> tuple[int, str]:
        log = self.folder / f"{words[1]}-{len(self.kept)}.log"
        with log.open("w") as file:
            process = subprocess.Popen(
                words, cwd=self.folder, env=self._env, stdout=file, stderr=file, text=True
            )
        ready = {"up": "Ctrl-C ends", "consume": "Reading", "serve": "Serving at"}[words[1]]
        until(lambda: ready in log.read_text() or process.poll() is not None)
        if process.poll() is None:
            self.kept.append(process)
            return 0, log.read_text()
        return process.returncode, log.read_text()

    def alive(self) -> bool:
        """Whether all that was started runs."""
        return all(process.poll() is None for process in self.kept)

    def close(self) -> None:
        for process in reversed(self.kept):
            process.terminate()
            process.wait(60)


@pytest.fixture
def shell(tmp_path):
    made = Shell(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A shell in whose folder everything runs, with lists."""
    made = Shell(tmp_path_factory.mktemp("running"))
    assert made.run("gigstream up")[0] == 0
    code, said = made.run("gigstream import FILE")
    assert code == 0, said
    until(lambda: made.run("gigstream artist a1")[0] == 0)
    yield made
    made.close()


def follow(shell: Shell, line: str, depth: int = 0) -> None:
    """Run a command until it succeeds, by what it advises each time, in the order of the hints."""
    said: list[str] = []
    followed = {line}
    while True:
        code, output = shell.run(line)
        if code == 0:
            return
        said.append(f"{line}: {code}: {output}")
        hints = [hint for hint in HINT.findall(output) if hint not in followed]
        assert hints, "\n".join(said)
        assert depth < DEEPEST, said
        followed.add(hints[0])
        follow(shell, hints[0], depth + 1)


FIRST = [
    "gigstream artist a1",
    "gigstream status",
    "gigstream import gigs.csv",
    "gigstream export model.joblib",
]


@pytest.mark.parametrize("line", FIRST)
def test_from_an_empty_folder_the_hints_lead_to_lists(shell, line):
    follow(shell, line)
    follow(shell, "gigstream artist a1")

    assert shell.alive(), "what was started runs on"


SAYS = [
    "gigstream",
    "gigstream nonsense",
    "gigstream artist",
    "gigstream artist unknown",
    "gigstream artist --name nothing-of-this-name",
    "gigstream similar artist unknown",
    "gigstream hide venue unknown",
    "gigstream hide venue v1",
    "gigstream show venue v1",
    "gigstream retract --source import:nothing --yes",
    "gigstream retract --source import:gigs --yes",
    "gigstream source list",
    "gigstream source quarantine nothing",
    "gigstream source release ''",
    "gigstream merge artist unknown into a1 --yes",
    "gigstream unmerge artist a1",
    "gigstream generations",
    "gigstream rollback 99 --yes",
    "gigstream accept",
    "gigstream rollback 1 --yes",
    "gigstream unpin",
    "gigstream pin",
    "gigstream dead-letters list",
    "gigstream dead-letters show 0/0",
    "gigstream import missing.csv",
    "gigstream import gigs.csv --dry-run",
    "gigstream train",
    "gigstream up",
    "gigstream check",
    "gigstream status",
    "gigstream verify",
    "gigstream store check",
]


def test_where_lists_are_every_hint_works_and_ends_nothing(running):
    followed: set[str] = set()
    failed = []
    for line in SAYS:
        _, output = running.run(line)
        for hint in HINT.findall(output):
            if hint not in followed:
                followed.add(hint)
                code, said = running.run(hint)
                if code != 0:
                    failed.append(f"{line} -> {hint}: {code}: {said}")
    assert failed == []
    assert len(followed) >= 8, followed
    assert running.alive()
    # The lists are those of before: what was taken back was given back by the hints.
    until(lambda: "model list" in running.run("gigstream artist a1")[1], timeout_s=120)


def texts(module: str) -> list[str]:
    """All texts of a module; what is put into them is a word in capitals."""
    found = []
    for node in ast.walk(parsed(module)):
        if isinstance(node, ast.JoinedStr):
            parts = [each.value if isinstance(each, ast.Constant) else "x" for each in node.values]
            found.append("".join(map(str, parts)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(node.value)
    return found


def hints_in_code() -> list[tuple[str, str]]:
    found = {(m, h) for m in modules() for text in texts(m) for h in HINT.findall(text)}
    return sorted(found)


@pytest.mark.parametrize(("module", "hint"), hints_in_code())
def test_every_command_in_a_text_is_one(module, hint):
    words = [word for word in shlex.split(hint)[1:] if word != "..."]
    if not words or words[0] in {"COMMAND", "x"} or words[0].startswith("-"):
        return
    command: click.Command = cli.commands[words[0]]
    command = command.load() if isinstance(command, Later) else command
    rest = words[1:]
    if isinstance(command, click.Group) and rest:
        command, rest = command.commands[rest[0]], rest[1:]
    options = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}

    assert [word for word in rest if word.startswith("--")] == [
        word for word in rest if word in options | {"--help"} and word.startswith("--")
    ], module


def test_a_hint_names_the_program_as_it_was_called(tmp_path):
    """After `make demo` no shell finds `gigstream`."""
    env = {k: v for k, v in os.environ.items() if not k.upper().startswith("GIGSTREAM_")}
    program = tmp_path / "bin" / "gigstream"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nfrom gigstream.cli import main\nmain()\n")
    program.chmod(0o755)
    env |= {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}

    def said(called: str, path: str) -> str:
        done = subprocess.run(
            [called, "export", "m.joblib"],
            cwd=tmp_path,
            env=env | {"PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stderr

    assert "run `bin/gigstream train --once` first" in said("bin/gigstream", env["PATH"])
    found = f"{program.parent}:{env['PATH']}"
    assert "run `gigstream train --once` first" in said(str(program), found)
