"""What a store holds: counted by its log, and by the trainer, or by reading it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from consumer.dead_letters.letters import count_open
from consumer.table import delta_log
from consumer.table.extent import Extent, extent_of
from operations.clocks import day, now_ms, warnings
from operations.settings import OperationSettings
from trainer.registry import counts
from trainer.registry.counts import Counts

FEW = 50_000
"""Up to this number of statements a store is settled as quickly as a file with its counts."""

_UNCOUNTED = (
    "no trainer has counted the plays of this store: start one (`gigstream train`), or read the "
    "whole store with `gigstream status --exact`"
)
_COUNTED = ("plays", "artists", "venues", "pairs", "cancelled")
_SIDES = ("artist", "venue")


@dataclass(frozen=True)
class Holdings:
    """What a store holds.

    Attributes:
        facts: as `status` shows them.
        positions: the next offset of each partition, by app id.
        remarks: lines for people.
    """

    facts: dict[str, Any]
    positions: Mapping[str, int]
    remarks: list[str]


def held(settings: OperationSettings, *, exact: bool = False) -> Holdings:
    """What the store holds.

    Statements and dead letters are counted by the log. Plays, artists and venues are what the
    trainer counted last; where it has not counted what is stored, a small store is settled here.

    Args:
        settings: they name store and models.
        exact: settle the store, whatever its size.

    Raises:
        StoreDamaged, StoreNewer: the store cannot be read.
    """
    snapshot = delta_log.replay(settings.store)
    extent = extent_of(snapshot) if snapshot else Extent("", {})
    version = snapshot.version if snapshot else None
    found = _counts(settings, extent, version, exact=exact)
    rows = extent.rows
    # Without dead letters their files need not be read.
    unresolved = count_open(settings.store) if rows.get("dead") else 0
    facts = {
        "events": rows.get("event", 0),
        **{name: getattr(found, name, None) for name in _COUNTED},
        "dead_letters": rows.get("dead", 0),
        "dead_letters_unresolved": unresolved,
        "as_of": day(found.as_of_ms) if found else None,
        "ahead": found.ahead if found else None,
        "tombstones_unmatched": found.unmatched if found else None,
        "hidden": dict.fromkeys(_SIDES, 0) | dict(found.hidden) if found else None,
        "store_version": version,
        "counted_version": found.version if found and snapshot else None,
    }
    return Holdings(facts, snapshot.positions if snapshot else {}, _remarks(found, extent))


def _counts(
    settings: OperationSettings, extent: Extent, version: int | None, *, exact: bool
) -> Counts | None:
    """Counts of the store: the trainer's, ours, or earlier ones of the trainer's."""
    known = None if exact else counts.load(settings.models)
    # A clock that is behind the trainer's sees other statements ahead of it.
    if known and known.are_of(extent) and (known.as_of_ms or 0) <= now_ms():
        return known
    if exact or extent.rows.get("event", 0) <= FEW:
        return _settled(settings, extent, version)
    return None if known is None or known.missing(extent) is None else known


def _settled(settings: OperationSettings, extent: Extent, version: int | None) -> Counts:
    # Only here: settling takes half a second to import.
    from trainer.plays.interactions import Interactions
    from trainer.plays.read import settled

    interactions, chunk = settled(settings.store) or (Interactions(), None)
    version = chunk.version if chunk else version
    return counts.count(interactions, extent, version or 0, now_ms())


def _remarks(found: Counts | None, extent: Extent) -> list[str]:
    if found is None:
        return [_UNCOUNTED]
    missing = found.missing(extent)
    late = [] if found.are_of(extent) or not missing else [_late(found, missing)]
    return [*late, *warnings(found.as_of_ms, found.ahead, now_ms())]


def _late(found: Counts, missing: int) -> str:
    return (
        f"plays, artists and venues are as the trainer counted them at version {found.version} of "
        f"the store; {abs(missing):,} statements differ from then (`gigstream status --exact` "
        "reads the whole store)"
    )
