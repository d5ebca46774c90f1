"""Erasing an id from store, models and Redis, and the receipt.

The store comes first, so that nothing is derived from the id again. A running trainer then follows
by itself and is waited for. Without one, the models that hold the id are removed here and new lists
are published as `train --once` does.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from consumer.deadline import Deadline
from consumer.ids import decisions
from consumer.kafka.inspect import retention
from consumer.store.erase import Erased, Erasing
from consumer.table.schema import Side
from gigstream.clocks import day
from gigstream.errors import GigstreamError
from gigstream.settings import Settings
from gigstream.variants import trainers
from serving.connection import connect
from serving.erasure import drop_events, drop_staged, holdings
from trainer.errors import NothingToFit
from trainer.registry.snapshot import Snapshots
from trainer.registry.state import Registry, any_id
from trainer.run import run, withdraw

Gone = Callable[[Side, str], bool]

_LOOK_S = 0.2
_LONGEST_S = 5.0


class StillHeld(GigstreamError):
    """Models or lists still hold the id after the timeout; the store does not."""


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


def erase(
    settings: Settings,
    side: Side,
    identity: str,
    *,
    wait_s: float,
    configure: Callable[[], None],
    on_step: Callable[[str], None] = lambda _step: None,
) -> dict[str, Any]:
    """Erase an id, or complete an erasure that was cut short. Returns the receipt.

    Args:
        settings: locations of store, models and Redis.
        side: `artist` or `venue`.
        identity: the id.
        wait_s: seconds to wait for a running trainer.
        configure: sets up logging in child processes.
        on_step: called with the name of each step; tests stop there.

    Raises:
        ConsumerError, ServingError, TrainerError: each with its `exit_code`.
        StillHeld: the trainer did not publish in time.
    """
    work = Erasing(path=settings.store, side=side, identity=identity, on_step=on_step)
    # By name, while the id and its merges are still known: afterwards only hashes are left.
    known = trainers(settings)
    before = [_held(each, lambda of, name: of == side and name in work.ids) for each in known]
    # The receipt must name them, and later steps remove them: record them with the erasure.
    work.run(_noted(known, before))
    for each in known:
        _follow(each, wait_s, configure)
    on_step("published")
    # Last: an erasure without this record is taken for interrupted and can be continued.
    done = work.complete({"completed_at": time.time()})
    # Both topics keep records after the erasure: their retention is outside of our control.
    topics = filter(None, (settings.kafka_topic, settings.kafka_dead_letter_topic))
    return _receipt(side, identity, done) | {"kafka": [retention(settings, t) for t in topics]}


def _noted(known: Sequence[Settings], before: Sequence[Holders]) -> dict[str, Any]:
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


def _follow(settings: Settings, wait_s: float, configure: Callable[[], None]) -> None:
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
    settings: Settings, gone: Gone, registry: Registry, configure: Callable[[], None]
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


def _held(settings: Settings, gone: Gone) -> Holders:
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
