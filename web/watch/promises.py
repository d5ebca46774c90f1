"""Which promises are broken now, and the sentence about the whole."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from trainer.gate.verdict import HELD, REFUSED
from web.watch.sample import Sample

SLOW_S = 60.0
"""Events may wait for so long before the lag is called broken."""
STALE_S = 60.0
"""Lists may be behind the store for so long."""
FULL = 1 << 30
"""Bytes that must be free on the disk of the store."""

_CHECK = ("gigstream check", "/settings/check")
_TRAIN = "gigstream status; is gigstream train running?"
_CONSUME = "gigstream status; is gigstream consume running?"
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


class Breach(NamedTuple):
    """A promise that is broken.

    Attributes:
        what: in a few words.
        said: the cause, as far as it is known.
        remedy: what to do, or the command that tells more.
        page: of the console, that tells more; "": none does.
    """

    what: str
    said: str
    remedy: str
    page: str = ""


def breaches(samples: Sequence[Sample], follower: str | None = None) -> list[Breach]:
    """What is broken, the worst first.

    Args:
        samples: oldest first.
        follower: why this process does not follow the store; None: it does.
    """
    if not samples:
        return []
    now = samples[-1]
    # What does not answer comes first: the rest may follow from it.
    found = [*_unreachable(now), *_lists(samples), *_lag(now), *_judged(now), *_disk(now)]
    if follower:
        found.append(Breach("This server does not follow the store", follower, *_CHECK))
    return found


def _unreachable(now: Sample) -> Iterator[Breach]:
    for name, said in now.problems.items():
        yield Breach(f"No answer from {name}", said, *_CHECK)


def _lists(samples: Sequence[Sample]) -> Iterator[Breach]:
    now = samples[-1]
    if now.redis and now.redis.generation is None:
        yield Breach(
            "Nothing is published", "no app finds a list", "gigstream train --once", "/generations"
        )
    # Without lists it makes no sense to say how old they are.
    elif behind_s(samples) > STALE_S:
        said = f"lists are {duration(behind_s(samples))} behind the store"
        yield Breach("Lists are stale", said, _TRAIN, "/generations")


def _lag(now: Sample) -> Iterator[Breach]:
    if now.lag and now.lag.seconds > SLOW_S:
        said = f"{now.lag.events:,} events wait, the oldest for {duration(now.lag.seconds)}"
        yield Breach("Events wait", said, _CONSUME, "/stream")


def _judged(now: Sample) -> Iterator[Breach]:
    for alarm in now.alarms:
        yield Breach("Dead letters", alarm, "gigstream dead-letters list", "/dead-letters")
    if now.verdict and now.verdict.verdict in {HELD, REFUSED}:
        said = f"generation {now.verdict.number} is {now.verdict.verdict}: {now.verdict.reason}"
        yield Breach("The gate stopped a fit", said, "gigstream generations", "/generations")


def _disk(now: Sample) -> Iterator[Breach]:
    # Before the first commit there is no folder whose disk could be asked.
    if now.store and now.store.version is not None and now.store.free_bytes < FULL:
        said = f"{now.store.free_bytes >> 20:,} MiB are free on the disk of the store"
        yield Breach("The disk is nearly full", said, "gigstream store compact", "/store")


def behind_s(samples: Sequence[Sample]) -> float:
    """For how long the lists have been behind the store, in seconds.

    Args:
        samples: oldest first, at least one.
    """
    now = samples[-1]
    since_s = now.at_s
    for sample in reversed(samples):
        if not is_behind(sample):
            break
        since_s = sample.at_s
    return now.at_s - since_s


def is_behind(sample: Sample) -> bool:
    """Whether something is stored that is not in the lists yet."""
    return sample.redis is not None and sample.redis.is_behind


def sentence(samples: Sequence[Sample]) -> str:
    """The state of the whole.

    Args:
        samples: oldest first.
    """
    if not samples:
        return "The first look at the stack is under way."
    parts = filter(None, (_fresh(samples), _age(samples[-1]), _waiting(samples[-1])))
    text = "; ".join(parts) or "nothing answers"
    return f"{text[0].upper()}{text[1:]}."


def _fresh(samples: Sequence[Sample]) -> str | None:
    now = samples[-1]
    if now.redis is None:
        return "Redis does not answer, apps keep what they have"
    if now.redis.generation is None:
        return "nothing is published yet"
    if is_behind(now):
        return f"lists are {duration(behind_s(samples))} behind the store"
    # The last known value: a quiet night has none of its own.
    latest = next((s.event_to_list for s in reversed(samples) if s.event_to_list), None)
    return f"lists follow the stream within {duration(latest.p50)}" if latest else "lists are right"


def _age(now: Sample) -> str | None:
    if not now.redis or now.redis.generation is None or now.redis.built_at_s is None:
        return None
    age_s = now.at_s - now.redis.built_at_s
    return f"generation {now.redis.generation} is {duration(age_s)} old"


def _waiting(now: Sample) -> str | None:
    if now.lag is None:
        return None
    if not now.lag.events:
        return "nothing waits"
    return f"{now.lag.events:,} events wait, the oldest for {duration(now.lag.seconds)}"


def duration(seconds: float) -> str:
    """A duration for people.

    Args:
        seconds: of it.
    """
    seconds = max(0.0, seconds)
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{seconds / _HOUR:.1f} h" if seconds < 2 * _DAY else f"{seconds / _DAY:.0f} days"
