"""The audit: a line for each thing that an operator has done, or tried to do.

A file of JSON lines in the home. It is only appended to, with one exception: an erasure takes the
id out of the lines that mention it. The line is written when the thing is done or has failed;
before it begins the file is opened, so that nothing is done where no line can be written.
"""

import getpass
import json
import logging
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from consumer.errors import ConsumerError
from consumer.ids.decisions import CurrentDecisions
from consumer.ids.erasures import Erasures
from consumer.ids.mentions import HashedIdMatcher
from consumer.settings import StoreSettings
from consumer.table import durable
from operations.errors import AuditUnwritable, OperationError
from serving.errors import ServingError
from trainer.errors import TrainerError

logger = logging.getLogger(__name__)

FILE = "audit.jsonl"
_LOCK = ".audit.lock"
ERASED = "(erased)"
"""What stands in place of a text that mentions an erased id."""

Via = Literal["command", "api", "console"]
Outcome = Literal["done", "refused", "failed"]


@dataclass(frozen=True)
class Actor:
    """Who does something.

    Attributes:
        who: the user of the operating system, or the name of a token.
        via: how it was asked for.
        origin: the machine, or the client's address.
    """

    who: str
    via: Via
    origin: str


@dataclass
class Deed:
    """What is done; the facts of its outcome are added while it is.

    Attributes:
        facts: counts and versions, no ids.
    """

    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """One line of the audit.

    Attributes:
        at: when it ended, RFC 3339.
        who: see `Actor`.
        via: see `Actor`.
        origin: see `Actor`.
        what: the command, such as `merge`.
        arguments: of it.
        outcome: `done`, `refused` (nothing was changed), or `failed`.
        facts: of the outcome.
        detail: why it was refused or failed.
    """

    at: str
    who: str
    via: Via
    origin: str
    what: str
    arguments: Mapping[str, Any]
    outcome: Outcome
    facts: Mapping[str, Any]
    detail: str = ""


def os_user() -> Actor:
    """The user of this process."""
    try:
        who = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        who = f"uid {os.getuid()}"
    return Actor(who, "command", socket.gethostname())


@contextmanager
def noted(settings: StoreSettings, actor: Actor, what: str, **arguments: object) -> Iterator[Deed]:
    """Do something that is on the audit when this ends.

    Args:
        settings: of the home.
        actor: who does it.
        what: the command.
        arguments: of the command; those that are None are left out.

    Raises:
        AuditUnwritable: the audit takes no line; nothing was begun.
    """
    _check(settings.home)
    # An outcome that is set only at the end: whatever ends the deed early is a failure.
    deed, given = Deed(), {name: value for name, value in arguments.items() if value is not None}
    outcome: Outcome = "failed"
    detail = "it was interrupted; see the log"
    try:
        yield deed
        outcome, detail = "done", ""
    except (ConsumerError, OperationError, ServingError, TrainerError) as error:
        detail = str(error)
        outcome = "refused" if error.exit_code in {2, 4} else "failed"
        raise
    finally:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = Line(now, *_of(actor), what, given, outcome, deed.facts, detail)
        _append(settings, line)


def lines(home: Path, n: int, *, skip: int = 0) -> list[dict[str, Any]]:
    """The latest lines, newest first; none where there is no audit.

    Args:
        home: the folder of this installation.
        n: how many.
        skip: how many of the newest to pass over.
    """
    try:
        found = (home / FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    newest = found[::-1][skip : skip + n]
    return [each for each in map(_parsed, newest) if each is not None]


def redact(settings: StoreSettings) -> int:
    """Take erased ids out of all lines; returns how many lines mentioned one.

    Raises:
        ConsumerError: the store cannot be read.
        AuditUnwritable: the audit cannot be written.
    """
    path = settings.home / FILE
    known = CurrentDecisions(settings.store).erasures()
    if not known or not path.exists():
        return 0
    with _locked(settings.home):
        before = path.read_text(encoding="utf-8").splitlines()
        after = [_redacted_line(line, known) for line in before]
        changed = sum(one != other for one, other in zip(before, after, strict=True))
        if changed:
            durable.write(path, "".join(f"{line}\n" for line in after).encode())
    return changed


def _of(actor: Actor) -> tuple[str, Via, str]:
    return actor.who, actor.via, actor.origin


def _check(home: Path) -> None:
    # Nothing is made in a folder that is not there: a home that was misspelt stays absent.
    if not home.exists():
        return
    with _locked(home):
        try:
            with (home / FILE).open("ab"):
                pass
        except OSError as error:
            raise AuditUnwritable(_unwritable(home, error)) from None


def _append(settings: StoreSettings, line: Line) -> None:
    if not settings.home.exists():
        return
    try:
        # Also what an erasure has just erased: its own line must not bring the id back.
        known = CurrentDecisions(settings.store).erasures()
    except ConsumerError as error:
        logger.warning("The audit's line may mention erased ids: %s", error)
        known = Erasures(b"")
    text = _redacted_line(json.dumps(asdict(line), default=str), known)
    try:
        with _locked(settings.home), (settings.home / FILE).open("ab") as file:
            file.write(f"{text}\n".encode())
            file.flush()
            # On the disk before the caller is answered: a power cut must not take the line back.
            os.fsync(file.fileno())
    except (OSError, AuditUnwritable) as error:
        # It is done already: an error here would tell the contrary.
        logger.error("%s has no line of this: %s (%s)", FILE, line.what, error)  # noqa: TRY400


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    try:
        with durable.lock_file(home / _LOCK) as descriptor:
            durable.lock(descriptor)
            yield
    except OSError as error:
        raise AuditUnwritable(_unwritable(home, error)) from None


def _unwritable(home: Path, error: OSError) -> str:
    return (
        f"the audit {home / FILE} cannot be written ({error.strerror}), so nothing was done; "
        "make it writable for this user"
    )


def _redacted_line(line: str, known: Erasures) -> str:
    found = _parsed(line)
    if not known or found is None:
        return line
    matcher = HashedIdMatcher(known.either)
    kept = {name: _redacted(found[name], matcher) for name in ("arguments", "facts", "detail")}
    return line if kept == {name: found[name] for name in kept} else json.dumps(found | kept)


def _redacted(value: Any, matcher: HashedIdMatcher) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        return ERASED if matcher.text(value) else value
    if isinstance(value, dict):
        return {name: _redacted(each, matcher) for name, each in value.items()}
    if isinstance(value, list):
        return [_redacted(each, matcher) for each in value]
    return value


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:  # a power cut tore it
        return None
    return found if isinstance(found, dict) else None
