"""The record times of events that are settled and not in published lists yet."""

import time
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

MOST = 1_000_000
"""Events that are held, at most (8 bytes each); of more, as in an import, the first ones count."""

_NOTHING = np.empty(0, np.int64)


class _Brought(NamedTuple):
    """Events that came with a store version.

    Attributes:
        version: of the store.
        times: of their records, epoch ms.
        since_s: when they were settled, of a monotonic clock.
    """

    version: int
    times: NDArray[np.int64]
    since_s: float


class Unlisted:
    """Record times in epoch ms, by the store version that brought them."""

    def __init__(self) -> None:
        self._waiting: list[_Brought] = []
        self._held = 0

    def waiting_s(self) -> float:
        """How long the oldest of them has been waiting since it was settled; 0: none waits."""
        # Read by another thread: the list is replaced as a whole, or grows at its end.
        waiting = self._waiting
        return time.monotonic() - waiting[0].since_s if waiting else 0.0

    def add(self, version: int, recorded_at: pa.ChunkedArray) -> None:
        """Events came with a version of the store; their timestamps in microseconds."""
        if self._held >= MOST:
            return
        # A row of an older format may have none.
        times = pc.drop_null(recorded_at).cast(pa.int64()).to_numpy() // 1000
        self._waiting.append(_Brought(version, times, time.monotonic()))
        self._held += len(times)

    def drop(self, version: int) -> None:
        """The events of this version change no list."""
        self._keep([each for each in self._waiting if each.version != version])

    def take(self, version: int) -> NDArray[np.int64]:
        """Those of all versions up to this one, which wait no more."""
        listed = [each.times for each in self._waiting if each.version <= version]
        self._keep([each for each in self._waiting if each.version > version])
        return np.concatenate([_NOTHING, *listed])

    def clear(self) -> None:
        """Forget all."""
        self._keep([])

    def _keep(self, waiting: list[_Brought]) -> None:
        self._waiting = waiting
        self._held = sum(len(each.times) for each in waiting)
