"""Visibility: an id is kept out of all lists without touching its plays, and shown again."""

import time
from pathlib import Path
from typing import Any, Literal

from consumer.ids import decisions, merges, visibility
from consumer.ids.decisions import Decisions
from consumer.ids.visibility import HIDDEN, SHOWN, Visibility
from consumer.store.writer import Store
from consumer.table.schema import Side
from operations import impact
from operations.audit import Actor, noted
from operations.errors import Refused
from operations.ids import checked
from operations.impact import Impact
from operations.known import require_known
from operations.settings import OperationSettings

State = Literal["hidden", "shown"]
_COMMANDS: dict[str, str] = {HIDDEN: "hide", SHOWN: "show"}


def preview(settings: OperationSettings, side: Side, identity: str, state: State) -> Impact | None:
    """What hiding or showing an id would touch; None: it is hidden, or shown, already.

    Args:
        settings: locations of store, models and Redis.
        side: of the id.
        identity: the id.
        state: that it would have.

    Raises:
        Refused: no list can show it.
        ConsumerError: the store cannot be read.
    """
    known, wanted = decisions.read(settings.store), _wanted(side, identity, state)
    _require_candidate(settings.store, known, wanted)
    if not _changes(known, wanted):
        return None
    return impact.of_ids(settings, side, [identity])


def decide(
    settings: OperationSettings, actor: Actor, side: Side, identity: str, state: State
) -> dict[str, Any]:
    """Hide an id from all lists of others, or show it again. Returns what was done.

    Args:
        settings: locations of store and audit.
        actor: who decides it.
        side: of the id.
        identity: the id.
        state: that it is to have.

    Raises:
        Refused: no list can show it.
        ConsumerError: the store cannot be read or written.
    """
    with noted(settings, actor, _COMMANDS[state], side=side, id=identity) as deed:
        # Read here, not before: another decision may have been made meanwhile.
        wanted, known = _wanted(side, identity, state), decisions.read(settings.store)
        _require_candidate(settings.store, known, wanted)
        version = _record(settings.store, known, wanted)
        deed.facts = {"changed": version is not None, "store_version": version}
    return {"kind": side, "id": identity, "state": state, **deed.facts}


def _wanted(side: Side, identity: str, state: State) -> Visibility:
    return Visibility(time.time_ns() // 1000, checked(side, identity), state, side)


def _require_candidate(path: Path, known: Decisions, wanted: Visibility) -> None:
    """Refuse an id that no list can show, unless a decision about it is to be taken back."""
    side, identity = wanted.side, wanted.identity
    if wanted.status == SHOWN and identity in visibility.resolve(known.visibility, side):
        return
    require_known(path, known, side, identity)
    # Lists show what a merged id counts as: to hide this one would change nothing.
    kept = merges.resolve(known.merges, side).get(identity)
    if kept is not None:
        raise Refused(
            f"{side} {identity!r} counts as {kept!r}, which lists show; name that one", field="id"
        )


def _changes(known: Decisions, wanted: Visibility) -> bool:
    hidden = visibility.resolve(known.visibility, wanted.side)
    return visibility.resolve([*known.visibility, wanted], wanted.side) != hidden


def _record(path: Path, known: Decisions, wanted: Visibility) -> int | None:
    """Append a decision. Returns the store version with it; None if it holds already."""
    # Later than all others, also where this machine's clock is behind.
    after_us = max((each.recorded_us + 1 for each in known.all_visibility), default=0)
    wanted = wanted._replace(recorded_us=max(wanted.recorded_us, after_us))
    if not _changes(known, wanted):
        return None
    # No positions: the row does not come from Kafka.
    return Store.open(path).append(visibility.table(wanted), {})
