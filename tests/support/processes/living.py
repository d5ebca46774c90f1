"""Finds processes that a test left behind: those that work in its folder."""

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def living(folder: Path) -> set[int]:
    """Numbers of the processes that work in a folder or below it, but for this one."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):  # gone, or a zombie
                if (entry / "cwd").readlink().is_relative_to(folder):
                    found.add(int(entry.name))
    return found


def command(pid: int) -> list[str]:
    """The command line of a process, empty where it is gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
    return []


def children(pid: int) -> list[int]:
    """Numbers of the processes that a process started and that are not gone."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # the thread ended meanwhile
            found += map(int, task.read_text().split())
    return found


def until(look: Callable[[], T], timeout_s: float = 60) -> T:
    """What `look` finds once that is true."""
    end = time.monotonic() + timeout_s
    while not (found := look()):
        assert time.monotonic() < end, f"not true within {timeout_s} s"
        time.sleep(0.05)
    return found
