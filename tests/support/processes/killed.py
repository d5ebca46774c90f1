"""`python -m support.processes.killed COMMAND STEP [SIDE ID]`: dies by SIGKILL at that step.

COMMAND is consume, train, or erase with what to erase.
"""

import os
import signal
import sys

import consumer.run
import trainer.run
from gigstream.settings import Settings
from operations import erasure
from operations.audit import os_user


def main(command: str, step: str, *what: str) -> None:
    """Run the process until the step, or to its end if the step never comes."""

    def on_step(name: str) -> None:
        if name == step:
            os.kill(os.getpid(), signal.SIGKILL)

    if command == "erase":
        quiet = trainer.run.log_warnings
        given = (Settings(), os_user(), *what)
        erasure.erase(*given, wait_s=60, configure=quiet, on_step=on_step)
    else:
        process = consumer.run.run if command == "consume" else trainer.run.run
        process(Settings(), on_step=on_step)


if __name__ == "__main__":
    main(*sys.argv[1:])
