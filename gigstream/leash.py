"""Runs a command that must end with another process, its owner.

`python leash.py FD COMMAND...`: FD is the reading end of a pipe. The owner holds the writing end
and never writes to it, so the pipe closes when the owner ends, even by SIGKILL. The command then
gets SIGTERM, and SIGKILL after `GRACE_S`; children that it left behind get SIGKILL. Before that,
signals sent to the leash are forwarded to the command. The exit code is the command's.

A plain script that imports the standard library only, so that it starts in 20 ms.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from types import FrameType

GRACE_S = 8.0
_POLL_S = 0.1
_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Run the command until it ends or the owner does. Returns its exit code."""
    owner, command = int(sys.argv[1]), sys.argv[2:]
    # A session of its own, so that its whole process group can be killed.
    child = subprocess.Popen(command, start_new_session=True, preexec_fn=_die_with_leash())  # noqa: PLW1509 - we have no threads

    def forward(number: int, _frame: FrameType | None) -> None:
        child.send_signal(number)

    signal.signal(signal.SIGTERM, forward)
    signal.signal(signal.SIGINT, forward)
    pipe = select.poll()  # select() fails for descriptors above 1023
    pipe.register(owner, select.POLLIN)
    while child.poll() is None:
        if pipe.poll(_POLL_S * 1000):  # readable: the owner's end was closed
            _end(child)
    with contextlib.suppress(ProcessLookupError):
        # The command is a session leader: this reaches its children.
        os.killpg(child.pid, signal.SIGKILL)
    # A negative code is the signal that ended it; shells report 128 + signal.
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _die_with_leash() -> Callable[[], None] | None:
    """Have the kernel kill the command if the leash itself is killed."""
    # Loaded before the fork: the child may only do what is async-signal-safe.
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
    return prctl and (lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGKILL))


if __name__ == "__main__":
    sys.exit(main())
