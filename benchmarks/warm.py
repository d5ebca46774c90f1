"""Warm refits after growth against our own cold fit of the same plays, to its objective.

The earlier model is a cold fit of all but the last hundredth or twentieth of the plays, drawn at
random. Growing it by what it had not seen is part of the warm refit's time.
"""

from dataclasses import dataclass
from statistics import median

import numpy as np

from benchmarks.objective import objective
from benchmarks.report import Report, interleaved, ratio
from benchmarks.worlds import world
from trainer.engines import Factors, engine
from trainer.matrix import DAY_MS, Plays, confidence
from trainer.settings import Recipe
from trainer.start import carried, drawn

SHARES = {"1pct": 0.01, "5pct": 0.05}


@dataclass(frozen=True)
class Growth:
    """What the refits of one share did."""

    times: dict[str, list[float]]
    above: float
    """The warm fit's objective over the cold one's, less 1: the highest of all seeds."""


def measure(*, quick: bool) -> Report:
    """200k artists x 20k venues, F = 64, three seeds; implicit's cold fit beside."""
    size = (4000, 1000, 120_000) if quick else (200_000, 20_000, 6_500_000)
    plays = world(*size)
    seeds = (1,) if quick else (1, 2, 3)
    found = {
        name: [_growth(plays, share, Recipe(seed=seed)) for seed in seeds]
        for name, share in SHARES.items()
    }
    return Report(
        "warm",
        {
            **{f"ratio_{name}": _median(several, "cold") for name, several in found.items()},
            **{
                f"ratio_to_implicit_{name}": _median(several, "implicit")
                for name, several in found.items()
            },
            "objective_delta": max(each.above for several in found.values() for each in several),
        },
        {"plays": len(plays), "seeds": len(seeds)}
        | {name: [each.times for each in several] for name, several in found.items()},
        "python -m benchmarks warm",
    )


def _growth(plays: Plays, share: float, recipe: Recipe) -> Growth:
    ours, theirs = engine("local"), engine("implicit")
    whole = confidence(plays, 365 * DAY_MS, recipe)
    fresh = drawn(*(list(map(str, range(size))) for size in plays.shape), recipe)
    part = _part(plays, share, recipe.seed)
    earlier = ours.fit(confidence(part, 365 * DAY_MS, recipe), fresh, recipe)
    made: dict[str, Factors] = {}

    def warm() -> None:
        made["warm"] = ours.fit(
            whole, carried(earlier, fresh.venues, whole, recipe), recipe, warm=True
        )

    def cold() -> None:
        made["cold"] = ours.fit(whole, fresh, recipe)

    times = interleaved(3, warm=warm, cold=cold)
    times |= interleaved(1, implicit=lambda: theirs.fit(whole, fresh, recipe))
    values = {
        name: objective(whole, factors, recipe.regularization) for name, factors in made.items()
    }
    return Growth(times, values["warm"] / values["cold"] - 1)


def _part(plays: Plays, share: float, seed: int) -> Plays:
    """The plays before they grew by this share."""
    rng = np.random.default_rng(seed)
    kept = rng.random(len(plays)) < 1 / (1 + share)
    return Plays(
        plays.artist[kept], plays.venue[kept], plays.at_ms[kept], plays.n_artists, plays.n_venues
    )


def _median(several: list[Growth], anchor: str) -> float:
    if anchor == "cold":
        return median(ratio(each.times, "cold", "warm") for each in several)
    return median(each.times[anchor][0] / median(each.times["warm"]) for each in several)
