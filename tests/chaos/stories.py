"""Records of the chaos feed: gigs, changes, tombstones, and invalid records."""

import json
import random
from typing import NamedTuple

from support.data.records import gig

INVALID = (b"?", b"", b"[1]", b'{"event_id": "e1"}', gig(1, artist_id=""), gig(2, time="soon"))
_STATUSES = ("confirmed", "rescheduled", "postponed", "performed", "cancelled")


class Story(NamedTuple):
    """One record; without a value it is a tombstone."""

    key: str
    value: bytes | None


class Stories:
    """A seeded stream of records, each with a serial number so that no two are alike."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._serial = 0

    def next(self) -> Story:
        """The next record."""
        self._serial += 1
        kind = self._random.random()
        if kind < 0.03:
            return Story("bad", self._random.choice(INVALID))
        if kind < 0.06:
            return Story(self._known(), None)
        return self._gig(self._known() if kind < 0.4 else f"e{self._serial}")

    def _known(self) -> str:
        return f"e{self._random.randint(1, self._serial)}"

    def _gig(self, event_id: str) -> Story:
        draw = self._random
        said = {
            "event_id": event_id,
            "artist_id": f"a{draw.randrange(50)}",
            "venue_id": f"v{draw.randrange(9)}",
            "time": 1_540_000_000_000 + draw.randrange(1_000),
            "status": draw.choice(_STATUSES),
            "serial": self._serial,
        }
        if draw.random() < 0.5:
            said["version"] = draw.randrange(4)
        return Story(event_id, json.dumps(said).encode())
