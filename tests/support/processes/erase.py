"""``python -m support.processes.erase STORE SIDE ID STEP``: an erasure that is killed at a step."""

import os
import signal
import sys
from pathlib import Path

from consumer.store.erase import Erasing


def _main(path: str, side: str, identity: str, step: str) -> None:
    def on_step(name: str) -> None:
        if name == step:
            os.kill(os.getpid(), signal.SIGKILL)

    Erasing(path=Path(path), side=side, identity=identity, on_step=on_step).run({"plan": 1})


if __name__ == "__main__":
    _main(*sys.argv[1:])
