"""A histogram that takes an array of values in one call, unlike that of prometheus-client."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector


class BulkHistogram(Collector):
    """Counts of values by bucket.

    Args:
        name: of the metric.
        meaning: of the metric.
        bounds: of the buckets, ascending, without infinity.
    """

    def __init__(self, name: str, meaning: str, bounds: Sequence[float]) -> None:
        self._name = name
        self._meaning = meaning
        self._bounds = np.array(bounds)
        self._labels = [*map(str, map(float, bounds)), "+Inf"]
        # Replaced as a whole: a scrape reads it from another thread.
        self._state = np.zeros(len(self._labels), np.int64), 0.0

    def observe(self, values: NDArray[np.float64]) -> None:
        """Count these values."""
        if len(values):
            # A value that equals a bound is within its bucket.
            found = np.searchsorted(self._bounds, values, side="left")
            counts, total = self._state
            fresh = np.bincount(found, minlength=len(self._labels))
            self._state = counts + fresh, total + float(values.sum())

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """The metric, as the registry reads it."""
        counts, total = self._state
        below = zip(self._labels, map(float, np.cumsum(counts)), strict=True)
        yield HistogramMetricFamily(self._name, self._meaning, buckets=[*below], sum_value=total)
