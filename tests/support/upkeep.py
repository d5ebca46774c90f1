"""The housekeeping process in a hurry, with a fault at a step where a test wants one.

``python -m support.upkeep [STEP NUMBER FAULT]``: what ``support.consume`` starts in place of
``consumer.upkeep`` where `GIGSTREAM_TEST_UPKEEP` says so; settings come on stdin as there.
"""

import logging
import sys

from consumer.upkeep import Pace, main
from support.faults import stepping

PACE = Pace(look_s=0.02, checkpoint_every=10, compact_every=10, clean_s=0.2)


def _main(*fault: str) -> None:
    logging.basicConfig(level=logging.DEBUG, format="%(relativeCreated)d %(name)s %(message)s")
    main(PACE, on_step=stepping(*fault))


if __name__ == "__main__":
    _main(*sys.argv[1:])
