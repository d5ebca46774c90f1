"""Faults of a test process at a step: killed, stopped, an error, or it hangs."""

import os
import re
import signal
import time
from collections.abc import Callable


def _raise() -> None:
    raise RuntimeError("the fault that a test asked for")


_FAULTS: dict[str, Callable[[], object]] = {
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "raise": _raise,
    "hang": lambda: time.sleep(60),
    # One call that holds the interpreter: no thread and no signal handler of Python's runs.
    "hold": lambda: re.match(r"(a|aa)+$", "a" * 60 + "b"),
}


def stepping(step: str = "", number: str = "0", fault: str = "kill") -> Callable[[str], None]:
    """An ``on_step`` with that fault when it comes to that step for the NUMBER-th time."""
    left = int(number)

    def on_step(name: str) -> None:
        nonlocal left
        if name == step:
            left -= 1
            if left == 0:
                _FAULTS[fault]()

    return on_step
