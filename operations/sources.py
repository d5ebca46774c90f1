"""Sources: what each booking system has sent, and whether its statements count."""

import time
from collections import Counter
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from consumer.audit.sources import Seen, sources
from consumer.ids import decisions, quarantines
from consumer.ids.quarantines import ALL, QUARANTINED, RELEASED, Quarantine, Quarantines
from consumer.store.survey import count_of_source
from consumer.store.writer import Store
from operations import impact
from operations.audit import Actor, noted
from operations.clocks import day
from operations.errors import NotThere
from operations.ids import checked_source
from operations.impact import Impact
from operations.settings import OperationSettings
from trainer.plays.read import settled
from trainer.registry.snapshot import Snapshots

_NOTHING = {"statements": 0, "dead_letters": 0, "first": None, "last": None}
_IMPORT = "import:"
_NEAR = 3
_MOST_NAMED = 10


def listed(settings: OperationSettings) -> list[dict[str, Any]]:
    """All sources, by gigs that count.

    Raises:
        ConsumerError: the store cannot be read.
    """
    quarantined, seen = decisions.read(settings.store).quarantines, sources(settings.store)
    gigs = _gigs(settings)
    names = sorted({*seen, *quarantined}, key=lambda name: (-gigs[name], name or ""))
    return [
        {"source": name, **_state(quarantined, name), **_counts(seen.get(name))}
        | {"gigs": gigs[name], "share": round(gigs[name] / max(gigs.total(), 1), 4)}
        for name in names
    ]


def preview(
    settings: OperationSettings, name: str, since: datetime | None, *, unseen: bool = False
) -> Impact | None:
    """What a quarantine would touch; None: the source is quarantined so already.

    Args:
        settings: locations of store and models.
        name: of the source.
        since: only what was recorded then or later, in UTC; None: all.
        unseen: it need not have sent anything yet.

    Raises:
        NotThere: the source is not known.
        ConsumerError: the store cannot be read.
    """
    _require_known(settings.store, name, unseen=unseen)
    before = decisions.read(settings.store).quarantines
    wanted = {**before, name: _epoch_us(since)}
    return None if wanted == before else impact.of_retraction(settings, name, wanted)


def retract(
    settings: OperationSettings, actor: Actor, name: str, since: datetime | None
) -> dict[str, Any]:
    """Take what a source has sent out of what counts. Returns what was done.

    Args:
        settings: locations of store and audit.
        actor: who decides it.
        name: of the source.
        since: only what was recorded then or later, in UTC; None: all.

    Raises:
        NotThere: the source is not known.
        ConsumerError: the store cannot be read or written.
    """
    # Inside: a source that is not there is a refusal on the audit.
    with noted(settings, actor, "retract", source=name, since=_text(since)) as deed:
        _require_known(settings.store, name)
        version = _record(settings.store, name, QUARANTINED, _epoch_us(since))
        deed.facts = {"changed": version is not None, "store_version": version}
    return {"source": name, **_now(settings.store, name), **deed.facts}


def quarantine(
    settings: OperationSettings,
    actor: Actor,
    name: str,
    since: datetime | None,
    *,
    unseen: bool = False,
) -> dict[str, Any]:
    """Stop counting what a source has sent and will send. Returns what was done.

    Args:
        settings: locations of store and audit.
        actor: who decides it.
        name: of the source.
        since: only what was recorded then or later, in UTC; None: all.
        unseen: it need not have sent anything yet.

    Raises:
        NotThere: the source is not known.
        Refused: no source can have this name.
        ConsumerError: the store cannot be read or written.
    """
    with noted(settings, actor, "source quarantine", source=name, since=_text(since)) as deed:
        _require_known(settings.store, name, unseen=unseen)
        return _decided(settings.store, deed.facts, name, QUARANTINED, _epoch_us(since))


def release(settings: OperationSettings, actor: Actor, name: str) -> dict[str, Any]:
    """Count what a quarantined source has sent again. Returns what was done.

    Args:
        settings: locations of store and audit.
        actor: who decides it.
        name: of the source.

    Raises:
        NotThere: the source is not known.
        Refused: no source can have this name.
        ConsumerError: the store cannot be read or written.
    """
    with noted(settings, actor, "source release", source=name) as deed:
        _require_known(settings.store, name)
        return _decided(settings.store, deed.facts, name, RELEASED, ALL)


