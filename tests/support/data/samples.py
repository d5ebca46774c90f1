"""Samples of a stack in which nothing is wrong."""

from dataclasses import replace
from typing import Any

from web.watch.sample import LagReading, RedisReading, Sample, StoreReading

AGE_S = 720
_STORE = StoreReading(events=1000, dead=0, version=7, positions={}, free_bytes=1 << 40)


def sample(at_s: float, **changes: Any) -> Sample:
    """One look.

    Args:
        at_s: when.
        changes: what differs.
    """
    redis = RedisReading(42, at_s - AGE_S, 3, 7, is_behind=False, used_bytes=1, happenings=())
    return replace(Sample(at_s, _STORE, LagReading(0, 0.0), redis), **changes)
