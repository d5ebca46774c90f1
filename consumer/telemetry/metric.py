"""A metric as a package declares it: its instrument and its row in the docs are made from this."""

from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from consumer.telemetry.bulk_histogram import BulkHistogram

Registry = CollectorRegistry | None
"""Where an instrument shows its values; None: nowhere."""

OTHER = "other"
"""The label value that stands for all those that are not shown by name."""


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        name: without the ending ``_total`` of a counter.
        kind: how Prometheus reads it.
        unit: of its values.
        meaning: one or two sentences, for the docs and the scrape.
        labels: names of its labels.
        buckets: upper bounds of a histogram, ascending, in `unit`.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def shown_name(self) -> str:
        """Its name in a scrape."""
        return f"{self.name}_total" if self.kind == "counter" else self.name

    def counter(self, registry: Registry) -> Counter:
        """Its instrument, where it is a counter."""
        return Counter(self.name, self.meaning, self.labels, registry=registry)

    def gauge(self, registry: Registry) -> Gauge:
        """Its instrument, where it is a gauge."""
        return Gauge(self.name, self.meaning, self.labels, registry=registry)

    def histogram(self, registry: Registry) -> Histogram:
        """Its instrument, where it is a histogram."""
        return Histogram(
            self.name, self.meaning, self.labels, registry=registry, buckets=self.buckets
        )

    def bulk_histogram(self, registry: Registry) -> BulkHistogram:
        """The instrument of a histogram that takes many values at once."""
        made = BulkHistogram(self.name, self.meaning, self.buckets)
        if registry is not None:
            registry.register(made)
        return made


class LabelValues:
    """Values of a label that senders choose: the first ones by name, all later ones as `OTHER`.

    Args:
        most: how many are shown by name.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def shown(self, value: str) -> str:
        """The value itself, or `OTHER`."""
        # Bounded: Prometheus keeps a series for each value that it ever saw.
        if value not in self._known and len(self._known) < self._most:
            self._known.add(value)
        return value if value in self._known else OTHER
