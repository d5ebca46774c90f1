"""What other processes ask the running trainer for: a file in `models/` each.

The first line of the file is the request, the second the answer. The asker holds a lock on the
file for as long as it waits, so that the trainer can tell a request whose asker is gone.
"""

import json
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

from consumer.table import durable
from trainer.errors import RequestRefused

_MOST_BYTES = 1 << 16


Action = Literal["fit", "rollback", "accept", "pin", "unpin"]


class Request(NamedTuple):
    """What is asked for.

    Attributes:
        force: publish even if that shrinks the lists by half.
        action: fit and publish all that is stored by now; publish an earlier model again and pin
            it; publish a held one; pin the live model; let refits replace it.
        generation: to roll back to, or to accept; None: the model before the live one, or the
            newest.
    """

    force: bool = False
    action: Action = "fit"
    generation: int | None = None


FIT = Request()


class Asked:
    """A request, on the side of the process that asks."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def answer(self) -> int | None:
        """The generation that is live after it, None before that.

        Raises:
            RequestRefused: there will be none; it has the trainer's own words and exit code.
        """
        lines = os.pread(self._file.fileno(), _MOST_BYTES, 0).splitlines(keepends=True)
        if len(lines) < 2 or not lines[1].endswith(b"\n"):  # noqa: PLR2004 - request, answer
            return None
        answer = json.loads(lines[1])
        if "error" in answer:
            raise RequestRefused(answer["error"], exit_code=answer["exit_code"])
        return int(answer["generation"])


@contextmanager
def asking(models: Path, request: Request = FIT) -> Iterator[Asked]:
    """Ask for something; leaving the context withdraws the request.

    Args:
        models: the folder that the trainer works in.
        request: what is asked for.
    """
    path = models / f"request-{uuid.uuid4().hex}.json"
    draft = path.with_suffix(".draft")
    with draft.open("x+b") as file:
        durable.lock(file.fileno())
        file.write(_line(request._asdict()))
        file.flush()
        draft.rename(path)  # seen only now, whole and locked
        try:
            yield Asked(file)
        finally:
            path.unlink(missing_ok=True)


class Inbox:
    """Requests, on the side of the trainer."""

    def __init__(self, models: Path) -> None:
        self._models = models

    def waiting(self) -> dict[Path, Request]:
        """Those whose askers wait for an answer; what others left is removed."""
        found = [path for path in self._models.glob("request-*.json") if _is_waiting(path)]
        return {path: request for path in found if (request := read(path)) is not None}

    def answer(self, requests: Iterable[Path], answer: Mapping[str, object]) -> None:
        """Give all of these the same answer."""
        for path in requests:
            if path.exists():
                with path.open("ab") as file:
                    file.write(_line(answer))


def read(path: Path) -> Request | None:
    """What a request asks for; one of an earlier version names no action. None: it is withdrawn."""
    try:
        return Request(**json.loads(path.read_bytes().splitlines()[0]))
    except FileNotFoundError:
        return None


def _is_waiting(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            if not durable.try_lock(file.fileno(), shared=True):
                return len(file.readlines()) < 2  # noqa: PLR2004 - no answer yet
            path.unlink()
    except FileNotFoundError:
        pass
    return False


def _line(content: Mapping[str, object]) -> bytes:
    return json.dumps(content).encode() + b"\n"
