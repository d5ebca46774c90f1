"""One look at each part of the stack; each raises the errors of its package."""

import json
import shutil
import time
from collections.abc import Mapping
from typing import Any

import redis

from consumer.kafka.inspect import LagMeter
from consumer.settings import ConsumerSettings
from consumer.table import delta_log
from serving.contract import as_text, events_key, is_reserved, live_key
from serving.live import read_live
from serving.redis_errors import translated
from web.live.model import LiveModel
from web.watch.sample import Happening, Kinds, LagReading, RedisReading, StoreReading

DRAWN = 200
"""Lists that are looked at to estimate how many are of which kind."""
SHOWN = 40
"""Entries of the stream of changes."""
_FRESH_S = 60.0


class StoreProbe:
    """Reads the log of the store.

    Args:
        settings: where it is.
    """

    def __init__(self, settings: ConsumerSettings) -> None:
        self._path = settings.store
        self._snapshot: delta_log.Snapshot | None = None

    def look(self) -> StoreReading:
        """Read what was committed since the last look.

        Raises:
            StoreDamaged, StoreNewer, OSError: it cannot be read.
        """
        # Only what was committed since the last look is read.
        found = self._snapshot = delta_log.newest(self._path, self._snapshot)
        rows = {"event": 0, "dead": 0}
        for file in found.files.values() if found else ():
            rows[file.kind] = rows.get(file.kind, 0) + file.rows
        return StoreReading(
            events=rows["event"],
            dead=rows["dead"],
            version=found.version if found else None,
            positions=dict(found.positions) if found else {},
            free_bytes=shutil.disk_usage(self._path).free if found else 0,
        )


class KafkaProbe:
    """Asks the broker what waits.

    Args:
        settings: broker and topic.
    """

    def __init__(self, settings: ConsumerSettings) -> None:
        self._settings = settings
        self._meter: LagMeter | None = None
        self._until_s = 0.0

    def look(self, positions: Mapping[str, int]) -> LagReading:
        """Ask for the lag behind these positions.

        Raises:
            ConsumerError: the broker does not answer.
        """
        now_s = time.monotonic()
        # A topic that was made again is noticed by the next meter.
        if self._meter is None or now_s > self._until_s:
            self.close()
            self._meter, self._until_s = LagMeter(self._settings), now_s + _FRESH_S
        events, oldest_ms = self._meter.read(positions)
        waits_s = 0.0 if oldest_ms is None else max(0.0, time.time() - oldest_ms / 1000)
        return LagReading(events, waits_s)

    def close(self) -> None:
        """Let the client of the broker end."""
        if self._meter is not None:
            self._meter.close()
        self._meter = None


class RedisProbe:
    """Reads what apps see.

    Args:
        client: of redis-py; it belongs to the caller.
        prefix: of the keys.
        live: knows how many artists there are.
    """

    def __init__(self, client: redis.Redis, prefix: str, live: LiveModel) -> None:
        self._client, self._prefix, self._live = client, prefix, live

    def look(self) -> RedisReading:
        """Read generation, memory and the latest changes.

        Raises:
            ServingError: Redis does not answer.
        """
        found = read_live(self._client, self._prefix)
        with translated(self._client, self._prefix):
            memory: Any = self._client.info("memory")
            changes: Any = self._client.xrevrange(events_key(self._prefix), count=SHOWN)
        return RedisReading(
            generation=found.generation,
            built_at_s=found.meta.get("built_at"),
            seq=found.seq,
            version=found.version,
            is_behind=found.version is not None and self._live.is_ahead_of(found.version),
            used_bytes=int(memory["used_memory"]),
            happenings=tuple(_happening(*change) for change in changes),
        )

    def kinds(self) -> Kinds | None:
        """Estimate how many lists are of which kind; None before the live model is loaded.

        Raises:
            ServingError: Redis does not answer.
        """
        known = self._live.known("artist")
        key = live_key(self._prefix, "artist")
        with translated(self._client, self._prefix):
            # A count above 0 draws distinct fields; one below 0 would repeat some.
            drawn: Any = self._client.hrandfield(key, DRAWN, withvalues=True) or []
            # A draw: reading all lists would take longer than the time between two samples.
            fields = self._client.hlen(key)
        values = [value for name, value in _pairs(drawn) if not is_reserved(as_text(name))]
        if known is None or not values:
            return None
        return _estimated([json.loads(value)["k"] for value in values], int(fields), known)


def _pairs(flat: list[Any]) -> list[tuple[Any, Any]]:
    return list(zip(flat[::2], flat[1::2], strict=True))


def _estimated(drawn: list[str], fields: int, known: int) -> Kinds:
    """From the kinds of drawn lists to those of all known artists."""
    # Reserved fields and merged ids make it more than there are artists.
    own = min(fields, known)
    folded = round(own * drawn.count("foldin") / len(drawn))
    # Who has no list of their own gets the popular one.
    return Kinds(model=own - folded, foldin=folded, popular=known - own)


def _happening(name: bytes | str, fields: Mapping[Any, Any]) -> Happening:
    said = {as_text(key): as_text(value) for key, value in fields.items()}
    return Happening(
        at_s=int(as_text(name).partition("-")[0]) / 1000,
        kind=said["kind"],
        generation=int(said["generation"]),
        seq=int(said.get("seq") or 0),
        artists=_ids(said, "artists"),
        venues=_ids(said, "venues"),
    )


def _ids(said: Mapping[str, str], side: str) -> list[str] | None:
    return json.loads(said[side]) if side in said else None
