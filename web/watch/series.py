"""Curves of the last hour, from its samples."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from web.watch.sample import Sample

Series = list[float | None]
"""One value a sample, oldest first; None where it is not known."""

_STEADY = 0.05
_LOOK_S = 60.0


def values(samples: Sequence[Sample], value: Callable[[Sample], float | None]) -> Series:
    """One figure over time.

    Args:
        samples: oldest first.
        value: the figure of a sample.
    """
    return [value(sample) for sample in samples]


def rates(samples: Sequence[Sample]) -> Series:
    """Statements stored per second, between neighbouring samples."""
    found: Series = []
    for before, after in pairwise(samples):
        seconds = after.at_s - before.at_s
        if before.store is None or after.store is None or seconds <= 0:
            found.append(None)
        else:
            # An erasure takes rows away: that is no negative rate.
            found.append(max(0, after.store.events - before.store.events) / seconds)
    return found


def lag_per_s(samples: Sequence[Sample]) -> float | None:
    """By how many events the lag grows each second, over the last minute; None: not known."""
    known = [s for s in samples if s.lag is not None and s.at_s >= samples[-1].at_s - _LOOK_S]
    if len(known) < 2 or known[0].lag is None or known[-1].lag is None:  # noqa: PLR2004 - a slope
        return None
    seconds = known[-1].at_s - known[0].at_s
    return (known[-1].lag.events - known[0].lag.events) / seconds if seconds > 0 else None


def trend(samples: Sequence[Sample]) -> str:
    """Whether the lag is `rising`, `falling` or `steady`.

    Args:
        samples: oldest first.
    """
    slope = lag_per_s(samples)
    lag = samples[-1].lag if samples else None
    # A few events more or less are no trend.
    if slope is None or lag is None or abs(slope) <= _STEADY * max(lag.events, 1) / _LOOK_S:
        return "steady"
    return "rising" if slope > 0 else "falling"


def caught_up_in_s(samples: Sequence[Sample]) -> float | None:
    """When the lag will be gone at its present pace, in seconds; None: it does not fall.

    Args:
        samples: oldest first.
    """
    slope = lag_per_s(samples)
    lag = samples[-1].lag if samples else None
    return lag.events / -slope if lag and lag.events and slope and slope < 0 else None
