"""Generations: what was published, how two of them differ, and what stays live."""

import time
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from operations.audit import Actor, noted
from operations.clocks import day
from operations.errors import NoTrainer, NotThere, NotYet
from operations.published import newest_first, reasons
from operations.settings import OperationSettings
from trainer.live.following import Following
from trainer.live.generation import Generation
from trainer.live.roll_back import BEST, SAMPLED, common, target
from trainer.ranking.lists import Lists
from trainer.registry.artifact import load
from trainer.registry.generations import Record
from trainer.registry.requests import Action, Request, asking
from trainer.registry.sealed import MANIFEST
from trainer.registry.state import Registry
from trainer.run import ASK_S, run

_REFIT = "refit"


def listed(settings: OperationSettings) -> list[dict[str, Any]]:
    """The records of all generations, newest first, and what is live, pinned and stored.

    Raises:
        TrainerError: the registry cannot be read.
    """
    if not settings.models.exists():  # a look makes no registry
        return []
    registry = Registry(settings.models)
    state, stored = registry.state(), {path.name for path in registry.artifacts()}
    return [
        {
            "generation": each.number,
            "at": day(int(each.at * 1000)),
            "model": each.artifact,
            "model_hash": each.model_hash,
            "as_of": day(each.as_of_ms),
            "fitted_version": each.fitted_version,
            "store_version": each.store_version,
            "plays": each.plays,
            "recipe": each.recipe,
            "weights": each.weights,
            "quality": each.quality,
            "overlap": each.overlap,
            "verdict": each.verdict,
            "reason": each.reason,
            "reasons": reasons(settings, each),
            "live": each.number == state.live_generation,
            "pinned": each.artifact == state.pinned,
            "stored": each.artifact in stored,
        }
        for each in newest_first(settings)
    ]


def kept(settings: OperationSettings) -> list[Record]:
    """The generations that were published and whose model is still stored, newest first.

    Raises:
        TrainerError: the registry cannot be read.
    """
    if not settings.models.exists():  # a look makes no registry
        return []
    stored = {path.name for path in Registry(settings.models).artifacts()}
    return [
        each for each in newest_first(settings) if each.is_published and each.artifact in stored
    ]


def compare(settings: OperationSettings, one: int, other: int) -> dict[str, Any]:
    """How two generations differ: overlap of their lists, weights, recipe, quality, plays.

    `overlap` is the mean share of the ten best venues of an artist that both models rank among the
    ten best with today's plays, of a sample of artists; null where a model is not stored any more.

    Args:
        settings: locations of store and models.
        one: a generation's number.
        other: the other one's.

    Raises:
        NotThere: there is no record of one of them.
        ConsumerError, TrainerError: the store or a model cannot be read.
    """
    records = {each.number: each for each in newest_first(settings)}
    for field, number in (("one", one), ("other", other)):
        if number not in records:
            raise NotThere(
                f"there is no generation {number}; `gigstream generations` lists those that "
                "are kept",
                field=field,
            )
    first, second = records[one], records[other]
    return {
        "one": _side(first),
        "other": _side(second),
        "overlap": _overlap(settings, first, second),
        "sampled": SAMPLED,
        "weights": _differences(_flat(first.weights), _flat(second.weights)),
        "recipe": _differences(first.recipe, second.recipe),
    }


class RollBack(NamedTuple):
    """What a roll-back will do.

    Attributes:
        generation: whose model will be live again.
        touched: what changes, for people.
    """

    generation: int
    touched: str


def preview(settings: OperationSettings, generation: int | None) -> RollBack | None:
    """What a roll-back would touch; None: nothing is live, so it will be refused.

    Args:
        settings: location of the models.
        generation: to roll back to; None: as `target` chooses.

    Raises:
        NoSuchGeneration: there is none to roll back to.
        TrainerError: the registry cannot be read.
    """
    if not settings.models.exists():  # a look makes no registry
        return None
    registry, records = Registry(settings.models), newest_first(settings)
    live = registry.state().live_artifact
    if live is None:
        return None
    name = target(records, {path.name for path in registry.artifacts()}, live, generation)
    made = next(each for each in reversed(records) if each.artifact == name)
    return RollBack(
        made.number,
        f"all lists: the model {name} of generation {made.number} ({day(int(made.at * 1000))}, "
        f"{made.plays:,} plays then) replaces {live} and is pinned",
    )


