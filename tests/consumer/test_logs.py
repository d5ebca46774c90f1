"""What the processes log, and in which form."""

import json
import logging
import re
from datetime import datetime

import pytest

from consumer.logs import LogSettings, log_to_stderr


@pytest.fixture(autouse=True)
def root(monkeypatch):
    """The root logger as it was, after the test."""
    found = logging.getLogger()
    monkeypatch.setattr(found, "handlers", [])
    level = found.level
    yield found
    found.setLevel(level)


def test_text_lines_have_time_level_and_place(capsys):
    log_to_stderr(LogSettings())
    logging.getLogger("consumer.run").info("Reading %s", "gigs")

    line = capsys.readouterr().err
    assert re.fullmatch(r"[\d-]+ [\d:,]+ INFO    consumer\.run: Reading gigs\n", line)


def test_json_lines_are_one_object_each_whatever_the_message_holds(capsys):
    log_to_stderr(LogSettings(log_format="json"))
    try:
        int("no\nnumber")
    except ValueError:
        logging.getLogger("trainer.run").exception("Two\nlines of %s", "text")

    (line,) = capsys.readouterr().err.splitlines()
    found = json.loads(line)
    assert found["message"] == "Two\nlines of text"
    assert (found["level"], found["logger"]) == ("ERROR", "trainer.run")
    assert found["process"] == "MainProcess"
    assert "ValueError: invalid literal" in found["exc_info"]
    assert datetime.fromisoformat(found["time"]).utcoffset().total_seconds() == 0


def test_lines_below_the_level_are_not_logged(capsys):
    log_to_stderr(LogSettings(log_level="warning"))
    logging.getLogger("consumer.run").info("unseen")
    logging.getLogger("consumer.run").warning("seen")

    assert "unseen" not in (said := capsys.readouterr().err)
    assert "seen" in said
