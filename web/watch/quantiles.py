"""Quantiles of a histogram between two scrapes of it, as Prometheus estimates them."""

from collections.abc import Mapping
from itertools import pairwise
from math import inf

from web.watch.sample import Spread

Buckets = Mapping[float, float]
"""By upper bound, how many values were at most that; the last bound is infinity."""


def between(before: Buckets, after: Buckets) -> Spread | None:
    """The quantiles of what was counted between two scrapes.

    Args:
        before: the earlier scrape; one of another process is not subtracted.
        after: the later one.

    Returns:
        None where nothing was counted.
    """
    counted = {bound: count - before.get(bound, 0) for bound, count in after.items()}
    # A process that was started again counts from 0.
    if any(count < 0 for count in counted.values()):
        counted = dict(after)
    if counted.get(inf, 0) <= 0:
        return None
    return Spread(quantile(counted, 0.5), quantile(counted, 0.99))


def quantile(buckets: Buckets, share: float) -> float:
    """The value below which this share of all lies, interpolated within its bucket.

    Args:
        buckets: with at least one value.
        share: 0 to 1.
    """
    wanted = share * buckets[inf]
    # Durations begin at 0.
    ordered = [(0.0, 0.0), *sorted(buckets.items())]
    for (low, below), (high, upto) in pairwise(ordered):
        if upto >= wanted and upto > below:
            # Nothing tells how far beyond the last bound a value is.
            return low if high == inf else low + (high - low) * (wanted - below) / (upto - below)
    return ordered[-2][0]
