"""The page Now: the state of the whole in one sentence, cards, and the last happenings."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from consumer.metrics import DEAD, LAG_EVENTS, LAG_SECONDS, STORED
from trainer.metrics import EVENT_TO_LIST, FOLDED_IN, GENERATION
from web.console import text
from web.console.charts import Sparkline, sparkline
from web.watch.sample import Kinds, Sample
from web.watch.series import Series, caught_up_in_s, rates, trend, values

ARROWS = {"rising": "↗", "falling": "↘", "steady": "→"}
_RATE = 12
_DEAD = "gigstream dead-letters list"
_STATUS = "gigstream status"


class Source(NamedTuple):
    """Where a figure comes from.

    Attributes:
        metric: its name for Prometheus; "": it has none.
        command: that prints it.
    """

    metric: str
    command: str


class Card(NamedTuple):
    """One figure of the page.

    Attributes:
        title: of the card.
        value: the figure, for people.
        detail: a second line.
        line: its last hour; None: there is none.
        source: where it comes from.
        is_bad: whether it breaks a promise.
    """

    title: str
    value: str
    detail: str
    line: Sparkline | None
    source: Source
    is_bad: bool = False


def cards(samples: Sequence[Sample]) -> list[Card]:
    """The cards of the page.

    Args:
        samples: oldest first, at least one.
    """
    now = samples[-1]
    return [
        _events(samples),
        *_lag(samples),
        _event_to_list(samples),
        _generation(samples),
        _kinds(now.kinds),
        _dead(samples),
        _memory(samples),
    ]


def _events(samples: Sequence[Sample]) -> Card:
    found = rates(samples)
    # Over a minute: events come in bursts.
    latest = [rate for rate in found[-_RATE:] if rate is not None]
    rate = sum(latest) / len(latest) if latest else None
    stored = samples[-1].store.events if samples[-1].store else None
    detail = f"{text.number(stored)} stored"
    source = Source(STORED.shown_name, _STATUS)
    digits = 1 if rate is not None and rate < _RATE else 0
    return Card("Events per second", text.number(rate, digits), detail, sparkline(found), source)


def _lag(samples: Sequence[Sample]) -> Iterator[Card]:
    lag, direction = samples[-1].lag, trend(samples)
    until_s = caught_up_in_s(samples)
    detail = f"gone in {text.seconds(until_s)}" if until_s else direction
    yield Card(
        "Lag, events",
        f"{text.number(lag.events)} {ARROWS[direction]}" if lag else text.NOTHING,
        detail if lag else "Kafka does not answer",
        sparkline(values(samples, lambda s: s.lag and s.lag.events)),
        Source(LAG_EVENTS.shown_name, _STATUS),
        is_bad=lag is None,
    )
    yield Card(
        "Lag, seconds",
        text.seconds(lag.seconds) if lag else text.NOTHING,
        "since the oldest that waits was sent" if lag and lag.events else "nothing waits",
        sparkline(values(samples, lambda s: s.lag and s.lag.seconds)),
        Source(LAG_SECONDS.shown_name, _STATUS),
    )


def _event_to_list(samples: Sequence[Sample]) -> Card:
    known = [sample for sample in samples if sample.event_to_list]
    latest = known[-1].event_to_list if known else None
    detail = f"p99 {text.seconds(latest.p99)}, of five minutes" if latest else _UNMEASURED
    line = sparkline(values(samples, lambda s: s.event_to_list and s.event_to_list.p50))
    source = Source(EVENT_TO_LIST.shown_name, "curl 127.0.0.1:PORT/metrics")
    value = text.seconds(latest.p50) if latest else text.NOTHING
    return Card("Event to list, p50", value, detail, line, source)


_UNMEASURED = "no event in five minutes, or trainer_metrics_port is off"


def _generation(samples: Sequence[Sample]) -> Card:
    found = samples[-1].redis
    number = found.generation if found else None
    # By the clock of the process that built it.
    age_s = samples[-1].at_s - found.built_at_s if found and found.built_at_s else None
    detail = f"{text.seconds(age_s)} old, at fold-in {text.number(found.seq if found else None)}"
    # No curve: a number that counts up says nothing by its height.
    return Card(
        "Generation",
        text.number(number),
        detail,
        None,
        Source(GENERATION.shown_name, "gigstream generations"),
        is_bad=number is None,
    )


def _kinds(found: Kinds | None) -> Card:
    total = sum(found) if found else 0
    shares = [f"{count / total:.0%}" for count in found] if found and total else [text.NOTHING] * 3
    detail = f"fold-in {shares[1]}, popular {shares[2]}"
    source = Source(FOLDED_IN.shown_name, "gigstream artist ID")
    return Card("Lists by the model, estimated", shares[0], detail, None, source)


def _dead(samples: Sequence[Sample]) -> Card:
    dead: Callable[[Sample], float | None] = lambda s: s.store.dead if s.store else None  # noqa: E731
    curve: Series = values(samples, dead)
    known = [value for value in curve if value is not None]
    detail = f"{text.number(known[-1] - known[0])} in the last hour" if known else ""
    source = Source(DEAD.shown_name, _DEAD)
    return Card(
        "Dead letters",
        text.number(dead(samples[-1])),
        detail,
        sparkline(curve),
        source,
        is_bad=bool(samples[-1].alarms),
    )


def _memory(samples: Sequence[Sample]) -> Card:
    used = samples[-1].redis.used_bytes if samples[-1].redis else None
    curve = values(samples, lambda s: s.redis and s.redis.used_bytes)
    source = Source("", "redis-cli INFO memory")
    return Card("Redis memory", text.size(used), "of the whole server", sparkline(curve), source)
