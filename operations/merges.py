"""Merges: two ids are declared one artist, or one venue, and that is taken back."""

import time
from pathlib import Path
from typing import Any

from consumer.ids import decisions, merges
from consumer.ids.decisions import Decisions
from consumer.ids.merges import Merge
from consumer.store.survey import merged_into
from consumer.store.writer import Store
from consumer.table.schema import Side
from operations import impact
from operations.audit import Actor, noted
from operations.errors import NotThere, Refused
from operations.ids import checked
from operations.impact import Impact
from operations.known import require_known
from operations.settings import OperationSettings


def preview(settings: OperationSettings, side: Side, gone: str, kept: str) -> Impact | None:
    """What a merge would touch; None: the ids count as one already.

    Args:
        settings: locations of store, models and Redis.
        side: of both ids.
        gone: the id whose plays are to count as the other one's.
        kept: the other one.

    Raises:
        Refused: it would close a cycle, or nothing knows one of the ids.
        ConsumerError: the store cannot be read.
    """
    known = decisions.read(settings.store)
    if not _needed(settings.store, known, _wanted(side, gone, kept)):
        return None
    return impact.of_ids(settings, side, [gone, *merged_into(known, side, gone)])


def merge(
    settings: OperationSettings, actor: Actor, side: Side, gone: str, kept: str
) -> dict[str, Any]:
    """Count all plays of one id, past and future, as another one's. Returns what was done.

    Args:
        settings: locations of store and audit.
        actor: who decides it.
        side: of both ids.
        gone: the id whose plays are to count as the other one's.
        kept: the other one.

    Raises:
        Refused: see `preview`.
        ConsumerError: the store cannot be read or written.
    """
    # Judged again inside: the preview may be minutes old, or there was none.
    with noted(settings, actor, "merge", side=side, id=gone, into=kept) as deed:
        wanted = _wanted(side, gone, kept)
        needed = _needed(settings.store, decisions.read(settings.store), wanted)
        deed.facts = _facts(record(settings.store, wanted) if needed else None)
    return {"kind": side, "from": gone, "into": kept, **deed.facts}


def unmerge(settings: OperationSettings, actor: Actor, side: Side, identity: str) -> dict[str, Any]:
    """Let the plays of a merged id count as its own again. Returns what was done.

    Args:
        settings: locations of store and audit.
        actor: who decides it.
        side: of the id.
        identity: the id.

    Raises:
        NotThere: it was never merged.
        ConsumerError: the store cannot be read or written.
    """
    with noted(settings, actor, "unmerge", side=side, id=identity) as deed:
        wanted = _wanted(side, identity, identity)
        _require_merged(decisions.read(settings.store), wanted)
        deed.facts = _facts(record(settings.store, wanted))
    return {"kind": side, "id": identity, **deed.facts}


def record(path: Path, wanted: Merge) -> int | None:
    """Append the merge, or its end. Returns the store version with it; None: nothing to change."""
    store, known = Store.open(path), decisions.read(path)
    # A merge that is asked for later counts later, also if this machine's clock is behind.
    after_us = max((each.recorded_us + 1 for each in known.all_merges), default=0)
    wanted = wanted._replace(recorded_us=max(wanted.recorded_us, after_us))
    # Repeating a decision adds no commit.
    links = merges.links(known.merges, wanted.side)
    if merges.links([*known.merges, wanted], wanted.side) == links:
        return None
    # No positions: the row does not come from Kafka.
    return store.append(merges.table(wanted), {})


def _wanted(side: Side, gone: str, kept: str) -> Merge:
    """The requested merge; `checked` refuses an id that no event can carry."""
    checked(side, gone), checked(side, kept)
    return Merge(time.time_ns() // 1000, gone, kept, side)


def _needed(path: Path, known: Decisions, wanted: Merge) -> bool:
    """Whether the merge would change anything.

    Raises:
        Refused: it would close a cycle, or nothing knows one of the ids.
    """
    side, gone, kept = wanted.side, wanted.gone, wanted.kept
    # What counts now; the store itself keeps every merge that was ever made.
    into = merges.resolve(known.merges, side)
    if merges.leads_to(into, kept, gone):
        reason = "is the same id" if gone == kept else f"counts as {gone!r} already"
        raise Refused(f"{side} {kept!r} {reason}; name another one to merge into", field="into")
    # Both already lead to the same id: repeating a merge adds no commit.
    if into.get(gone) == into.get(kept, kept):
        return False
    for identity in (gone, kept):
        require_known(path, known, side, identity)
    return True


def _require_merged(known: Decisions, wanted: Merge) -> None:
    """Refuse an id that was never merged, with the ids that may have been meant."""
    side, identity = wanted.side, wanted.gone
    if any((each.side, each.gone) == (side, identity) for each in known.merges):
        return
    others = merged_into(known, side, identity)
    remedy = f"these count as it: {', '.join(others)}" if others else "check the id"
    raise NotThere(f"{side} {identity!r} was not merged into another one; {remedy}", field="id")


def _facts(version: int | None) -> dict[str, Any]:
    return {"changed": version is not None, "store_version": version}
