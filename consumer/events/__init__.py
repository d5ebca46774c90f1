"""The event contract: what a booking system may state, as JSON, CloudEvents or Avro.

Booking systems may import this package: it needs ``msgspec`` alone.
"""

from .codec import (
    DAY_MS,
    MAX_AHEAD_MS,
    MAX_START_MS,
    Event,
    Tombstone,
    decode,
    encode,
)
from .headers import Headers
from .invalid import MAX_ID_BYTES, InvalidEvent
from .statement import Statement
from .statuses import STATUSES
from .units import MAX_MS, MIN_MS

__all__ = [
    "DAY_MS",
    "MAX_AHEAD_MS",
    "MAX_ID_BYTES",
    "MAX_MS",
    "MAX_START_MS",
    "MIN_MS",
    "STATUSES",
    "Event",
    "Headers",
    "InvalidEvent",
    "Statement",
    "Tombstone",
    "decode",
    "encode",
]
