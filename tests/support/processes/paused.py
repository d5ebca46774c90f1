"""`python -m support.processes.paused STEP`: a trainer that stops itself at that step."""

import os
import signal
import sys

import trainer.run
from gigstream.settings import Settings
from serving.errors import ServingError
from trainer.errors import TrainerError


def main(step: str) -> None:
    """Train; go to sleep at the step, and on as if nothing had been after SIGCONT."""

    def on_step(name: str) -> None:
        if name == step:
            os.kill(os.getpid(), signal.SIGSTOP)

    try:
        trainer.run.run(Settings(), on_step=on_step)
    except (ServingError, TrainerError) as error:
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main(sys.argv[1])
