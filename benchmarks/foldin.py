"""Solving single artists and a thousand of them: ours against implicit's partial fit."""

from statistics import median

import numpy as np

from benchmarks.report import Report, interleaved, ratio
from benchmarks.worlds import world
from trainer.engines import Factors
from trainer.engines.implicit import plain
from trainer.exact import solve
from trainer.matrix import DAY_MS, confidence
from trainer.settings import Recipe


def measure(*, quick: bool) -> Report:
    """Random venue factors; histories of 20 gigs."""
    n_artists, n_venues, rounds = (1500, 2000, 2) if quick else (20000, 20000, 7)
    recipe = Recipe()
    confident = confidence(world(n_artists, n_venues, 20 * n_artists), 365 * DAY_MS, recipe)
    rng = np.random.default_rng(1)
    factors = Factors(
        np.zeros((n_artists, 64), np.float32),
        rng.normal(scale=0.1, size=(n_venues, 64)).astype(np.float32),
    )
    model = plain(factors, recipe)
    thousand = np.arange(1000)
    times = interleaved(
        rounds,
        implicit=lambda: model.partial_fit_users(thousand, confident[thousand]),
        ours=lambda: solve(confident[thousand], factors.venues, recipe.regularization),
        implicit_one=lambda: model.partial_fit_users(thousand[:1], confident[:1]),
        ours_one=lambda: solve(confident[:1], factors.venues, recipe.regularization),
    )
    return Report(
        "foldin",
        {
            "one_us": median(times["ours_one"]) * 1e6,
            "thousand_ms": median(times["ours"]) * 1e3,
            "ratio_to_implicit": ratio(times, "implicit", "ours"),
        },
        {"venues": n_venues, "factors": 64, "rounds": rounds, "s": times},
        "python -m benchmarks foldin",
    )
