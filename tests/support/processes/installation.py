"""One installation on real servers: its settings, its topic, its keys, its processes."""

import json
import shutil
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from confluent_kafka import Producer

from consumer.events import Event, encode
from consumer.table import write_lock
from support.processes.running import Gigstream, until
from support.servers.kafka import KafkaBroker
from support.servers.redis import RedisServer

INDISTREET = Path(__file__).parents[3] / "examples" / "indistreet" / "events.tsv.gz"
VIEWS = ("artist", "artist:returns", "venue", "venue:returns")


class Installation:
    """`commands` runs gigstream; the rest looks at what apps and booking systems see."""

    def __init__(
        self,
        directory: Path,
        kafka: KafkaBroker,
        redis: RedisServer,
        prefix: str,
        *,
        partitions: int = 3,
        **settings: str,
    ) -> None:
        self.kafka = kafka
        self.redis = redis
        self.prefix = prefix
        self.topic = kafka.create_topic(partitions=partitions)
        self.settings = {
            "GIGSTREAM_KAFKA_BOOTSTRAP": kafka.bootstrap,
            "GIGSTREAM_KAFKA_TOPIC": self.topic,
            "GIGSTREAM_KAFKA_GROUP": self.topic,
            "GIGSTREAM_REDIS_URL": redis.url,
            "GIGSTREAM_REDIS_PREFIX": prefix,
            "GIGSTREAM_REFIT_QUIET_S": "0.3",
            "GIGSTREAM_FACTORS": "16",
            **settings,
        }
        self.commands = Gigstream(directory / "home", self.settings)
        self.client = redis.client()
        options = {"bootstrap.servers": kafka.bootstrap, "linger.ms": 1, "log_level": 2}
        self._producer = Producer(options)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.commands.close()
        self.client.close()

    def send(self, *events: Event) -> None:
        """Publish events as a booking system does."""
        for event in events:
            self.send_raw(encode(event), event.event_id.encode())
        assert self._producer.flush(30) == 0

    def send_raw(self, value: bytes | None, key: bytes | None = None) -> None:
        """Publish any record; it is sent by the next `send`."""
        self._producer.produce(self.topic, value, key)
        self._producer.poll(0)

    def imported(self, *args: str) -> None:
        """Run `gigstream import` to its end."""
        done = self.commands.run("import", *args)
        assert done.returncode == 0, done.stderr

    def status(self) -> dict[str, Any]:
        """What `gigstream status` says, with all plays counted."""
        return self.commands.json("status", "--exact")

    def stored(self, events: int) -> dict[str, Any]:
        """The status once this number of events is stored and none waits."""
        return until(lambda: (s := self.status())["events"] >= events and not s["lag_events"] and s)

    def generation(self) -> int:
        """The generation that apps see, 0 before the first."""
        found = self.client.hget(f"{self.prefix}:artist", "_gen")
        return int(found) if found else 0

    def lists_of_once(self, directory: Path) -> dict[str, dict[str, tuple[Any, ...]]]:
        """What `train --once` makes of a copy of the store, published under other keys."""
        store = self.commands.home / "store"
        with write_lock.exclusive(store, patience_s=60):  # no file comes or goes under the copy
            shutil.copytree(store, directory / "home" / "store")
        with Installation(
            directory,
            self.kafka,
            self.redis,
            f"{self.prefix}-once",
            GIGSTREAM_KAFKA_TOPIC=self.topic,
        ) as copy:
            copy.commands.json("train", "--once")
            return copy.lists()

    def lists(self) -> dict[str, dict[str, tuple[Any, ...]]]:
        """Every live list by view and id: what is recommended, with scores, however it came."""
        return {
            view: {
                _text(field): _content(value)
                for field, value in self.client.hgetall(f"{self.prefix}:{view}").items()
                if _text(field) == "_default" or not _is_reserved(_text(field))
            }
            for view in VIEWS
        }


def event(number: int, artist: str, venue: str, **more: Any) -> Event:
    """A confirmed gig on a day of 2024."""
    day = 1_704_067_200_000 + 86_400_000 * (number % 300)
    values = {"event_id": f"e{number}", "artist_id": artist, "venue_id": venue, "time_ms": day}
    return Event(**values | more)


def season(n: int = 400) -> list[Event]:
    """Gigs of 30 artists at 12 venues: three scenes with a regular each."""
    return [
        event(
            number,
            f"artist-{number % 30}",
            f"venue-{(number % 3) * 4 + number // 30 % 4}",
            artist_name=f"Artist {number % 30}",
        )
        for number in range(n)
    ]


def _content(value: bytes | str) -> tuple[Any, ...]:
    entry = json.loads(value)
    return entry["v"], entry["s"], entry.get("p"), entry["t"]


def _is_reserved(field: str) -> bool:
    """An id that begins with `_` has one more in front."""
    return field.startswith("_") and not field.startswith("__")


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
