"""Lag of each partition, in events and seconds, without a request to Kafka.

The end of a partition comes with every answer to a fetch. An offset has been waiting since that end
was first seen beyond it. What waited already at the first look is as old as the record before it,
the newest that is stored.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from confluent_kafka import Consumer, KafkaException, TopicPartition

from consumer.ingest.batch import Flush, PartitionProgress
from consumer.metrics import Meters
from consumer.table.delta_log import Span

EVERY_S = 1.0
_MOST_SEEN = 1_000


class Reading(NamedTuple):
    """The lag of one partition.

    Attributes:
        events: offsets that are not stored.
        seconds: how long the oldest of them has been waiting.
    """

    events: int
    seconds: float


class _Seen(NamedTuple):
    """An end of a partition, and when it was first seen, in epoch seconds."""

    end: int
    at_s: float


class PartitionLag:
    """The lag of one partition, from the ends that were seen."""

    def __init__(self) -> None:
        self._seen: deque[_Seen] = deque()
        self._began_s: float | None = None
        self.newest_s: float | None = None
        """When the newest record that is stored was recorded, in epoch seconds; None: unknown."""

    def read(self, position: int, end: int, now_s: float) -> Reading:
        """The lag now.

        Args:
            position: the next offset to store.
            end: the offset after the last one that Kafka has.
            now_s: epoch seconds.
        """
        self._began_s = now_s if self._began_s is None else self._began_s
        while self._seen and self._seen[0].end <= position:
            self._seen.popleft()
        if end > (self._seen[-1].end if self._seen else position):
            self._seen.append(_Seen(end, now_s))
        # Every second one: the first stays, so that the oldest wait stays exact.
        if len(self._seen) > _MOST_SEEN:
            self._seen = deque([*self._seen][::2])
        if not self._seen:
            return Reading(0, 0.0)
        return Reading(self._seen[-1].end - position, max(0.0, now_s - self._since_s()))

    def _since_s(self) -> float:
        # At the first look the events may have been there for long.
        at_s = self._seen[0].at_s
        return self.newest_s if at_s == self._began_s and self.newest_s is not None else at_s


class LagMeter:
    """Measures the lag of all assigned partitions once a second.

    Args:
        consumer: it knows the ends of the partitions.
        topic: name of the topic.
        meters: take the readings.
        now_s: epoch seconds.
    """

    def __init__(
        self,
        consumer: Consumer,
        topic: str,
        meters: Meters,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._consumer = consumer
        self._topic = topic
        self._meters = meters
        self._now_s = now_s
        self._looked_s = 0.0
        self._lags: dict[int, PartitionLag] = {}

    def stored(self, flush: Flush) -> None:
        """A batch was committed."""
        for number, at_s in newest_recorded(flush).items():
            if number in self._lags:
                self._lags[number].newest_s = at_s

    def look(self, progress: Mapping[int, PartitionProgress], storing: Mapping[int, Span]) -> None:
        """Measure, if a second has passed.

        Args:
            progress: of the partitions that are read.
            storing: what a commit under way covers of them.
        """
        now_s = self._now_s()
        # The absolute value: a clock that is set back must not end the measuring.
        if abs(now_s - self._looked_s) < EVERY_S:
            return
        self._looked_s = now_s
        self._lags = {number: self._lags.get(number, PartitionLag()) for number in progress}
        readings = {}
        for number, each in progress.items():
            # A flush has moved `each.stored` ahead; until it is committed the store is at its
            # start.
            stored = storing[number].start if number in storing else each.stored
            reading = self._read(number, stored, now_s)
            if reading is not None:
                readings[number] = reading
        self._meters.lag(readings)

    def _read(self, number: int, stored: int | None, now_s: float) -> Reading | None:
        """The lag of a partition; None before Kafka has sent its end."""
        partition = TopicPartition(self._topic, number)
        try:
            # Cached: the client has them from its last fetch.
            low, end = self._consumer.get_watermark_offsets(partition, cached=True)
        except KafkaException:
            return None
        # Negative until the first answer. The low one stays so: the client only learns it with its
        # statistics on.
        if end < 0:
            return None
        return self._lags[number].read(max(low, 0) if stored is None else stored, end, now_s)


def newest_recorded(flush: Flush) -> dict[int, float]:
    """When the last row of each partition in a batch was recorded, in epoch seconds."""
    rows = flush.rows
    if not rows.num_rows:
        return {}
    numbers = rows["partition"].to_numpy()
    last = np.zeros(int(numbers.max()) + 1, np.int64)
    # Of equal indices the last one wins.
    last[numbers] = np.arange(len(numbers))
    at_us = rows["recorded_at"]
    return {
        number: at_us[int(last[number])].value / 1e6
        for number in flush.spans
        if number < len(last) and numbers[last[number]] == number
    }
