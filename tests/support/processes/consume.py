"""The consumer as a process of its own, with a fault at a step where a test wants one.

``python -m support.processes.consume SETTINGS [STEP NUMBER FAULT]``: SETTINGS is the JSON of
``ConsumerSettings``; the NUMBER-th time that it comes to STEP it is killed (``kill -9``), stopped
(SIGSTOP), raises or hangs. Where `GIGSTREAM_TEST_UPKEEP` is set, its maintenance is done by
``support.processes.maintain``, in a hurry, with the fault that the variable names, none where it is
empty.
"""

import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from consumer.errors import ConsumerError
from consumer.maintenance.supervisor import PROGRAM
from consumer.run import run
from consumer.settings import ConsumerSettings
from support.faults.steps import stepping

STEPS = (
    "fetched",
    "decoded",
    "before_commit",
    "parquet_written",
    "after_commit",
    "before_kafka_offset",
)
KILLED = -signal.SIGKILL
UPKEEP = "GIGSTREAM_TEST_UPKEEP"
_MOVES = re.compile(r"(Assigned|Handed over|Lost) partitions ([\d, ]*) of")
_TESTS = Path(__file__).parents[2]


class Consuming:
    """A running consumer; a context manager that leaves nothing running.

    Args:
        settings: handed to it.
        fault: step, how many times it comes to it, and what then happens to it.
        upkeep: the same of its maintenance process; (): that one only is in a hurry.
        program: the module that runs it, and what comes before the settings.
        logs: folder of its output; its home by default.
    """

    def __init__(
        self,
        settings: ConsumerSettings,
        *,
        fault: tuple[str, int, str] | None = None,
        upkeep: tuple[str, int, str] | tuple[()] | None = None,
        program: Sequence[str] = ("support.processes.consume",),
        logs: Path | None = None,
    ) -> None:
        logs = logs or settings.home
        logs.mkdir(parents=True, exist_ok=True)
        number = len(list(logs.glob("consumer-*.log")))
        self._log = logs / f"consumer-{number}.log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *program, settings.model_dump_json()]
                + [str(part) for part in fault or ()],
                env={
                    **os.environ,
                    "PYTHONPATH": f"{_TESTS.parent}:{_TESTS}",
                    **({} if upkeep is None else {UPKEEP: " ".join(map(str, upkeep))}),
                },
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

    @property
    def owned(self) -> set[int]:
        """The partitions that it has, by what it says."""
        owned: set[int] = set()
        for verb, listed in _MOVES.findall(self.said):
            numbers = {int(each) for each in listed.split(",") if each.strip()}
            owned = owned | numbers if verb == "Assigned" else owned - numbers
        return owned

    @property
    def stored(self) -> int:
        """How many rows it says that it has stored so far."""
        return sum(map(int, re.findall(r"Stored (\d+) rows", self.said)))

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def code(self, within_s: float = 60) -> int:
        """Its exit code, waited for."""
        return self.process.wait(within_s)

    def stop(self, within_s: float = 30) -> None:
        """SIGTERM: it must end by itself, with 0 and in time."""
        self.signal(signal.SIGTERM)
        assert self.code(within_s) == 0, self.said


def main(settings: str, *fault: str) -> int:
    """Run it; the exit code."""
    upkeep = os.environ.get(UPKEEP)
    program = PROGRAM if upkeep is None else (sys.executable, "-m", "support.processes.maintain")
    logging.basicConfig(level=logging.DEBUG, format="%(relativeCreated)d %(name)s %(message)s")
    try:
        return run(
            ConsumerSettings.model_validate_json(settings),
            on_step=stepping(*fault),
            maintenance=[*program, *(upkeep or "").split()],
        )
    except ConsumerError as error:
        print(error, file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
