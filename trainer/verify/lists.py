"""The live lists against the same made again: what apps see is what follows from the store."""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from consumer.store.reader import StoreReader
from serving.connection import connect
from serving.contract import (
    DEFAULT,
    VIEWS,
    Entry,
    View,
    as_text,
    field_of,
    id_of,
    is_reserved,
    live_key,
)
from serving.live import Live, read_live
from serving.redis_errors import translated
from trainer.plays.interactions import COLUMNS
from trainer.registry import journal
from trainer.registry.artifact import load
from trainer.registry.journal import History
from trainer.settings import TrainerSettings
from trainer.verify.remade import NotRepeatable, Remade

SHOWN = 5
"""Ids of a difference that are shown."""

_CLOSE = 1e-4
"""Scores are published with 5 digits, and float sums differ by their order."""
_WRITTEN_S = 2.0
_SCANNED = 1000

Finding = tuple[str, View, str]
"""What is wrong, with which view, of which id."""


@dataclass
class Rechecked:
    """What came of it.

    Attributes:
        generation: that was looked at; None: there is none.
        compared: lists.
        findings: each list that is not as it must be.
        remarks: what was not compared, and why.
    """

    generation: int | None
    compared: int = 0
    findings: list[Finding] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def recheck(settings: TrainerSettings) -> Rechecked:
    """Make every live list again and compare.

    Raises:
        ServingError: Redis is away or does not let us read.
        ConsumerError: the store cannot be read.
        BadArtifact: the model is damaged.
    """
    with connect(settings) as client:
        live = read_live(client, settings.redis_prefix)
        found = Rechecked(live.generation)
        history = _history(settings.models, live)
        if live.generation is None or live.seq is None:
            found.remarks.append("no lists are published")
        elif history is None:
            found.remarks.append(
                f"generation {live.generation}: not made by this installation, or by an older "
                "gigstream; compared from the next generation on"
            )
        else:
            _Recheck(settings, client, live, found).run(history)
        return found


class _Recheck:
    """One comparison, of one generation."""

    def __init__(
        self, settings: TrainerSettings, client: redis.Redis, live: Live, found: Rechecked
    ) -> None:
        self._settings = settings
        self._client = client
        self._live = live
        self._found = found
        self._known: dict[View, set[str]] = {view: set() for view in VIEWS}  # fields

    def run(self, history: History) -> None:
        """Fill in what is found."""
        try:
            remade = self._remade(history)
            for view, lists in remade.lists():
                if view in self._live.lacking:
                    continue
                self._compare(view, {field_of(name): made for name, made in lists.items()})
                self._found.compared += sum(made is not None for made in lists.values())
        except NotRepeatable as error:
            number = self._live.generation
            self._found.remarks.append(f"lists not compared, of generation {number}: {error}")
        else:
            for view in remade.defaults.keys() - self._live.lacking:
                self._compare(view, {DEFAULT: remade.defaults[view]})
                self._find_extra(view)
        # Last: a list that changed while the others were read is no finding.
        self._drop_changed()

    def _remade(self, history: History) -> Remade:
        seq = self._live.seq or 0
        if history.steps[-1].seq < seq:
            raise NotRepeatable("the trainer ended right after a fold-in; start it")
        artifact = load(self._settings.models / history.artifact)
        if artifact.hash != self._live.model_hash:
            raise NotRepeatable("they are of a model that models/ does not hold")
        chunk = StoreReader(self._settings.store, columns=COLUMNS).read()
        if chunk is None:
            raise NotRepeatable("there is no store")
        return Remade(
            history,
            artifact,
            chunk.events,
            chunk.merges,
            visibility=chunk.visibility,
            quarantined=chunk.quarantines,
            up_to_seq=seq,
        )

    def _compare(self, view: View, made: Mapping[str, Entry | None]) -> None:
        """Compare fields of a hash with what they must hold; None: nothing."""
        self._known[view] |= made.keys()
        with translated(self._client, self._settings.redis_prefix):
            values = self._client.hmget(self._key(view), list(made)) if made else []
        for (name, entry), value in zip(made.items(), values, strict=True):
            self._note(_difference(entry, value), view, name)

    def _find_extra(self, view: View) -> None:
        with translated(self._client, self._settings.redis_prefix):
            for raw, _ in self._client.hscan_iter(self._key(view), count=_SCANNED):
                name = as_text(raw)
                if not is_reserved(name) and name not in self._known[view]:
                    self._note("extra", view, name)

    def _note(self, what: str | None, view: View, name: str) -> None:
        if what is not None:
            shown = name if is_reserved(name) else id_of(name)
            self._found.findings.append((what, view, shown))

    def _drop_changed(self) -> None:
        """Leave out what the trainer changed since the comparison began."""
        live, found = read_live(self._client, self._settings.redis_prefix), self._found
        if live.generation != self._live.generation:
            found.findings.clear()
            found.remarks.append("another generation was published meanwhile; run it again")
        moved = _touched_since(_history(self._settings.models, live), self._live.seq or 0)
        kept = [finding for finding in found.findings if finding[2] not in moved]
        if count := len(found.findings) - len(kept):
            found.remarks.append(f"{count} lists not compared: they changed meanwhile")
        found.findings = kept

    def _key(self, view: View) -> str:
        return live_key(self._settings.redis_prefix, view)