def command(
    settings: OperationSettings,
    actor: Actor,
    action: Action,
    generation: int | None,
    *,
    wait_s: float,
    configure: partial[None],
) -> int | None:
    """Have the running trainer do something, or do it in this process where there is none.

    Args:
        settings: locations of store, models and Redis.
        actor: who decides it.
        action: what is to be done.
        generation: to roll back to, or to accept.
        wait_s: how long a running trainer may take.
        configure: sets up logging in a refit process.

    Returns:
        The generation that is live then; None: there is none.
    """
    with noted(settings, actor, _name(action), generation=generation) as deed:
        live = run(
            settings,
            once=True,
            action=action,
            target=generation,
            wait_s=wait_s,
            configure=configure,
        )
        deed.facts = {"live_generation": live}
    return live


def ask(
    settings: OperationSettings, actor: Actor, request: Request, *, wait_s: float
) -> dict[str, Any]:
    """Have the running trainer do something. Returns what is live and pinned then.

    Args:
        settings: location of the models.
        actor: who decides it.
        request: what is to be done.
        wait_s: how long it may take.

    Raises:
        NoTrainer: none runs here.
        NotYet: it has not done it in time, and may do it yet.
        RequestRefused: it could not.
    """
    arguments = {"generation": request.generation, "force": request.force or None}
    with noted(settings, actor, _name(request.action), **arguments) as deed:
        live = _asked(settings, request, wait_s)
        state = Registry(settings.models).state()
        deed.facts = {"live_generation": live}
    return {"generation": live, "model": state.live_artifact, "pinned": state.pinned is not None}


def _asked(settings: OperationSettings, request: Request, wait_s: float) -> int:
    # Before the request is written: one that is never read would be waited for in vain.
    if not settings.models.exists() or not Registry(settings.models).is_trained():
        raise NoTrainer("no trainer runs in this home; start `gigstream train`, or `gigstream up`")
    until_s = time.monotonic() + wait_s
    with asking(settings.models, request) as asked:
        while (made := asked.answer()) is None:
            # After the look for an answer: a trainer may answer and end at once.
            if not Registry(settings.models).is_trained():
                raise NoTrainer("the trainer has ended meanwhile; start it again and repeat this")
            if time.monotonic() > until_s:
                raise NotYet(
                    f"the trainer has not done it within {wait_s:g} s and may do it yet; look at "
                    "`gigstream generations`, or wait longer"
                )
            time.sleep(ASK_S)
    return made


def _name(action: Action) -> str:
    return _REFIT if action == "fit" else action


def _side(record: Record) -> dict[str, Any]:
    return {
        "generation": record.number,
        "at": day(int(record.at * 1000)),
        "model": record.artifact,
        "verdict": record.verdict,
        "plays": record.plays,
        "store_version": record.store_version,
        "quality": record.quality,
    }


def _overlap(settings: OperationSettings, one: Record, other: Record) -> float | None:
    folders = [settings.models / each.artifact for each in (one, other)]
    if not all((folder / MANIFEST).exists() for folder in folders):
        return None
    # Both from today's plays: lists as they were then are gone, and would differ by plays alone.
    following = Following(settings.store)
    following.listen(0.0)
    found = []
    for record, folder in zip((one, other), folders, strict=True):
        artifact = load(folder)
        generation = Generation.before_foldin(record.number, artifact)
        generation.fold(following, following.differing(artifact))
        found.append(_sample(generation.lists(following, BEST)))
    before = {name: entry for name, entry in found[0].items() if entry is not None}
    return common(before, found[1])


def _sample(lists: Lists) -> Any:  # noqa: ANN401 - entries by id, of the trainer's own type
    # At equal steps, as the trainer's own comparison of a generation with the one before.
    rows = lists.artist_rows
    return lists.changes("artist", rows[:: max(1, len(rows) // SAMPLED)].astype(np.int32))


def _flat(weights: Any) -> dict[str, Any]:  # noqa: ANN401 - weights by side and term
    return {
        f"{side}.{term}": value for side, of_it in weights.items() for term, value in of_it.items()
    }


def _differences(one: Any, other: Any) -> dict[str, Any]:  # noqa: ANN401 - values by name
    """Names whose values differ, with both."""
    return {
        name: {"one": one.get(name), "other": other.get(name)}
        for name in sorted({*one, *other})
        if one.get(name) != other.get(name)
    }
