"""The maintenance process in a hurry, with a fault at a step where a test wants one.

``python -m support.processes.maintain [STEP NUMBER FAULT]``: what ``support.processes.consume``
starts in place of
``consumer.maintain`` where `GIGSTREAM_TEST_UPKEEP` is set; settings come on stdin as there.
"""

import logging
import sys

from consumer.maintain import Intervals, main
from support.faults.steps import stepping

INTERVALS = Intervals(
    look_s=0.02, checkpoint_every=10, compact_every=10, compact_first_s=0, clean_s=0.2
)


def _main(*fault: str) -> None:
    logging.basicConfig(level=logging.DEBUG, format="%(relativeCreated)d %(name)s %(message)s")
    main(INTERVALS, on_step=stepping(*fault))


if __name__ == "__main__":
    _main(*sys.argv[1:])
