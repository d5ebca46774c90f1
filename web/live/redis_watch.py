"""The thread that asks Redis once a second whether it answers."""

import redis

from web.live.worker import Worker
from web.metrics import Meters

EVERY_S = 1.0


class RedisWatch(Worker):
    """Asks while the context lasts.

    Args:
        client: of redis-py; it belongs to the caller.
        meters: take the answer.
    """

    def __init__(self, client: redis.Redis, meters: Meters) -> None:
        # Not waited for: a question to a Redis that hangs must not keep a stopped process.
        super().__init__("redis watch", leave_s=0)
        self._client = client
        self._meters = meters

    def run(self) -> None:
        """Ask, and wait."""
        while not self.stop.is_set():
            self._meters.redis(is_up=self._answers())
            self.stop.wait(EVERY_S)

    def _answers(self) -> bool:
        try:
            return bool(self._client.ping())
        except redis.RedisError:
            return False
