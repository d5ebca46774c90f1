"""A seeded sequence of faults in which every kind occurs."""

import random
from collections.abc import Iterator
from typing import NamedTuple

from support.processes.consume import STEPS

REBALANCE = ("assigned", "revoked")
_UPKEEP = ("checkpoint", "compacting", "compacted", "clean-up")


class Fault(NamedTuple):
    """A fault of one consumer.

    Attributes:
        kind: ``kill`` (SIGKILL), ``stop`` (SIGSTOP, SIGCONT when its session is over) or
            ``leave`` (SIGTERM).
        step: where; None: at any time.
        number: how many times it comes there first.
        within_s: at the latest so long after it began to read.
        upkeep: what happens to its housekeeping process, as `Consuming` takes it.
    """

    kind: str
    step: str | None
    number: int
    within_s: float
    upkeep: tuple[str, int, str] | tuple[()] = ()


def faults(draw: random.Random, *, steps: tuple[str, ...] = STEPS) -> Iterator[Fault]:
    """An endless sequence of faults; each shuffled round has every step once."""
    while True:
        hand = [Fault("kill", step, draw.randint(1, 4), 5) for step in steps]
        hand += [Fault("kill", step, 1, 10) for step in REBALANCE]
        hand += [Fault("kill", None, 0, draw.uniform(0, 3)) for _ in range(4)]
        hand += [Fault("stop", step, draw.randint(1, 3), 5) for step in draw.sample(steps, 2)]
        hand += [Fault("stop", None, 0, draw.uniform(0.5, 2)), Fault("leave", None, 0, 2)]
        draw.shuffle(hand)
        for fault in hand:
            step = draw.choice([None, *_UPKEEP])
            yield fault._replace(upkeep=(step, draw.randint(1, 2), "kill") if step else ())
