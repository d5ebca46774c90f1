"""The thread that looks at the whole stack every few seconds, and keeps an hour of it."""

import logging
import time
from collections import deque
from collections.abc import Callable
from threading import Event
from types import TracebackType
from typing import Generic, TypeVar

import redis

from consumer.dead_letters.alarm import alarms
from consumer.errors import ConsumerError
from serving.errors import ServingError
from trainer.errors import TrainerError
from trainer.registry.generations import Generations, Record
from web.errors import WebError
from web.live.model import LiveModel
from web.live.worker import Worker
from web.settings import ApiSettings
from web.watch.probes import KafkaProbe, RedisProbe, StoreProbe
from web.watch.sample import LagReading, Sample, StoreReading
from web.watch.scrape import TrainerProbe

logger = logging.getLogger(__name__)

INTERVAL_S = 5.0
KEPT = 720
"""Samples: an hour of them."""
_SLOW_S = 30.0
_QUICK_S = 2.0
_LEAVE_S = 1.0

Found = TypeVar("Found")


class Watcher(Worker):
    """Takes samples while the context lasts.

    Args:
        settings: of the stack.
        client: of redis-py; it belongs to the caller.
        live: the live model.
        interval_s: between two samples.
    """

    def __init__(
        self,
        settings: ApiSettings,
        client: redis.Redis,
        live: LiveModel,
        interval_s: float = INTERVAL_S,
    ) -> None:
        super().__init__("watcher", _LEAVE_S)
        # A look must neither create a topic nor wait long for a broker that is away.
        hasty = {"kafka_create_partitions": 0, "connect_timeout_s": _QUICK_S}
        quick = settings.model_copy(update=hasty)
        self._settings = settings
        self._interval_s = interval_s
        self._store, self._kafka = StoreProbe(settings), KafkaProbe(quick)
        self._redis = RedisProbe(client, settings.redis_prefix, live)
        host = settings.trainer_metrics_host or settings.metrics_host
        self._trainer = TrainerProbe(host, settings.trainer_metrics_port)
        self._kinds = Seldom(self._redis.kinds)
        self._alarms = Seldom(self._said_alarms)
        self._verdict = Seldom(self._latest)
        self._kept: deque[Sample] = deque(maxlen=KEPT)
        self.ending = Event()
        """Set once the process is about to end: streams of samples end then."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.ending.set()
        super().__exit__(kind, error, trace)

    def samples(self) -> list[Sample]:
        """Those that are kept, oldest first."""
        # Copied: the thread appends while the caller reads.
        return list(self._kept.copy())

    @property
    def latest(self) -> Sample | None:
        """The newest; None before the first."""
        return self._kept[-1] if self._kept else None

    def run(self) -> None:
        """Take samples, and wait."""
        while not self.stop.is_set():
            self._kept.append(self._look())
            self.stop.wait(self._interval_s)
        # Closed by the thread that used it: librdkafka's clients are no thread's but one.
        self._kafka.close()

    def _look(self) -> Sample:
        # Each part is asked, whatever is wrong with the others.
        problems: dict[str, str] = {}
        store = _asked("the store", self._store.look, problems)
        return Sample(
            at_s=time.time(),
            store=store,
            lag=_asked("Kafka", lambda: self._lag(store), problems),
            redis=_asked("Redis", self._redis.look, problems),
            kinds=_asked("Redis", self._kinds, problems),
            event_to_list=_asked("the trainer's metrics", self._trainer.look, problems),
            alarms=_asked("the store", self._alarms, problems) or (),
            verdict=self._verdict(),
            problems=problems,
        )

    def _lag(self, store: StoreReading | None) -> LagReading:
        try:
            return self._kafka.look(store.positions if store else {})
        except ConsumerError:
            # The next look begins with a new client.
            self._kafka.close()
            raise

    def _said_alarms(self) -> tuple[str, ...]:
        return tuple(map(str, alarms(self._settings)))

    def _latest(self) -> Record | None:
        records = Generations(self._settings.models).records()
        return records[-1] if records else None


class Seldom(Generic[Found]):
    """A look that is too dear for every sample.

    Args:
        look: the look.
    """

    def __init__(self, look: Callable[[], Found]) -> None:
        self._look = look
        self._held: Found | None = None
        self._until_s = 0.0

    def __call__(self) -> Found | None:
        """What the last look found, or a new one where that is old."""
        now_s = time.monotonic()
        # What could not be told yet is asked again at once.
        if self._held is None or now_s >= self._until_s:
            self._held, self._until_s = self._look(), now_s + _SLOW_S
        return self._held


def _asked(name: str, look: Callable[[], Found | None], problems: dict[str, str]) -> Found | None:
    """The answer of a part, None where it fails in a way that is known."""
    try:
        return look()
    except (ConsumerError, TrainerError, ServingError, WebError, OSError) as error:
        problems.setdefault(name, str(error))
        return None
