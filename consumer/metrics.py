"""What a consumer counts: its list of metrics, and their instruments."""

import math
import time
from collections.abc import Callable, Collection, Mapping

from consumer.telemetry.metric import OTHER, LabelValues, Metric, Registry
from consumer.telemetry.pulse import LIMIT_S, Pulse
from consumer.telemetry.report import Alarms, Report

MOST_SOURCES = 50
"""Sources of dead letters that are shown by name."""
MOST_FIELDS = 50
"""Fields of dead letters that are shown by name."""
UNKNOWN = "unknown"
"""The source of a dead letter that names none."""

KAFKA = "Kafka"
GROUP = "the consumer group"
CLEAN_UP = "clean-up"
DONE, FAILED = "done", "failed"

# What comes in.
EVENTS_READ = Metric(
    "gigstream_consumer_read_events",
    "counter",
    "events",
    "Events taken from Kafka. One that is read again after a rebalance counts again.",
)
BYTES_READ = Metric(
    "gigstream_consumer_read_bytes",
    "counter",
    "bytes",
    "Size of these events: values, and keys and headers of those that are not plain JSON.",
)
STORED = Metric(
    "gigstream_consumer_stored_rows",
    "counter",
    "rows",
    "Rows committed to the store; `kind` is `event` or `dead`.",
    ("kind",),
)
DEAD = Metric(
    "gigstream_consumer_dead_letters",
    "counter",
    "rows",
    f"Dead letters among them, by source and by the field that breaks the contract. The first "
    f"{MOST_SOURCES} sources and {MOST_FIELDS} fields are shown by name, the rest as `{OTHER}`.",
    ("source", "field"),
)
# What becomes of it. From a fast disk to one that hangs.
COMMIT_SECONDS = Metric(
    "gigstream_consumer_commit_seconds",
    "histogram",
    "seconds",
    "Duration of a commit: Parquet files, log entry and fsync.",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
)
# What waits.
LAG_EVENTS = Metric(
    "gigstream_consumer_lag_events",
    "gauge",
    "events",
    "Offsets of the partition that Kafka has and the store has not.",
    ("partition",),
)
LAG_SECONDS = Metric(
    "gigstream_consumer_lag_seconds",
    "gauge",
    "seconds",
    "How long the oldest of these has been waiting; 0 where none waits. Within a second or two.",
    ("partition",),
)
PARTITIONS = Metric(
    "gigstream_consumer_partitions",
    "gauge",
    "partitions",
    "Partitions that this consumer reads.",
)
# What the consumer depends on.
KAFKA_UP = Metric(
    "gigstream_consumer_kafka_up",
    "gauge",
    "0 or 1",
    "Whether there is a connection to a broker.",
)
STORE_VERSION = Metric(
    "gigstream_consumer_store_version",
    "gauge",
    "version",
    "Version of the store after this consumer's last commit.",
)
LAST_COMMIT = Metric(
    "gigstream_consumer_last_commit_timestamp_seconds",
    "gauge",
    "epoch seconds",
    "When this consumer's last commit ended; 0: none yet.",
)
STORE_FILES = Metric(
    "gigstream_consumer_store_files",
    "gauge",
    "files",
    "Parquet files of the store as of this consumer's last commit; compaction keeps them few.",
)
LOG_ENTRIES = Metric(
    "gigstream_consumer_store_log_entries",
    "gauge",
    "entries",
    "Entries of the Delta log on disk; clean-up keeps them few.",
)
STORE_BYTES = Metric(
    "gigstream_consumer_store_bytes",
    "gauge",
    "bytes",
    "Size of these Parquet files.",
)
DISK_FREE = Metric(
    "gigstream_consumer_disk_free_bytes",
    "gauge",
    "bytes",
    "Free space on the disk of the store.",
)
DISK_SIZE = Metric(
    "gigstream_consumer_disk_size_bytes",
    "gauge",
    "bytes",
    "Size of this disk.",
)
LOOP_AGE = Metric(
    "gigstream_consumer_loop_age_seconds",
    "gauge",
    "seconds",
    f"Time since the loop last turned; beyond {LIMIT_S:.0f} s `/healthz` answers 503.",
)
# What the maintenance process does; shown by the consumer that runs it.
MAINTENANCE_RUNS = Metric(
    "gigstream_consumer_maintenance_runs",
    "counter",
    "runs",
    f"Tasks of maintenance that ended; `outcome` is `{DONE}` or `{FAILED}`.",
    ("task", "outcome"),
)
MAINTENANCE_LAST = Metric(
    "gigstream_consumer_maintenance_last_timestamp_seconds",
    "gauge",
    "epoch seconds",
    f"When a task last ended with `{DONE}`; `{CLEAN_UP}` does so every minute, the others when "
    "there is something to do. Before the first time: when this consumer began to run maintenance.",
    ("task",),
)
ALARM = Metric(
    "gigstream_consumer_dead_letter_alarm",
    "gauge",
    "share",
    "Share of dead letters among the latest messages of a source in alarm; absent for others. The "
    f"first {MOST_SOURCES} sources are shown by name, the rest as `{OTHER}`.",
    ("source",),
)

