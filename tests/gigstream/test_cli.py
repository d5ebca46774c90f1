"""The process edge: what every command shares."""

import contextlib
import io
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click import Command, Group

from gigstream import terminal as terminals
from gigstream.cli import Later, cli, run
from gigstream.errors import WrongUse
from gigstream.tables import Rows
from gigstream.terminal import Report, Terminal, command
from support.processes.commands import ROOT, gigstream
from support.processes.living import until

HEAVY = ("pyarrow", "numpy", "implicit", "pydantic", "confluent_kafka", "redis", "deltalake")


@pytest.fixture
def add(monkeypatch):
    """Adds a command for the length of a test."""

    def added(function) -> Command:
        made = command("extra")(function)
        monkeypatch.setitem(cli.commands, "extra", made)
        return made

    return added


def test_help_imports_nothing_heavy():
    code = f"import gigstream.cli, sys; sys.exit(str(sorted({set(HEAVY)!r} & set(sys.modules))))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.stderr.strip() == "[]"


def words(group: Group = cli) -> Iterator[tuple[str, ...]]:
    """The words of every command, those of groups after their group's."""
    for name, made in group.commands.items():
        made = made.load() if isinstance(made, Later) else made  # noqa: PLW2901
        if isinstance(made, Group):
            yield from ((name, *more) for more in words(made))
        else:
            yield (name,)


@pytest.mark.parametrize("command", sorted(words()), ids=" ".join)
def test_every_command_has_help_and_json(command):
    done = gigstream(*command, "--help")

    assert done.code == 0
    assert "--json" in done.out


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_the_list_of_commands_has_the_first_sentence_of_each_commands_help(name):
    later = cli.commands[name]

    assert later.short_help == later.load().get_short_help_str(150)


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_the_example_of_each_command_is_one_that_it_accepts(name):
    command = cli.commands[name].load()
    example = command.epilog.removeprefix("Example: ")
    said = gigstream(name, "-h").out

    assert example in " ".join(said.split())
    first, named, *arguments = shlex.split(example)
    assert (first, named) == ("gigstream", name)
    parse(command, name, arguments)


def parse(command, name, arguments) -> None:
    """Parses arguments as click does before it calls a command; raises UsageError."""
    with command.make_context(name, list(arguments)) as context:
        if isinstance(command, Group):
            word, found, rest = command.resolve_command(context, arguments)
            parse(found, word, rest)


def test_with_json_a_failure_is_an_object_too(add):
    def body(_terminal: Terminal) -> Report:
        raise WrongUse("no such file: a\nb")

    add(body)
    failed, unknown = gigstream("extra", "--json"), gigstream("nonsense", "--json")

    assert failed.data == {"error": {"message": "no such file: a\nb", "exit_code": 2}}
    assert failed.code == 2
    assert unknown.data["error"]["exit_code"] == unknown.code == 2
    assert gigstream("extra").out == ""


