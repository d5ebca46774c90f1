"""The live lists against the same made again: what apps see is what follows from the store."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from consumer.tail import Tail
from serving.connection import connect
from serving.contract import (
    DEFAULT,
    VIEWS,
    Entry,
    View,
    field_of,
    id_of,
    is_reserved,
    live_key,
)
from serving.faults import translated
from serving.live import Live, read_live
from trainer import journal
from trainer.artifact import load
from trainer.interactions import COLUMNS
from trainer.journal import History
from trainer.remade import NotRepeatable, Remade
from trainer.settings import TrainerSettings

SHOWN = 5
"""Ids of a difference that are told."""

_CLOSE = 1e-4
"""Scores are published with 5 digits, and sums come out a little other in another order."""
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
        if live.generation is None or live.seq is None:
            found.remarks.append("no lists are published")
            return found
        history = _history(settings.models, live)
        if history is None:
            found.remarks.append(
                f"generation {live.generation}: not made by this installation, or by an older "
                "gigstream; compared from the next generation on"
            )
            return found
        _Recheck(settings, client, live, history, found).run()
        return found


class _Recheck:
    """One comparison, of one generation."""

    def __init__(
        self,
        settings: TrainerSettings,
        client: redis.Redis,
        live: Live,
        history: History,
        found: Rechecked,
    ) -> None:
        self._settings = settings
        self._client = client
        self._live = live
        self._history = history
        self._found = found
        self._known: dict[View, set[str]] = {view: set() for view in VIEWS}

    def run(self) -> None:
        """Fill in what is found."""
        try:
            remade = self._remade()
            for view, lists in remade.lists():
                self._compare(view, lists)
        except NotRepeatable as error:
            number = self._live.generation
            self._found.remarks.append(f"lists not compared, of generation {number}: {error}")
        else:
            self._compare_defaults(remade.defaults)
            self._find_extra()
        self._forgive()

    def _remade(self) -> Remade:
        if self._history.steps[-1].seq < (self._live.seq or 0):
            raise NotRepeatable("the trainer ended right after a fold-in; start it")
        artifact = load(self._settings.models / self._history.artifact)
        if artifact.hash != self._live.model_hash:
            raise NotRepeatable("they are of a model that models/ does not hold")
        chunk = Tail(self._settings.store, columns=COLUMNS).read()
        if chunk is None:
            raise NotRepeatable("there is no store")
        return Remade(
            history=self._history,
            artifact=artifact,
            events=chunk.events,
            merges=chunk.merges,
            up_to_seq=self._live.seq or 0,
        )

    def _compare(self, view: View, lists: Mapping[str, Entry | None]) -> None:
        names = list(lists)
        for name, value in zip(names, self._read(view, names), strict=True):
            made = lists[name]
            self._known[view].add(name)
            self._note(_difference(made, value), view, name)
        self._found.compared += sum(made is not None for made in lists.values())

    def _compare_defaults(self, made: Mapping[View, Entry]) -> None:
        for view, entry in made.items():
            (value,) = self._values(view, [DEFAULT])
            self._note(_difference(entry, value), view, DEFAULT)

    def _find_extra(self) -> None:
        for view in VIEWS:
            for name in self._names(view):
                if name not in self._known[view]:
                    self._note("extra", view, name)

    def _note(self, what: str | None, view: View, name: str) -> None:
        if what is not None:
            self._found.findings.append((what, view, name))

    def _forgive(self) -> None:
        """Leave out what the trainer changed while we looked."""
        live, found = read_live(self._client, self._settings.redis_prefix), self._found
        if live.generation != self._live.generation:
            found.findings.clear()
            found.remarks.append("another generation was published meanwhile; run it again")
        moved = _touched_since(_history(self._settings.models, live), self._live.seq or 0)
        kept = [finding for finding in found.findings if finding[2] not in moved]
        if count := len(found.findings) - len(kept):
            found.remarks.append(f"{count} lists not compared: they changed meanwhile")
        found.findings = kept

    def _read(self, view: View, names: Sequence[str]) -> list[bytes | str | None]:
        return self._values(view, [field_of(name) for name in names])

    def _values(self, view: View, fields: Sequence[str]) -> list[bytes | str | None]:
        if not fields:
            return []
        with translated(self._client, self._settings.redis_prefix):
            key = live_key(self._settings.redis_prefix, view)
            return list(self._client.hmget(key, list(fields)))

    def _names(self, view: View) -> Iterator[str]:
        key = live_key(self._settings.redis_prefix, view)
        with translated(self._client, self._settings.redis_prefix):
            for name, _ in self._client.hscan_iter(key, count=_SCANNED):
                text = name.decode() if isinstance(name, bytes) else str(name)
                if not is_reserved(text):
                    yield id_of(text)


def lines(findings: Sequence[Finding]) -> list[str]:
    """For people: one for each view and kind of difference."""
    return [
        f"{what}: {len(names):,} of view {view}: {', '.join(names[:SHOWN])}"
        f"{' …' if len(names) > SHOWN else ''}"
        for (what, view), names in _grouped(findings).items()
    ]


def report(findings: Sequence[Finding]) -> dict[str, Any]:
    """As JSON: by kind of difference and view, how many and the first ids."""
    said: dict[str, Any] = {}
    for (what, view), names in _grouped(findings).items():
        said.setdefault(what, {})[view] = {"count": len(names), "first": names[:SHOWN]}
    return said


def _grouped(findings: Sequence[Finding]) -> dict[tuple[str, View], list[str]]:
    groups: dict[tuple[str, View], list[str]] = {}
    for what, view, name in findings:
        groups.setdefault((what, view), []).append(name)
    return groups


def _history(folder: Path, live: Live) -> History | None:
    """The journal, waited for until it holds all fold-ins that are live."""
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
    return {name for step in steps for name in (*step.artists, *step.venues)}


def _difference(made: Entry | None, value: bytes | str | None) -> str | None:
    if made is None:
        return None if value is None else "extra"
    if value is None:
        return "missing"
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
    return all(
        _near(score, scores.get(name, lowest))
        and _near(score, at)
        and plays.get(name, said) == said
        for name, score, at, said in zip(
            live.ids, live.scores, made.scores, live.plays or live.ids, strict=True
        )
    )


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= _CLOSE * max(1.0, abs(one), abs(other))
