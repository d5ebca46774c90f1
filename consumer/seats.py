"""Who is in the group on this machine, so that a killed consumer's partitions move at once.

Kafka notices that a member is gone when its session ends, 6 s later with a common broker. The
kernel knows at once: it lets go of the locks of a process that ends, however that ends.

Words used here:
    seat: a member's place in the group; its name is the member's ``group.instance.id``.
    seat file: names the seat and is locked as long as its member lives.
    vacant: a seat whose file is there and not locked; its member was killed.
    to vacate: to leave the group in the name of a dead member, with its instance id.

A new consumer sits down on a vacant seat where there is one, and so gets the dead one's partitions
without a rebalance. The others vacate it otherwise. Only this machine's seats count: whether a
lock is seen on another one depends on the file system. Wrongly vacated, a member would be fenced
and end; what is stored would be right all the same, by the guards of the store.
"""

import fcntl
import logging
import os
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import msgspec

logger = logging.getLogger(__name__)

LOOK_S = 0.2
"""How often a member looks for vacant seats."""

_FOLDER = ".members"
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Group(NamedTuple):
    """What members must share to answer for each other.

    Attributes:
        cluster_id: of Kafka.
        group: its name.
        topic: what is read.
        machine: on which they run, until its next boot.
    """

    cluster_id: str
    group: str
    topic: str
    machine: str


def machine() -> str:
    """This machine since its last boot; containers on it are the same machine."""
    with suppress(OSError):
        return _BOOT.read_text().strip()
    return socket.gethostname()


class Seat:
    """A seat that this process holds.

    Attributes:
        name: the ``group.instance.id``.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.name = path.name
        self._path = path
        self._descriptor = descriptor

    def give_up(self) -> None:
        """Nobody is in the group by this name any more."""
        self._path.unlink(missing_ok=True)
        self.let_go()

    def let_go(self) -> None:
        """Vacant from here on: somebody may still be in the group by this name."""
        os.close(self._descriptor)


def take(store: Path, group: Group) -> Seat:
    """A vacant seat, or a new one.

    Raises:
        OSError: the store's folder cannot be written.
    """
    seat = next(vacant(store, group), None)
    return _new(store, group) if seat is None else seat


def vacant(store: Path, group: Group) -> Iterator[Seat]:
    """Seats of this group whose members are gone; each is held by us from here on."""
    for path in _paths(store):
        seat = _held(path)
        if seat is None:
            continue
        if path.read_bytes() == msgspec.json.encode(group):
            yield seat
        else:
            seat.let_go()


def _paths(store: Path) -> list[Path]:
    try:
        return sorted((store / _FOLDER).iterdir())
    except FileNotFoundError:
        return []


def _held(path: Path) -> Seat | None:
    """The seat, locked; None where its member lives, or it is gone."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    with suppress(BlockingIOError, FileNotFoundError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_ino == path.stat().st_ino:
            return Seat(path, descriptor)
    os.close(descriptor)
    return None


def _new(store: Path, group: Group) -> Seat:
    path = store / _FOLDER / f"gigstream-{uuid.uuid4().hex[:12]}"
    path.parent.mkdir(exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
    # Somebody who looks for vacant seats may have it for a moment, finds it empty and lets go.
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    seat = Seat(path, descriptor)
    try:
        os.write(descriptor, msgspec.json.encode(group))
    except OSError:
        seat.give_up()
        raise
    return seat


class Watchman:
    """Vacates the seats of dead members, from a thread; a context manager.

    Args:
        store: the store's folder.
        group: whose seats.
        vacate: leaves the group in the name of that seat; whether that was possible.
    """

    def __init__(self, store: Path, group: Group, vacate: Callable[[str], bool]) -> None:
        self._store = store
        self._group = group
        self._vacate = vacate
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watchman", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(2 * LOOK_S)

    def _look(self) -> None:
        while not self._stop.wait(LOOK_S):
            try:
                self.look()
            except OSError as error:
                logger.warning("Dead members keep their partitions for a session: %s", error)

    def look(self) -> None:
        """Vacate what is vacant."""
        for seat in vacant(self._store, self._group):
            if self._vacate(seat.name):
                logger.info("Vacated the seat of a member that is gone: %s", seat.name)
            seat.give_up()
