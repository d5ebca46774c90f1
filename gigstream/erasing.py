"""`erase`, over store, models and Redis, and the receipt of it.

The store goes first. Then a running trainer follows by itself and is waited for; without one the
models that hold the id are removed here and what `train --once` does is done.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gigstream.errors import GigstreamError

if TYPE_CHECKING:
    from pathlib import Path

    from consumer.erasing import Erased
    from consumer.merges import Side
    from gigstream.settings import Settings
    from trainer.registry import Registry

    Gone = Callable[[Side, str], bool]

_LOOK_S = 0.2
_LONGEST_S = 5.0


class StillHeld(GigstreamError):
    """Models or lists still hold the id when the time is over; the store does not."""


@dataclass(frozen=True)
class Held:
    """What outside of the store holds the id.

    Attributes:
        artifacts: names of folders of models under `models/`.
        keys: fields that hold it, by key of Redis.
        settled: names of folders under `models/` of what was settled.
    """

    artifacts: list[str]
    keys: dict[str, int]
    settled: list[str]

    def __bool__(self) -> bool:
        return bool(self.artifacts or self.keys or self.settled)


def erase(
    settings: "Settings",
    side: "Side",
    identity: str,
    *,
    wait_s: float,
    configure: Callable[[], None],
    on_step: Callable[[str], None] = lambda _step: None,
) -> dict[str, Any]:
    """Erase an id, or complete an erasure that was cut short. Returns the receipt.

    Args:
        settings: where everything is.
        side: what the id is of.
        identity: which.
        wait_s: how long a running trainer may take.
        configure: sets up logging in processes that are started for it.
        on_step: told of each step, for tests that stop there.

    Raises:
        ConsumerError, ServingError, TrainerError: each with its `exit_code`.
        StillHeld: the trainer has not followed in time.
    """
    from consumer.erasing import Erasing

    work = Erasing(path=settings.store, side=side, identity=identity, on_step=on_step)
    before = _held(settings, lambda of, name: of == side and name in work.ids)
    work.run({"artifacts": before.artifacts, "keys": before.keys})
    _follow(settings, wait_s, configure)
    on_step("published")
    done = work.complete({"completed_at": time.time()})
    return _receipt(side, identity, done) | {"kafka": _retained(settings)}


def _follow(settings: "Settings", wait_s: float, configure: Callable[[], None]) -> None:
    """Have models and Redis follow the store.

    What they hold is told by hashes from here on: after an erasure that was cut short nobody
    knows any more which other ids were merged into the one that is given.
    """
    from consumer.decisions import of
    from trainer.registry import Registry
    from trainer.snapshot import Snapshots

    gone = of(settings.store).erasures.gone
    if not Registry(settings.models).is_trained():  # a trainer removes them by itself
        Snapshots(settings.models).clear()
    registry, until_s, pause_s = Registry(settings.models), time.monotonic() + wait_s, _LOOK_S
    while held := _held(settings, gone):
        _drop_staged(settings, held)
        if not registry.is_trained():
            _train(settings, gone, registry, configure)
        elif time.monotonic() > until_s:
            raise StillHeld(
                f"the store is done, but after {wait_s:g} s models ({len(held.artifacts)}) and "
                f"lists ({len(held.keys)} keys of Redis) still hold it; see the log of the "
                "trainer, then say this again"
            )
        else:
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_S)


def _train(
    settings: "Settings", gone: "Gone", registry: "Registry", configure: Callable[[], None]
) -> None:
    """Remove models that hold it; publish lists without it where some are published."""
    from trainer.erased import any_id
    from trainer.errors import NothingToFit
    from trainer.run import run, withdraw
    from trainer.snapshot import Snapshots

    Snapshots(settings.models).clear()
    registry.remove([path for path in registry.artifacts() if any_id(path, gone)])
    if not _held(settings, gone).keys:
        return
    try:
        run(settings, once=True, force=True, configure=configure)
    except NothingToFit:
        withdraw(settings)


def _held(settings: "Settings", gone: "Gone") -> Held:
    from serving.connection import connect
    from serving.holdings import holdings
    from trainer.erased import any_id
    from trainer.registry import Registry
    from trainer.snapshot import Snapshots

    with connect(settings) as client:
        keys = holdings(client, settings.redis_prefix, gone)

    def holding(paths: Iterable["Path"]) -> list[str]:
        return [path.name for path in paths if any_id(path, gone)]

    artifacts = holding(Registry(settings.models).artifacts())
    return Held(artifacts, keys, holding(Snapshots(settings.models).paths()))


def _drop_staged(settings: "Settings", held: Held) -> None:
    """Lists under way that hold it are not waited for: nobody need be building them any more."""
    from serving.connection import connect
    from serving.holdings import drop_staged

    with connect(settings) as client:
        drop_staged(client, settings.redis_prefix, list(held.keys))


def _retained(settings: "Settings") -> list[dict[str, Any]]:
    from gigstream.kafka import retention

    return [retention(settings, topic) for topic in _topics(settings)]


def _topics(settings: "Settings") -> list[str]:
    named = [settings.kafka_topic, settings.kafka_dead_letter_topic]
    return [name for name in named if name]


def _receipt(side: "Side", identity: str, done: "Erased") -> dict[str, Any]:
    facts, complete = done.facts, done.complete or {}
    return {
        "kind": side,
        "id": identity,
        "recorded_at": _instant(done.recorded_at),
        "completed_at": _instant(complete["completed_at"]),
        "store": {name: facts[name] for name in ("rows", "dead", "merges", "scrubbed", "files")},
        "artifacts": facts["artifacts"],
        "redis": facts["keys"],
    }


def _instant(epoch_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch_s))