METRICS = (
    EVENTS_READ,
    BYTES_READ,
    STORED,
    DEAD,
    COMMIT_SECONDS,
    LAG_EVENTS,
    LAG_SECONDS,
    PARTITIONS,
    KAFKA_UP,
    STORE_VERSION,
    LAST_COMMIT,
    STORE_FILES,
    STORE_BYTES,
    LOG_ENTRIES,
    DISK_FREE,
    DISK_SIZE,
    LOOP_AGE,
    MAINTENANCE_RUNS,
    MAINTENANCE_LAST,
    ALARM,
)


class Meters:
    """The instruments of one consumer; called once a batch, never once a record.

    Args:
        registry: shows them; None: they count for no one, as in tests.
        pulse: of the loop.
    """

    def __init__(self, registry: Registry = None, pulse: Pulse | None = None) -> None:
        self.pulse = pulse or Pulse()
        self._events = EVENTS_READ.counter(registry)
        self._bytes = BYTES_READ.counter(registry)
        self._stored = STORED.counter(registry)
        self._dead = DEAD.counter(registry)
        self._commit_seconds = COMMIT_SECONDS.histogram(registry)
        self._lag_events = LAG_EVENTS.gauge(registry)
        self._lag_seconds = LAG_SECONDS.gauge(registry)
        self._partitions = PARTITIONS.gauge(registry)
        self._kafka_up = KAFKA_UP.gauge(registry)
        self._version = STORE_VERSION.gauge(registry)
        self._last_commit = LAST_COMMIT.gauge(registry)
        self._files = STORE_FILES.gauge(registry)
        self._store_bytes = STORE_BYTES.gauge(registry)
        self._entries = LOG_ENTRIES.gauge(registry)
        self._disk_free = DISK_FREE.gauge(registry)
        self._disk_size = DISK_SIZE.gauge(registry)
        # Asked at each scrape: it grows while the loop hangs.
        LOOP_AGE.gauge(registry).set_function(self.pulse.age_s)
        self._runs = MAINTENANCE_RUNS.counter(registry)
        self._last_run = MAINTENANCE_LAST.gauge(registry)
        self._alarm = ALARM.gauge(registry)
        self._sources, self._fields = LabelValues(MOST_SOURCES), LabelValues(MOST_FIELDS)
        self._lagging: set[str] = set()

    def read(self, events: int, size: int) -> None:
        """Events came from Kafka, of this many bytes."""
        self._events.inc(events)
        self._bytes.inc(size)

    def stored(self, events: int, dead: Mapping[tuple[str | None, str], int]) -> None:
        """Rows were committed: valid ones, and dead letters by source and field."""
        self._stored.labels("event").inc(events)
        self._stored.labels("dead").inc(sum(dead.values()))
        for (source, field), count in dead.items():
            shown = self._sources.shown(UNKNOWN if source is None else source)
            self._dead.labels(shown, self._fields.shown(field)).inc(count)

    def committed(self, took_s: float, version: int | None, sizes: Collection[int]) -> None:
        """A commit ended.

        Args:
            took_s: its duration in seconds.
            version: of the store; None: no commit was needed.
            sizes: of the files that the store has now, in bytes.
        """
        self._commit_seconds.observe(took_s)
        self._last_commit.set(time.time())
        self._files.set(len(sizes))
        self._store_bytes.set(sum(sizes))
        if version is not None:
            self._version.set(version)

    def lag(self, readings: Mapping[int, tuple[int, float]]) -> None:
        """How many events wait, and for how many seconds, by number of the partition."""
        self._partitions.set(len(readings))
        for number, (events, seconds) in readings.items():
            self._lag_events.labels(str(number)).set(events)
            self._lag_seconds.labels(str(number)).set(seconds)
        ours = {str(number) for number in readings}
        # Otherwise the lag of a partition that another consumer has would stay for ever.
        for gone in self._lagging - ours:
            self._lag_events.remove(gone)
            self._lag_seconds.remove(gone)
        self._lagging = ours

    def kafka(self, *, is_up: bool) -> None:
        """Whether a broker is connected."""
        self._kafka_up.set(is_up)
        if is_up:
            self.pulse.got(KAFKA)
        else:
            self.pulse.wait_for(KAFKA)

    def watch_store(
        self,
        entries: Callable[[], int],
        free_bytes: Callable[[], int],
        size_bytes: Callable[[], int],
    ) -> None:
        """Ask these at each scrape.

        Args:
            entries: counts the entries of the log.
            free_bytes: of the disk.
            size_bytes: of the disk.
        """
        # A scrape must not fail as a whole because the disk does.
        self._entries.set_function(_or_nan(entries))
        self._disk_free.set_function(_or_nan(free_bytes))
        self._disk_size.set_function(_or_nan(size_bytes))

    def maintains(self) -> None:
        """This consumer runs the store's maintenance from now on."""
        # Otherwise a process that never comes to its first clean-up would not be noticed.
        self._last_run.labels(CLEAN_UP).set(time.time())

    def maintenance(self, report: Report) -> None:
        """The maintenance process reported."""
        if isinstance(report, Alarms):
            self._alarm.clear()
            for source, share in report.shares.items():
                self._alarm.labels(self._sources.shown(source)).set(share)
            return
        self._runs.labels(report.task, DONE if report.ok else FAILED).inc()
        if report.ok:
            self._last_run.labels(report.task).set(time.time())


def _or_nan(look: Callable[[], int]) -> Callable[[], float]:
    """The number; not a number where the disk does not answer."""

    def looked() -> float:
        try:
            return look()
        except OSError:
            return math.nan

    return looked
