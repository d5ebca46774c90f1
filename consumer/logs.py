"""The log of every process, on stderr: lines for people, or a JSON object a line."""

import logging
from typing import Literal

from pydantic import BaseModel, ConfigDict
from pythonjsonlogger.json import JsonFormatter

_TEXT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_FIELDS = {"levelname": "level", "name": "logger", "processName": "process"}


class LogSettings(BaseModel):
    """What the processes log, and how."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe lines that `consume`, `train`, `up` and their child processes log."""

    log_format: Literal["text", "json"] = "text"
    """`json`: each line is an object with `time` (ISO 8601, UTC), `level`, `logger`, `process`,
    `message` and, after an error, `exc_info`."""


def log_to_stderr(settings: LogSettings) -> None:
    """Log to stderr; at module level, so that child processes can be set up with it too."""
    handler = logging.StreamHandler()
    handler.setFormatter(_formatter(settings.log_format))
    # By force: a child process may have been set up by a library at its import.
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)


def _formatter(name: str) -> logging.Formatter:
    if name == "json":
        return JsonFormatter([*_FIELDS, "message"], timestamp="time", rename_fields=_FIELDS)
    return logging.Formatter(_TEXT)