def test_with_json_a_traceback_comes_with_an_object(add):
    add(lambda _terminal: Report({"n": 1 // 0}))
    out = io.StringIO()

    with contextlib.redirect_stdout(out), pytest.raises(ZeroDivisionError):
        run(["extra", "--json"])

    assert json.loads(out.getvalue())["error"]["message"].startswith("ZeroDivisionError: ")


def test_a_long_id_is_folded_and_never_cut(add):
    identity = "x" * 300

    def body(terminal: Terminal) -> Report:
        terminal.say(Rows(("id", "name"), [(identity, "The Hall")]))
        return Report({})

    add(body)
    assert gigstream("extra").out.count("x") == 300


def test_completion_offers_commands_and_options():
    def offered(words):
        env = {
            "_GIGSTREAM_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split()) - 1),
        }
        program = Path(sys.executable).parent / "gigstream"
        done = subprocess.run(
            [program], env=os.environ | env, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert "plain,dead-letters" in offered("gigstream de")
    assert "plain,--returns" in offered("gigstream artist --re")


def test_python_m_gigstream_is_the_command_line(tmp_path, start):
    process = start("--help")
    out, _ = process.communicate(timeout=60)

    assert process.returncode == 0
    assert out.startswith("Usage: gigstream [OPTIONS] COMMAND")


def test_the_json_object_is_the_only_line_on_stdout(add):
    def body(terminal: Terminal) -> Report:
        terminal.say("for people")
        terminal.remark("why")
        return Report({"n": 1, "name": "밴드"})

    add(body)
    with_json, without = gigstream("extra", "--json"), gigstream("extra")

    assert with_json.out == '{"n": 1, "name": "밴드"}\n'
    assert with_json.line == "why"
    assert without.out == "for people\n"


def test_a_reports_exit_code_is_the_commands(add):
    add(lambda _terminal: Report({}, exit_code=4))

    assert gigstream("extra").code == 4


def test_an_unforeseen_error_stays_a_traceback(add):
    add(lambda _terminal: Report({"n": 1 // 0}))

    with pytest.raises(ZeroDivisionError):
        run(["extra"])


def test_ctrl_c_ends_a_command_with_130_and_one_line(add):
    def body(_terminal: Terminal) -> Report:
        raise KeyboardInterrupt

    add(body)
    done = gigstream("extra")

    assert (done.code, done.err.splitlines()) == (130, ["", "gigstream: stopped"])  # behind ^C


def test_without_a_terminal_progress_is_a_line_now_and_then(add, monkeypatch):
    monkeypatch.setattr(terminals, "_QUIET_S", 0)
    monkeypatch.setattr(terminals, "_PLAIN_INTERVAL_S", 0)

    def body(terminal: Terminal) -> Report:
        with terminal.progress("Working") as progress:
            progress(0.25)
            progress(None)
        return Report({})

    add(body)
    assert gigstream("extra").err.splitlines() == ["Working: 25%", "Working..."]


def test_what_takes_less_than_a_second_shows_no_progress(add):
    def body(terminal: Terminal) -> Report:
        with terminal.progress("Working") as progress:
            progress(0.5)
        return Report({})

    add(body)
    assert gigstream("extra").err == ""


@pytest.mark.parametrize("name", ["consume", "train"])
def test_a_process_told_to_stop_while_it_waits_for_a_server_ends_at_once(name, start):
    process = start(
        name,
        "--json",
        env={
            "GIGSTREAM_KAFKA_BOOTSTRAP": "127.0.0.1:1",
            "GIGSTREAM_REDIS_URL": "redis://127.0.0.1:1",
            "GIGSTREAM_CONNECT_TIMEOUT_S": "60",
        },
    )
    status = f"/proc/{process.pid}/status"
    until(lambda: handles(status, signal.SIGTERM))
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 0, err
    assert isinstance(json.loads(out), dict)


# Ctrl-C comes in a finalizer, where Python drops exceptions.
IN_A_FINALIZER = """
import signal, time
import click
from gigstream import cli

class Closing:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

@cli.cli.command("late")
def late():
    Closing()
    time.sleep(60)

cli.main(["late"])
"""


def test_ctrl_c_in_a_finalizer_stops_the_command_too():
    done = subprocess.run(
        [sys.executable, "-c", IN_A_FINALIZER],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert (done.returncode, done.stderr.split("\n")[-2:]) == (130, ["gigstream: stopped", ""])


def handles(status: str, number: int) -> bool:
    """Whether a process has a handler of its own for a signal."""
    with open(status) as lines:  # noqa: PTH123
        caught = next(line for line in lines if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


def test_a_command_ends_without_finalizing_the_interpreter():
    # Under a finalized interpreter threads of C++ libraries abort the process, its work done.
    program = (
        "import atexit, os; atexit.register(os.abort); "
        "from gigstream.cli import main; main(['similar', '--help'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: gigstream similar")
