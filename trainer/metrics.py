"""What a trainer counts: its list of metrics, and their instruments."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from consumer.telemetry.metric import Metric, Registry
from consumer.telemetry.pulse import LIMIT_S, Pulse
from serving.contract import View
from serving.errors import ServingError

REDIS = "Redis"
LEASE = "the trainer that works here"
PUBLISHED = "published"
VERDICT_NAMES = (PUBLISHED, "refused", "held")

_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_LONG_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)

# What is live.
GENERATION = Metric(
    "gigstream_trainer_generation",
    "gauge",
    "number",
    "The generation that this trainer published or took over; 0: none.",
)
GENERATION_AGE = Metric(
    "gigstream_trainer_generation_age_seconds",
    "gauge",
    "seconds",
    "Time since this generation was swapped in.",
)
MODEL_AGE = Metric(
    "gigstream_trainer_model_age_seconds",
    "gauge",
    "seconds",
    "Time since its model was fitted; a roll-back makes it older than the generation.",
)
LISTS = Metric(
    "gigstream_trainer_lists",
    "gauge",
    "lists",
    "Lists of this generation by view, when it was swapped in.",
    ("view",),
)

# How fast changes become visible. From a fold-in beside the event to a trainer that was down.
EVENT_TO_LIST = Metric(
    "gigstream_trainer_event_to_list_seconds",
    "histogram",
    "seconds",
    "From an event's record time in Kafka until the lists that it changes are in Redis. Counts the "
    "events that change lists, without those that the trainer settled from the whole store.",
    buckets=(*_SECONDS, 30.0, 60.0, 300.0, 3600.0),
)
LISTS_BEHIND = Metric(
    "gigstream_trainer_lists_behind_seconds",
    "gauge",
    "seconds",
    "How long the oldest settled event has been waiting for its lists in Redis; 0: none waits.",
)
FOLD_INS = Metric(
    "gigstream_trainer_fold_in_seconds",
    "histogram",
    "seconds",
    "Duration of a fold-in: solve, rank, publish.",
    buckets=_SECONDS,
)
FOLDED_IN = Metric(
    "gigstream_trainer_folded_in_rows",
    "counter",
    "rows",
    "Artists and venues whose lists a fold-in replaced; `side` is `artist`, `venue` or `mate`, an "
    "artist whose bill-mates changed.",
    ("side",),
)
FOLD_IN_BYTES = Metric(
    "gigstream_trainer_fold_in_bytes",
    "counter",
    "bytes",
    "Characters that fold-ins sent to Redis.",
)

# Whether lists name what is booked.
ANNOUNCED = Metric(
    "gigstream_trainer_announced_gigs",
    "counter",
    "gigs",
    "New gigs whose artist, or venue, had a list; by the view where the gig is looked for.",
    ("view",),
)
ANNOUNCED_HITS = Metric(
    "gigstream_trainer_announced_hits",
    "counter",
    "gigs",
    "Of these, those that were among the first ten before; `list` is `own`, or `popular` for the "
    "popular list.",
    ("view", "list"),
)

# Refits.
REFITS = Metric(
    "gigstream_trainer_refits",
    "counter",
    "refits",
    "Refit processes that ended; `outcome` is `staged`, `refused` (the model could not rank), "
    "`unreachable` (a server), `outdated` (its store version was cleaned up), `abandoned` or "
    "`failed`.",
    ("outcome",),
)
REFIT_SECONDS = Metric(
    "gigstream_trainer_refit_seconds",
    "histogram",
    "seconds",
    "Duration of a refit process that staged its lists, also of an earlier model's.",
    buckets=_LONG_SECONDS,
)
VERDICTS = Metric(
    "gigstream_trainer_verdicts",
    "counter",
    "fits",
    "Fits that the gate judged, and fits that could not rank; `verdict` is `published`, `refused` "
    "or `held`.",
    ("verdict",),
)
NEWEST_VERDICT = Metric(
    "gigstream_trainer_newest_verdict",
    "gauge",
    "0 or 1",
    "1 for the verdict on the newest fit, 0 for the other ones.",
    ("verdict",),
)
QUALITY = Metric(
    "gigstream_trainer_quality_ndcg",
    "gauge",
    "NDCG@10",
    "Of the live model's recipe on the latest plays (`judged`), and of what it was compared with "
    "then: `live` (the one before), `popular`, `recent`, and `rp3` where artists alone were "
    "judged: it ranks nothing for venues. Absent where it was not judged.",
    ("row",),
)
STAGED_BYTES = Metric(
    "gigstream_trainer_staged_bytes",
    "counter",
    "bytes",
    "Characters that refit processes sent to Redis for the lists of whole generations.",
)
SWAPS = Metric(
    "gigstream_trainer_swaps",
    "counter",
    "swaps",
    f"Attempts to swap staged lists in; `outcome` is `{PUBLISHED}` or the name of the error, such "
    "as `ShrinkRefused`.",
    ("outcome",),
)
SWAP_SECONDS = Metric(
    "gigstream_trainer_swap_seconds",
    "histogram",
    "seconds",
    "Duration of a swap: lists that changed since they were staged, the script, the record.",
    buckets=(*_SECONDS, 30.0, 60.0),
)

# What it works on.
SETTLED_EVENTS = Metric(
    "gigstream_trainer_settled_events",
    "gauge",
    "events",
    "Events settled, of the whole store.",
)
PLAYS = Metric(
    "gigstream_trainer_plays",
    "gauge",
    "plays",
    "Plays that count. With the process's memory (`process_resident_memory_bytes`) this gives the "
    "bytes a play.",
)
STORE_VERSION = Metric(
    "gigstream_trainer_store_version",
    "gauge",
    "version",
    "Newest version of the store that is settled.",
)
REDIS_UP = Metric(
    "gigstream_trainer_redis_up",
    "gauge",
    "0 or 1",
    "Whether Redis answered the last time that the loop turned; NaN before it was asked.",
)
LOOP_AGE = Metric(
    "gigstream_trainer_loop_age_seconds",
    "gauge",
    "seconds",
    f"Time since the loop last turned; beyond {LIMIT_S:.0f} s `/healthz` answers 503.",
)

METRICS = (
    GENERATION,
    GENERATION_AGE,
    MODEL_AGE,
    LISTS,
    EVENT_TO_LIST,
    LISTS_BEHIND,
    FOLD_INS,
    FOLDED_IN,
    FOLD_IN_BYTES,
    ANNOUNCED,
    ANNOUNCED_HITS,
    REFITS,
    REFIT_SECONDS,
    VERDICTS,
    NEWEST_VERDICT,
    QUALITY,
    STAGED_BYTES,
    SWAPS,
    SWAP_SECONDS,
    SETTLED_EVENTS,
    PLAYS,
    STORE_VERSION,
    REDIS_UP,
    LOOP_AGE,
)


class Meters:
    """The instruments of one trainer; called once a step, never once an event.

    Args:
        registry: shows them; None: they count for no one, as in tests.
        pulse: of the loop.
    """

    def __init__(self, registry: Registry = None, pulse: Pulse | None = None) -> None:
        self.pulse = pulse or Pulse()
        self._generation = GENERATION.gauge(registry)
        self._swapped_at = self._fitted_at = math.nan
        # Asked at each scrape: an age grows also while the loop hangs.
        GENERATION_AGE.gauge(registry).set_function(lambda: time.time() - self._swapped_at)
        MODEL_AGE.gauge(registry).set_function(lambda: time.time() - self._fitted_at)
        self._lists = LISTS.gauge(registry)
        self._event_to_list = EVENT_TO_LIST.bulk_histogram(registry)
        self._lists_behind = LISTS_BEHIND.gauge(registry)
        self._fold_ins = FOLD_INS.histogram(registry)
        self._folded_in = FOLDED_IN.counter(registry)
        self._fold_in_bytes = FOLD_IN_BYTES.counter(registry)
        self._announced = ANNOUNCED.counter(registry)
        self._hits = ANNOUNCED_HITS.counter(registry)
        self._refits = REFITS.counter(registry)
        self._refit_seconds = REFIT_SECONDS.histogram(registry)
        self._verdicts = VERDICTS.counter(registry)
        self._newest_verdict = NEWEST_VERDICT.gauge(registry)
        self._quality = QUALITY.gauge(registry)
        self._staged_bytes = STAGED_BYTES.counter(registry)
        self._swaps = SWAPS.counter(registry)
        self._swap_seconds = SWAP_SECONDS.histogram(registry)
        self._events = SETTLED_EVENTS.gauge(registry)
        self._plays = PLAYS.gauge(registry)
        self._version = STORE_VERSION.gauge(registry)
        self._redis_up = REDIS_UP.gauge(registry)
        self._redis_up.set(math.nan)  # not asked yet: a trainer that stands by raises no alert
        LOOP_AGE.gauge(registry).set_function(self.pulse.age_s)

    def watch_lists(self, behind_s: Callable[[], float]) -> None:
        """Ask at each scrape for how long the oldest event that is not listed has been waiting."""
        self._lists_behind.set_function(behind_s)

    def live(self, number: int, *, swapped_at: float, fitted_at: float) -> None:
        """A generation is live.

        Args:
            number: of the generation.
            swapped_at: when it was swapped in, epoch seconds.
            fitted_at: when its model was fitted, epoch seconds.
        """
        self._generation.set(number)
        self._swapped_at, self._fitted_at = swapped_at, fitted_at

    def verdict(self, verdict: str) -> None:
        """A fit was judged."""
        self._verdicts.labels(verdict).inc()
        self.newest_verdict(verdict)

    def newest_verdict(self, verdict: str) -> None:
        """The newest fit was judged so, in this process or one before."""
        for each in VERDICT_NAMES:
            self._newest_verdict.labels(each).set(each == verdict)

    def quality(self, figures: Mapping[str, float]) -> None:
        """What the live model was judged by: NDCG@10 by row, none where it was not."""
        self._quality.clear()
        for row, figure in figures.items():
            self._quality.labels(row).set(figure)

    def withdrawn(self) -> None:
        """No list is live any more."""
        self.live(0, swapped_at=math.nan, fitted_at=math.nan)
        self._lists.clear()
        self._quality.clear()

    def lists(self, sizes: Mapping[View, int]) -> None:
        """Lists were swapped in: how many of each view."""
        for view, count in sizes.items():
            self._lists.labels(view).set(count)

    @contextmanager
    def folding(self) -> Iterator[None]:
        """Time a fold-in; one that fails does not count."""
        began_s = time.perf_counter()
        yield
        self._fold_ins.observe(time.perf_counter() - began_s)

    def folded_in(self, artists: int, venues: int, mates: int, *, size: int) -> None:
        """A fold-in was published.

        Args:
            artists: that were solved.
            venues: that were solved.
            mates: artists whose lists alone were made again.
            size: characters that were sent.
        """
        for side, count in (("artist", artists), ("venue", venues), ("mate", mates)):
            self._folded_in.labels(side).inc(count)
        self._fold_in_bytes.inc(size)

    def listed(self, recorded_ms: NDArray[np.int64]) -> None:
        """Lists with these events were published just now; their record times, epoch ms."""
        # A producer's clock may be ahead.
        self._event_to_list.observe(np.maximum(time.time() - recorded_ms / 1000, 0.0))

    def announced(self, found: Mapping[str, tuple[int, int, int, int]]) -> None:
        """New gigs were looked for: by view, how many, hits, hits of the popular list, others."""
        for view, (gigs, hits, popular, _) in found.items():
            self._announced.labels(view).inc(gigs)
            self._hits.labels(view, "own").inc(hits)
            self._hits.labels(view, "popular").inc(popular)

    def refit(self, outcome: str, took_s: float, sent: int) -> None:
        """A refit process ended.

        Args:
            outcome: see `REFITS`.
            took_s: its duration in seconds.
            sent: characters that it staged.
        """
        self._refits.labels(outcome).inc()
        self._staged_bytes.inc(sent)
        if outcome == "staged":
            self._refit_seconds.observe(took_s)

    @contextmanager
    def swapping(self) -> Iterator[None]:
        """Time a swap, and count how it ended."""
        began_s = time.perf_counter()
        try:
            yield
        except ServingError as error:
            self._swaps.labels(type(error).__name__).inc()
            raise
        self._swaps.labels(PUBLISHED).inc()
        self._swap_seconds.observe(time.perf_counter() - began_s)

    def settled(self, version: int | None, events: int, plays: int) -> None:
        """The store was read.

        Args:
            version: its newest that is settled.
            events: in it.
            plays: that count.
        """
        self._version.set(math.nan if version is None else version)
        self._events.set(events)
        self._plays.set(plays)

    def redis(self, *, is_up: bool) -> None:
        """Whether Redis answered."""
        self._redis_up.set(is_up)
        if is_up:
            self.pulse.got(REDIS)
        else:
            self.pulse.wait_for(REDIS)
