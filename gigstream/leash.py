"""Runs a command that must not outlive another process.

`python leash.py FD COMMAND...`: FD is the reading end of a pipe whose other end the owner
holds and never writes to. When the owner ends, however it ends, the pipe closes; then the
command gets SIGTERM, after a grace SIGKILL, and what it left behind SIGKILL. Until then
signals sent to the leash are passed on, and its exit code is the command's.

Runs as a plain script with the standard library only, so that it starts in 20 ms.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
from types import FrameType

GRACE_S = 8.0
_LOOK_S = 0.1
_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Runs the command to its end or the owner's."""
    owner, command = int(sys.argv[1]), sys.argv[2:]
    child = subprocess.Popen(command, start_new_session=True, preexec_fn=_die_with_us())  # noqa: PLW1509 - we have no threads

    def pass_on(number: int, _frame: FrameType | None) -> None:
        child.send_signal(number)

    signal.signal(signal.SIGTERM, pass_on)
    signal.signal(signal.SIGINT, pass_on)
    let_go = select.poll()  # not select(), which knows no descriptor above 1023
    let_go.register(owner, select.POLLIN)
    while child.poll() is None:
        if let_go.poll(_LOOK_S * 1000):
            _end(child)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)  # its own children, where any are left
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _die_with_us() -> "_Preparation | None":
    return _Preparation() if sys.platform == "linux" else None


class _Preparation:
    """Makes the kernel kill the command where even the leash is killed."""

    def __init__(self) -> None:
        self._prctl = ctypes.CDLL(None).prctl

    def __call__(self) -> None:
        self._prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