def _decided(
    path: Path, facts: dict[str, Any], name: str, status: str, since_us: int
) -> dict[str, Any]:
    version = _record(path, checked_source(name), status, since_us)
    facts |= {"changed": version is not None, "store_version": version}
    # After the decision: a scan of all rows must not delay it.
    seen = sources(path).get(name)
    return {
        "source": name,
        **_now(path, name),
        **facts,
        "statements": seen.statements if seen else 0,
        "dead_letters": seen.dead if seen else 0,
    }


def _record(path: Path, name: str, status: str, since_us: int) -> int | None:
    """Append a decision about a source. Returns the store version with it; None: it holds."""
    store, known = Store.open(path), decisions.read(path)
    wanted = Quarantine(time.time_ns() // 1000, name, status, since_us)
    wanted = _after(known.all_quarantines, wanted)
    if quarantines.resolve([*known.all_quarantines, wanted]) == known.quarantines:
        return None
    # No positions: the row does not come from Kafka.
    return store.append(quarantines.table(wanted), {})


def _after(known: tuple[Quarantine, ...], wanted: Quarantine) -> Quarantine:
    """The decision, later than all others, also where this machine's clock is behind."""
    after_us = max((each.recorded_us + 1 for each in known), default=0)
    return wanted._replace(recorded_us=max(wanted.recorded_us, after_us))


def _require_known(path: Path, name: str, *, unseen: bool = False) -> None:
    """Refuse a source that has sent nothing and that no quarantine names: a typo is no decision."""
    checked_source(name)
    # Statements first: the sources of dead letters are read from their bytes, which takes longer.
    if unseen or name in decisions.read(path).quarantines or count_of_source(path, name):
        return
    stored = {each for each in sources(path) if each}
    if name in stored:
        return
    near = _near(name, stored)
    meant = f"did you mean {near}?" if near else _some(stored)
    raise NotThere(f"nothing of a source {name!r} is stored; {meant}", field="source")


def _some(known: Collection[str]) -> str:
    """Known sources, as far as a line holds them."""
    named = ", ".join(map(repr, sorted(known)[:_MOST_NAMED]))
    more = f" and {len(known) - _MOST_NAMED} more" if len(known) > _MOST_NAMED else ""
    return f"known are {named}{more}" if known else "no source has sent anything yet"


def _near(name: str, known: Iterable[str]) -> str:
    """The sources that a mistyped name may mean; "" where there is none."""
    # The name of a file is the likeliest slip: its source has `import:` in front.
    spelt = {each: each.removeprefix(_IMPORT).casefold() for each in sorted(known)}
    close = get_close_matches(name.removeprefix(_IMPORT).casefold(), spelt.values(), _NEAR)
    found = [each for each, plain in spelt.items() if plain in close]
    return " or ".join(map(repr, found[:_NEAR]))


def _gigs(settings: OperationSettings) -> Counter[str | None]:
    """How many gigs of each source count."""
    saved = Snapshots(settings.models).load()
    found = settled(settings.store, (saved.interactions, saved.known) if saved else None)
    if found is None:
        return Counter()
    codes, names = found[0].play_sources()
    return Counter(dict(zip(names, np.bincount(codes).tolist(), strict=False)))


def _now(path: Path, name: str) -> dict[str, str | None]:
    return _state(decisions.read(path).quarantines, name)


def _state(quarantined: Quarantines, name: str | None) -> dict[str, str | None]:
    """Whether a source counts, and since when it does not; None: a source without a name."""
    since_us = quarantined.get(name or "")
    found = "counts" if since_us is None else QUARANTINED
    return {"state": found, "since": _day(None if since_us == ALL else since_us)}


def _counts(seen: Seen | None) -> dict[str, Any]:
    if seen is None:
        return _NOTHING
    counts = {"statements": seen.statements, "dead_letters": seen.dead}
    return counts | {"first": _day(seen.first_us), "last": _day(seen.last_us)}


def _day(epoch_us: int | None) -> str | None:
    return None if epoch_us is None else day(epoch_us // 1000)


def _epoch_us(since: datetime | None) -> int:
    """The moment that a quarantine begins at; one without an offset is in UTC."""
    if since is None:
        return ALL
    aware = since if since.tzinfo else since.replace(tzinfo=UTC)
    return int(aware.timestamp()) * 1_000_000


def _text(since: datetime | None) -> str | None:
    return None if since is None else since.isoformat()
