"""What others sent never steers a terminal, and a terminal of any encoding gets a line."""

import io
import json

import pytest

from gigstream.tables import Rows
from gigstream.terminal import Report, Terminal
from gigstream.texts import lenient, plain
from support.processes.commands import gigstream, started

STEERING = "\x1b]0;owned\x07\x1b[31mred\x9b2J\u202e\r\b"


def test_characters_that_steer_are_shown_escaped():
    assert plain("a\x1b[2Jb\x07\x9b\u202e") == r"a\x1b[2Jb\x07\x9b\u202e"
    assert plain("유나 🎸 Žižkov\t") == "유나 🎸 Žižkov\\t"
    assert plain("a\nb") == r"a\nb"
    assert plain("a\nb", lines=True) == "a\nb"


def test_a_name_with_escape_sequences_goes_to_no_terminal_as_it_is(capsys):
    terminal = Terminal()
    terminal.say(Rows(("id", "name"), [("a", STEERING)]), f"artist a ({STEERING})")
    terminal.remark(STEERING)
    shown = capsys.readouterr()

    assert not {"\x1b", "\x07", "\x9b", "\u202e", "\r", "\b"} & set(shown.out + shown.err)
    assert r"\x1b[31mred" in shown.out


def test_an_argument_with_escape_sequences_comes_back_escaped():
    done = gigstream("artist", "\x1b[31mred", "--name", "\x1b[31m")

    assert done.code == 2
    assert "\x1b" not in done.err
    assert "\x1b" not in gigstream("status", "\x1b[31m").err


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252", "utf-8"])
def test_letters_that_a_terminal_lacks_become_question_marks(encoding, tmp_path):
    """In a process of its own: the encoding is the stream's."""
    (tmp_path / "gigstream.toml").write_text("home = '유나-Ž-🎸'\n", encoding="utf-8")
    env = {"PYTHONIOENCODING": encoding, "GIGSTREAM_CONNECT_TIMEOUT_S": "0.1"}
    process = started("check", "store", env=env, cwd=tmp_path)
    process.wait(30)
    shown = process.stdout.buffer.read()
    process.communicate()

    assert process.returncode == 0, shown
    home = "유나-Ž-🎸".encode(encoding, errors="replace")
    assert b"home = " + home in shown


def test_json_can_be_read_whatever_the_encoding(tmp_path):
    (tmp_path / "gigstream.toml").write_text("home = '유나-Ž-🎸'\n", encoding="utf-8")
    env = {"PYTHONIOENCODING": "latin-1", "GIGSTREAM_CONNECT_TIMEOUT_S": "0.1"}
    out, _ = started("check", "store", "--json", env=env, cwd=tmp_path).communicate(timeout=60)

    assert json.loads(out.splitlines()[-1])["settings"]["home"] == "유나-Ž-🎸"


def test_a_share_that_was_shown_ends_at_100_percent(capsys, monkeypatch):
    monkeypatch.setattr("gigstream.terminal._QUIET_S", 0.0)
    with Terminal().progress("Importing") as share:
        share(0.5)
        share(0.9)
    assert capsys.readouterr().err.splitlines() == ["Importing: 50%", "Importing: 100%"]

    with Terminal().progress("Importing") as share:
        share(1.0)
    assert capsys.readouterr().err.splitlines() == ["Importing: 100%"]

    with pytest.raises(KeyboardInterrupt):
        cut_short()
    assert capsys.readouterr().err.splitlines() == ["Importing: 50%"]


def cut_short():
    """A progress that is interrupted."""
    with Terminal().progress("Importing") as share:
        share(0.5)
        raise KeyboardInterrupt


def test_a_phase_without_a_share_is_one_line(capsys, monkeypatch):
    monkeypatch.setattr("gigstream.terminal._QUIET_S", 0.0)
    monkeypatch.setattr("gigstream.terminal._PLAIN_INTERVAL_S", 0.0)
    with Terminal().progress("Fitting") as share:
        for _ in range(3):
            share(None)
    assert capsys.readouterr().err.splitlines() == ["Fitting..."]


def test_a_table_without_rows_is_a_sentence_beside_the_result(capsys):
    Terminal().say(Rows(("id", "name"), [], empty="nothing is there yet"))
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "gigstream: nothing is there yet\n")

    Terminal(as_json=True).say(Rows(("id", "name"), [], empty="nothing is there yet"))
    assert capsys.readouterr().err == ""


def test_a_stream_of_another_kind_is_left_alone(capsys):
    lenient(io.StringIO())
    Terminal(as_json=True).finish(Report({"name": "유나"}))

    assert json.loads(capsys.readouterr().out) == {"name": "유나"}
