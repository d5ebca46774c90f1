"""Members of the consumer group on this machine, so that a killed one's partitions move at once.

Kafka notices that a member is gone when its session ends, 6 s later with a common broker. The
kernel knows at once: it releases the locks of a process that ends, however it ends.

Words used here:
    static member: a member with a ``group.instance.id``, its name.
    member file: a file with that name; its process holds a lock on it as long as it lives.
    dead member: its file is there and not locked; its process was killed.
    to evict: to leave the group in the name of a dead member, with its instance id.

A new consumer takes the name of a dead member where there is one, and so gets its partitions
without a rebalance. Otherwise the living members evict it. Only members of this machine count:
whether a lock is visible on another one depends on the file system. A member that was evicted by
mistake would be fenced and end; the guards of the store keep what is stored right all the same.
"""

import logging
import os
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

import msgspec

from consumer.table import durable

logger = logging.getLogger(__name__)

LOOK_S = 0.2
"""How often a member looks for dead ones."""

_FOLDER = ".members"
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Group(NamedTuple):
    """What members must share to evict each other.

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


class StaticMember:
    """A name in the group that this process holds.

    Attributes:
        name: the ``group.instance.id``.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.name = path.name
        self._path = path
        self._descriptor = descriptor

    def remove(self) -> None:
        """The group has no member of this name any more."""
        self._path.unlink(missing_ok=True)
        self.release()

    def release(self) -> None:
        """Count as dead from here on: the group may still have a member of this name."""
        os.close(self._descriptor)


def claim(store: Path, group: Group) -> StaticMember:
    """Take the name of a dead member, or a new one.

    Raises:
        OSError: the store's folder cannot be written.
    """
    member = next(dead_members(store, group), None)
    return _created(store, group) if member is None else member


def dead_members(store: Path, group: Group) -> Iterator[StaticMember]:
    """Members of this group whose processes are gone; each is held by us from here on."""
    for path in sorted((store / _FOLDER).glob("*")):
        member = _locked(path)
        if member is None:
            continue
        # Another topic or group may share this store's folder: its members are not ours to evict.
        if path.read_bytes() == msgspec.json.encode(group):
            yield member
        else:
            member.release()


def names(store: Path) -> list[str]:
    """The names of a store's members, of any group, living or dead."""
    return [path.name for path in (store / _FOLDER).glob("*")]


def _locked(path: Path) -> StaticMember | None:
    """The member, locked; None where its process lives, or its file is gone."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    with suppress(FileNotFoundError):
        # The same file still: it may have been removed between opening and locking.
        is_ours = durable.try_lock(descriptor)
        if is_ours and os.fstat(descriptor).st_ino == path.stat().st_ino:
            return StaticMember(path, descriptor)
    os.close(descriptor)
    return None


def _created(store: Path, group: Group) -> StaticMember:
    path = store / _FOLDER / f"gigstream-{uuid.uuid4().hex[:12]}"
    path.parent.mkdir(exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
    # Another process may lock the file for a moment; it finds the file empty and releases it.
    durable.lock(descriptor)
    member = StaticMember(path, descriptor)
    try:
        os.write(descriptor, msgspec.json.encode(group))
    except OSError:
        member.remove()
        raise
    return member


class Evictor:
    """Evicts dead members, from a thread; a context manager.

    Args:
        store: the store's folder.
        group: whose members.
        evict: leaves the group in the name of that member; returns whether that was possible.
    """

    def __init__(self, store: Path, group: Group, evict: Callable[[str], bool]) -> None:
        self._store = store
        self._group = group
        self._evict = evict
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="evictor", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(2 * LOOK_S)

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S):
            try:
                self._evict_dead()
            except OSError as error:
                logger.warning("Dead members keep their partitions for a session: %s", error)

    def _evict_dead(self) -> None:
        for member in dead_members(self._store, self._group):
            # Removed in any case: a member that Kafka does not let us evict ends with its session.
            if self._evict(member.name):
                logger.info("Evicted a member whose process is gone: %s", member.name)
            member.remove()
