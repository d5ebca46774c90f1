"""The consumer as a process of its own, with a fault at a step where a test wants one.

``python -m support.consume SETTINGS [STEP NUMBER FAULT]``: SETTINGS is the JSON of
``ConsumerSettings``; the NUMBER-th time that it comes to STEP it is killed (``kill -9``), stopped
(SIGSTOP), raises or hangs.
"""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from consumer.errors import ConsumerError
from consumer.run import run
from consumer.settings import ConsumerSettings

STEPS = (
    "fetched",
    "decoded",
    "before_commit",
    "parquet_written",
    "after_commit",
    "before_kafka_offset",
)
KILLED = -signal.SIGKILL
_TESTS = Path(__file__).parents[1]


def _raise() -> None:
    raise RuntimeError("the fault that a test asked for")


_FAULTS: dict[str, Callable[[], None]] = {
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "raise": _raise,
    "hang": lambda: time.sleep(60),
}


class Consuming:
    """A running consumer; a context manager that leaves nothing running.

    Args:
        settings: handed to it.
        fault: step, how many times it comes to it, and what then happens to it.
    """

    def __init__(
        self, settings: ConsumerSettings, *, fault: tuple[str, int, str] | None = None
    ) -> None:
        settings.home.mkdir(parents=True, exist_ok=True)
        number = len(list(settings.home.glob("consumer-*.log")))
        self._log = settings.home / f"consumer-{number}.log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "support.consume", settings.model_dump_json()]
                + [str(part) for part in fault or ()],
                env={**os.environ, "PYTHONPATH": f"{_TESTS.parent}:{_TESTS}"},
                stdout=log,
                stderr=log,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(10)

    @property
    def said(self) -> str:
        """Its whole output so far."""
        return self._log.read_text()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def code(self, within_s: float = 20) -> int:
        """Its exit code, waited for."""
        return self.process.wait(within_s)

    def stop(self, within_s: float = 5) -> None:
        """SIGTERM: it must end by itself, with 0 and in time."""
        self.signal(signal.SIGTERM)
        assert self.code(within_s) == 0, self.said


def _main(settings: str, step: str = "", number: str = "0", fault: str = "kill") -> int:
    left = int(number)

    def on_step(name: str) -> None:
        nonlocal left
        if name == step:
            left -= 1
            if left == 0:
                _FAULTS[fault]()

    logging.basicConfig(level=logging.DEBUG, format="%(relativeCreated)d %(name)s %(message)s")
    try:
        return run(ConsumerSettings.model_validate_json(settings), on_step=on_step)
    except ConsumerError as error:
        print(error, file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
