"""Erasing an id from store, models and Redis, and the receipt.

The store comes first, so that nothing is derived from the id again. A running trainer then follows
by itself (`Trainer._purge`) and is waited for. Without one, the models that hold the id are removed
here and new lists are published as `train --once` does.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from consumer.deadline import Deadline
from consumer.ids import decisions
from consumer.ids.erasures import COMPLETE, Record
from consumer.kafka.inspect import retention
from consumer.store.erase import Erased, Erasing
from consumer.table.schema import Side
from operations import audit, impact
from operations.audit import Actor, noted
from operations.clocks import day
from operations.errors import NoTrainer, StillHeld
from operations.ids import checked
from operations.impact import Erasable
from operations.known import unknown
from operations.settings import OperationSettings
from operations.variants import trainers
from serving.connection import connect
from serving.erasure import drop_events, drop_staged, holdings
from trainer.errors import NothingToFit
from trainer.registry.snapshot import Snapshots
from trainer.registry.state import Registry, any_id
from trainer.run import run, withdraw

Gone = Callable[[Side, str], bool]
Configure = Callable[[], None]

OUTSIDE = (
    "Not erased, and yours to handle: the topics of Kafka, exports, imported files, backups, and "
    "copies in apps."
)

_LOOK_S = 0.2
_LONGEST_S = 5.0


@dataclass(frozen=True)
class Holders:
    """What still holds the id outside of the store.

    Attributes:
        artifacts: names of model folders of one trainer.
        keys: number of fields that hold it, by Redis key.
        settled: names of snapshot folders under `models/`.
    """

    artifacts: list[str]
    keys: dict[str, int]
    settled: list[str]

    def __bool__(self) -> bool:
        return bool(self.artifacts or self.keys or self.settled)


def preview(settings: OperationSettings, side: Side, identity: str) -> Erasable | None:
    """What the erasure of an id would touch; None: it was begun already, and is completed.

    Args:
        settings: locations of store, models and Redis.
        side: of the id.
        identity: the id.

    Raises:
        NotThere: nothing knows the id.
        ConsumerError: the store cannot be read.
    """
    # Before anything is locked: an id that no event can carry is not in the store.
    checked(side, identity)
    found = impact.of_erasure(settings, side, identity)
    # What an erasure that was begun touches was shown when it began.
    if found.is_begun:
        return None
    if not found.is_known:
        raise unknown(side, identity)
    return found


def receipts(settings: OperationSettings) -> list[dict[str, Any]]:
    """What was erased and when, newest first, by the keyed hash of the id.

    Raises:
        ConsumerError: the store cannot be read.
    """
    requests: dict[str, list[Record]] = {}
    for record in decisions.read(settings.store).records:
        requests.setdefault(record.request, []).append(record)
    return [_noted(records) for records in reversed(requests.values())]


def _noted(records: list[Record]) -> dict[str, Any]:
    """One request: it erases an id and those that were merged into it."""
    first, last = records[0], records[-1]
    facts: dict[str, Any] = {}
    for record in records:
        facts |= json.loads(record.facts or "{}")
    facts.pop("completed_at", None)
    is_complete = last.status == COMPLETE
    return {
        "kind": first.side,
        "hashes": sorted({record.hash for record in records}),
        "recorded_at": day(first.recorded_us // 1000),
        "status": last.status,
        "completed_at": day(last.recorded_us // 1000) if is_complete else None,
        "facts": facts,
    }


def erase(
    settings: OperationSettings,
    actor: Actor,
    side: Side,
    identity: str,
    *,
    wait_s: float,
    configure: Configure | None,
    on_step: Callable[[str], None] = lambda _step: None,
) -> dict[str, Any]:
    """Erase an id, or complete an erasure that was cut short. Returns the receipt.

    Args:
        settings: locations of store, models and Redis.
        actor: who decides it.
        side: `artist` or `venue`.
        identity: the id.
        wait_s: seconds to wait for a running trainer.
        configure: sets up logging in child processes, where lists are made without a trainer; None:
            this process does not make them.
        on_step: called with the name of each step; tests stop there.

    Raises:
        ConsumerError, ServingError, TrainerError: each with its `exit_code`.
        StillHeld: the trainer did not publish in time.
        NoTrainer: there is none, and this process does not make lists.
    """
    checked(side, identity)
    # Without the id, which the audit must not keep.
    with noted(settings, actor, "erase", side=side) as deed:
        work = Erasing(path=settings.store, side=side, identity=identity, on_step=on_step)
        # By name, while the id and its merges are still known: afterwards only hashes are left.
        known = trainers(settings)
        before = [_held(each, lambda of, name: of == side and name in work.ids) for each in known]
        # The receipt must name them, and later steps remove them: record them with the erasure.
        work.run(_holders(known, before))
        # After the record: only from then on are ids told by their hashes.
        audit.redact(settings)
        # Each variant has models and lists of its own that hold the id.
        for each in known:
            _follow(each, wait_s, configure)
        on_step("published")
        # Last: an erasure without this record is taken for interrupted and can be continued.
        done = work.complete({"completed_at": time.time()})
        receipt = _receipt(side, identity, done)
        deed.facts = {"recorded_at": receipt["recorded_at"], **receipt["store"]}
    # Both topics keep records after the erasure: their retention is outside of our control.
    topics = filter(None, (settings.kafka_topic, settings.kafka_dead_letter_topic))
    return receipt | {"kafka": [retention(settings, topic) for topic in topics]}


def _holders(known: Sequence[OperationSettings], before: Sequence[Holders]) -> dict[str, Any]:
    """What held it, of all trainers; models of other variants are named with their folder."""
    pairs = [*zip(known, before, strict=True)]
    own = known[0].models
    return {
        "artifacts": [
            name if each.models == own else f"{each.models.name}/{name}"
            for each, held in pairs
            for name in held.artifacts
        ],
        "keys": {key: count for held in before for key, count in held.keys.items()},
    }


def _follow(settings: OperationSettings, wait_s: float, configure: Configure | None) -> None:
    """Remove the id from models and Redis, or wait until the trainer has.

    From here on ids are compared by their hashes: after an interrupted erasure the store no longer
    tells which other ids were merged into the given one.
    """
    gone = decisions.read(settings.store).erasures.gone
    registry = Registry(settings.models)
    if not registry.is_trained():  # a running trainer removes its snapshots itself
        Snapshots(settings.models).clear()
    deadline, pause_s = Deadline(wait_s), _LOOK_S
    while held := _held(settings, gone):
        # Before the next look: staged lists of an ended process would be waited for in vain.
        with connect(settings) as client:
            drop_staged(client, settings.redis_prefix, list(held.keys))
        if not registry.is_trained():
            if configure is None:
                raise NoTrainer(
                    "the store is done, and no trainer works here to make lists without it; start "
                    "`gigstream train`, then erase it once more"
                )
            _train(settings, gone, registry, configure)
        elif deadline.is_over:
            raise StillHeld(
                f"the store is done, but after {wait_s:g} s models ({len(held.artifacts)}) "
                f"and lists ({len(held.keys)} keys of Redis) still hold it; see the trainer's log, "
                "then run this command again"
            )
        else:
            time.sleep(pause_s)
            # Each look reads all models and lists, so look less often as time passes.
            pause_s = min(2 * pause_s, _LONGEST_S)
    # Last: until no list has the id, a change of it may still be announced.
    with connect(settings) as client:
        drop_events(client, settings.redis_prefix)


def _train(
    settings: OperationSettings, gone: Gone, registry: Registry, configure: Configure
) -> None:
    """Remove models that hold it, and publish lists without it if lists with it are published."""
    Snapshots(settings.models).clear()
    # Removed before the fit: a warm fit would start from factors that know the id.
    registry.remove([path for path in registry.artifacts() if any_id(path, gone)])
    # Nothing is published, so there is no list to replace.
    if not _held(settings, gone).keys:
        return
    try:
        # By force: without the id the lists may shrink by more than half.
        run(settings, once=True, force=True, configure=configure)
    except NothingToFit:
        # The last play is gone: no list can be made.
        withdraw(settings)


def _held(settings: OperationSettings, gone: Gone) -> Holders:
    with connect(settings) as client:
        keys = holdings(client, settings.redis_prefix, gone)
    artifacts, settled = Registry(settings.models).artifacts(), Snapshots(settings.models).paths()
    return Holders(
        artifacts=[path.name for path in artifacts if any_id(path, gone)],
        keys=keys,
        settled=[path.name for path in settled if any_id(path, gone)],
    )


def _receipt(side: Side, identity: str, done: Erased) -> dict[str, Any]:
    facts, complete = done.facts, done.complete or {}
    return {
        "kind": side,
        "id": identity,
        "recorded_at": day(int(done.recorded_at * 1000)),
        "completed_at": day(int(complete["completed_at"] * 1000)),
        "store": {name: facts[name] for name in ("rows", "dead", "merges", "scrubbed", "files")},
        "artifacts": facts["artifacts"],
        "redis": facts["keys"],
    }
