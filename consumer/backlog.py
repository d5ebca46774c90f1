"""How much an embedded broker holds that the store has not taken yet.

librdkafka's mock cluster keeps 5 MiB of a partition and silently drops the oldest messages
beyond that, so who sends to it must not run further ahead of the store than `LIMIT_BYTES`.
"""

from collections import defaultdict, deque
from collections.abc import Mapping

LIMIT_BYTES = 2 << 20


class Backlog:
    """Bytes sent and not yet stored: in the producer's queue, and by partition in the broker.

    Args:
        app_ids: The store's name of each partition.
    """

    def __init__(self, app_ids: Mapping[int, str]) -> None:
        self._app_ids = app_ids
        self._queued_bytes = 0
        self._held: defaultdict[int, deque[tuple[int, int]]] = defaultdict(deque)
        self._held_bytes: defaultdict[int, int] = defaultdict(int)

    def queued(self, size: int) -> None:
        """A message of so many bytes was given to the producer."""
        self._queued_bytes += size

    def delivered(self, partition: int, offset: int, size: int) -> None:
        """The broker has it at this offset."""
        self._queued_bytes -= size
        self._held[partition].append((offset, size))
        self._held_bytes[partition] += size

    def stored(self, positions: Mapping[str, int]) -> bool:
        """The store's offsets, next to read, by app id. Returns whether that frees anything."""
        before = sum(self._held_bytes.values())
        for partition, held in self._held.items():
            position = positions.get(self._app_ids.get(partition, ""), 0)
            while held and held[0][0] < position:
                self._held_bytes[partition] -= held.popleft()[1]
        return sum(self._held_bytes.values()) < before

    @property
    def full(self) -> bool:
        """Whether a partition would hold more than the limit if the whole queue went there."""
        return self._queued_bytes + max(self._held_bytes.values(), default=0) > LIMIT_BYTES