def lines(findings: Sequence[Finding]) -> list[str]:
    """For people: one for each view and kind of difference."""
    return [
        f"{what}: {len(names):,} of view {view}: {', '.join(names[:SHOWN])}"
        f"{' …' if len(names) > SHOWN else ''}"
        for (what, view), names in _grouped(findings).items()
    ]


def report(findings: Sequence[Finding]) -> dict[str, Any]:
    """As JSON: by kind of difference and view, how many and the first ids."""
    kinds: dict[str, Any] = defaultdict(dict)
    for (what, view), names in _grouped(findings).items():
        kinds[what][view] = {"count": len(names), "first": names[:SHOWN]}
    return kinds


def _grouped(findings: Sequence[Finding]) -> dict[tuple[str, View], list[str]]:
    groups: dict[tuple[str, View], list[str]] = defaultdict(list)
    for what, view, name in findings:
        groups[what, view].append(name)
    return groups


def _history(folder: Path, live: Live) -> History | None:
    """The journal, waited for until it holds all fold-ins that are live."""
    # The trainer writes a fold-in to Redis first and to the journal afterwards.
    give_up_at = time.monotonic() + _WRITTEN_S
    while live.generation is not None:
        found = journal.read(folder, live.generation)
        written = found is not None and found.steps[-1].seq >= (live.seq or 0)
        if written or time.monotonic() > give_up_at:
            return found
        time.sleep(_WRITTEN_S / 20)
    return None


def _touched_since(history: History | None, seq: int) -> set[str]:
    steps = [step for step in history.steps if step.seq > seq] if history else []
    return {name for step in steps for name in (*step.artists, *step.mates, *step.venues)}


def _difference(made: Entry | None, value: bytes | str | None) -> str | None:
    if made is None:
        return None if value is None else "extra"
    if value is None:
        return "missing"
    # Most are equal to the byte; only the others are decoded.
    if value == made.encode().encode() or _is_close(made, Entry.decode(value)):
        return None
    return "differing"


def _is_close(made: Entry, live: Entry) -> bool:
    """Whether only rounding tells them apart: ids of equal scores may change places."""
    facts = ("generation", "as_of", "kind")
    if any(getattr(made, name) != getattr(live, name) for name in facts):
        return False
    if len(made.ids) != len(live.ids):
        return False
    scores = dict(zip(made.ids, made.scores, strict=True))
    plays = dict(zip(made.ids, made.plays or made.ids, strict=True))
    lowest = made.scores[-1] if made.ids else 0.0
    listed = zip(live.ids, live.scores, made.scores, live.plays or live.ids, strict=True)
    return all(
        # By id and by rank. An id that we lack may have tied with the last one of the list.
        _near(score, scores.get(name, lowest))
        and _near(score, at_rank)
        and plays.get(name, count) == count
        for name, score, at_rank, count in listed
    )


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= _CLOSE * max(1.0, abs(one), abs(other))
