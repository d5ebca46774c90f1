"""The consumer as a process of its own: ``python -m support.consume SETTINGS [STEP NUMBER]``.

SETTINGS is the JSON of ``ConsumerSettings``. With STEP and NUMBER it dies by SIGKILL the
NUMBER-th time that it comes to that step.
"""

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

from consumer.errors import ConsumerError
from consumer.run import run
from consumer.settings import ConsumerSettings

_TESTS = Path(__file__).parents[1]
STEPS = (
    "fetched",
    "decoded",
    "before_commit",
    "parquet_written",
    "after_commit",
    "before_kafka_offset",
)


def start(
    settings: ConsumerSettings, *, step: str | None = None, number: int = 1
) -> subprocess.Popen[str]:
    """Start one; its stderr is piped."""
    arguments = [] if step is None else [step, str(number)]
    return subprocess.Popen(
        [sys.executable, "-m", "support.consume", settings.model_dump_json(), *arguments],
        env={**os.environ, "PYTHONPATH": f"{_TESTS.parent}:{_TESTS}"},
        stderr=subprocess.PIPE,
        text=True,
    )


def stop(process: subprocess.Popen[str], within_s: float = 5) -> str:
    """SIGTERM; its stderr once it ended by itself, with 0 and in time."""
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=within_s)
    assert process.returncode == 0, said
    return said


def _main(settings: str, step: str = "", number: str = "1") -> int:
    left = int(number)

    def on_step(name: str) -> None:
        nonlocal left
        left -= name == step
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    logging.basicConfig(level=logging.DEBUG, format="%(relativeCreated)d %(name)s %(message)s")
    try:
        return run(ConsumerSettings.model_validate_json(settings), on_step=on_step)
    except ConsumerError as error:
        print(error, file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
