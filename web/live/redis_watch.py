"""The thread that asks Redis once a second whether it answers."""

from threading import Event, Thread
from types import TracebackType
from typing import Self

import redis

from web.metrics import Meters

EVERY_S = 1.0


class RedisWatch:
    """Asks while the context lasts.

    Args:
        client: of redis-py; it belongs to the caller.
        meters: take the answer.
    """

    def __init__(self, client: redis.Redis, meters: Meters) -> None:
        self._client = client
        self._meters = meters
        self._stop = Event()
        self._thread = Thread(target=self._run, name="redis watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Not joined: a question to a Redis that hangs must not keep a stopped process.
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._meters.redis(is_up=self._answers())
            self._stop.wait(EVERY_S)

    def _answers(self) -> bool:
        try:
            return bool(self._client.ping())
        except redis.RedisError:
            return False
