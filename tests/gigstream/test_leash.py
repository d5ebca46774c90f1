"""Nothing on a leash outlives its owner."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gigstream import leash

# Starts a child and a grandchild, tells their numbers, and waits.
FAMILY = """
import os, subprocess, time
child = subprocess.Popen(["sleep", "60"])
print(os.getpid(), child.pid, flush=True)
time.sleep(60)
"""


def on_leash(*command: str) -> tuple[subprocess.Popen[str], int]:
    """A process, and the end of the pipe that holds it."""
    owner, holder = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", leash.__file__, str(owner), *command],
        pass_fds=[owner],
        stdout=subprocess.PIPE,
        text=True,
    )
    os.close(owner)
    return process, holder


def gone(pid: int, within_s: float = 60) -> bool:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if not Path(f"/proc/{pid}").exists() or "Z" in state(pid):
            return True
        time.sleep(0.02)
    return False


def state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def family() -> tuple[subprocess.Popen[str], int, list[int]]:
    process, holder = on_leash(sys.executable, "-c", FAMILY)
    assert process.stdout is not None
    return process, holder, [int(pid) for pid in process.stdout.readline().split()]


def test_the_commands_exit_code_is_the_leashs():
    process, holder = on_leash("sh", "-c", "exit 3")
    with process:
        assert process.wait(5) == 3
    os.close(holder)


def test_when_the_owner_lets_go_the_command_and_its_children_end():
    process, holder, pids = family()
    os.close(holder)
    with process:
        assert process.wait(5) == 128 + signal.SIGTERM
    assert all(map(gone, pids))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_are_passed_on(number):
    process, holder, pids = family()
    process.send_signal(number)
    with process:
        process.wait(5)
    os.close(holder)

    assert all(map(gone, pids))


def test_a_killed_leash_takes_the_command_with_it():
    process, holder, pids = family()
    process.kill()
    with process:
        process.wait(5)
    os.close(holder)

    assert gone(pids[0])
    os.kill(pids[1], signal.SIGKILL)  # a grandchild is beyond the kernel's reach
