"""`python -m support.killed consume|train STEP`: dies by SIGKILL when it comes to that step."""

import os
import signal
import sys

import consumer.run
import trainer.run
from gigstream.settings import Settings


def main(command: str, step: str) -> None:
    """Run the process until the step, or to its end if the step never comes."""

    def on_step(name: str) -> None:
        if name == step:
            os.kill(os.getpid(), signal.SIGKILL)

    process = consumer.run.run if command == "consume" else trainer.run.run
    process(Settings(), on_step=on_step)


if __name__ == "__main__":
    main(*sys.argv[1:])
