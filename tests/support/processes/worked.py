"""An installation as operators meet it: lists are published, and some records are dead."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.processes.installation import Installation, season
from support.processes.running import until
from support.processes.serving import described
from support.servers.kafka import KafkaBroker
from support.servers.redis import RedisServer

BAD = [
    {
        "event_id": "<script>alert(1)</script>",
        "artist_id": "",
        "venue_id": "v",
        "time": "2024-01-01T00:00:00Z",
    },
    {"event_id": "b-2", "artist_id": "a", "venue_id": "v", "time": "soon", "source": "box"},
    {"event_id": "b-3", "artist_id": "a", "venue_id": "v", "time": "later", "source": "box"},
]
"""Records that break the contract, written as hostile senders write."""
BINARY = b"\xff\x00<img src=x onerror=alert(1)>"


@contextmanager
def worked(home: Path, kafka: KafkaBroker, redis: RedisServer) -> Iterator[Installation]:
    """A season of 30 artists at 12 venues, stored and published; the trainer follows."""
    with Installation(home, kafka, redis, f"operator-{home.name}") as made:
        made.commands.start("consume")
        events = [described(event) for event in season()]
        for bad in BAD:
            made.send_raw(json.dumps(bad).encode(), b"k")
        made.send_raw(BINARY, b"\xfe")
        made.send(*events)
        made.stored(len(events))
        made.commands.start("train")
        until(made.generation)
        yield made
