"""Folding in one artist and a thousand: ours against implicit's own recalculation.

The Gram matrix is there already on both sides, as it is between two fits.
"""

from collections.abc import Callable
from statistics import median

import numpy as np

from benchmarks.report import Report, interleaved, ratio
from benchmarks.worlds import world
from trainer.als.engine import Factors
from trainer.als.exact import Common, gram
from trainer.als.implicit import plain
from trainer.als.runtime import one_thread
from trainer.plays.matrix import DAY_MS, confidence
from trainer.recipe import Recipe

TYPICAL = 20
"""Plays of the single artist."""
CALLS = 100
FEW = 10


def measure(*, quick: bool) -> Report:
    """Random venue factors; 1,000 artists drawn from all."""
    n_artists, n_venues, rounds = (1500, 2000, 2) if quick else (200_000, 20_000, 9)
    recipe = Recipe()
    played = world(n_artists, n_venues, round(22.5 * n_artists))
    confident = confidence(played, 365 * DAY_MS, recipe)
    rng = np.random.default_rng(1)
    factors = Factors(
        np.zeros((n_artists, 64), np.float32),
        rng.normal(scale=0.1, size=(n_venues, 64)).astype(np.float32),
    )
    model = plain(factors, recipe)
    thousand = np.sort(rng.choice(n_artists, 1000, replace=False))
    single = int(np.argmin(np.abs(np.diff(confident.indptr) - TYPICAL)))
    many, one = confident[thousand], confident[[single]]
    common = Common(gram(factors.venues), recipe.regularization)
    with one_thread():  # as implicit asks for
        times = interleaved(
            rounds,
            implicit=_often(lambda: model.recalculate_user(thousand, many), FEW),
            ours=_often(lambda: common.solve(many, factors.venues), FEW),
            implicit_one=_often(lambda: model.recalculate_user(single, one)),
            ours_one=_often(lambda: common.solve(one, factors.venues)),
            implicit_partial_fit=lambda: model.partial_fit_users(thousand, many),
            factorised=lambda: Common(common.squares, recipe.regularization),
        )
    return Report(
        "foldin",
        {
            "one_us": median(times["ours_one"]) / CALLS * 1e6,
            "thousand_ms": median(times["ours"]) / FEW * 1e3,
            "ratio_to_implicit": ratio(times, "implicit", "ours"),
        },
        {
            "artists": n_artists,
            "venues": n_venues,
            "factors": 64,
            "plays_of_the_thousand": int(many.nnz),
            "implicit_one_us": median(times["implicit_one"]) / CALLS * 1e6,
            "implicit_thousand_ms": median(times["implicit"]) / FEW * 1e3,
            "implicit_partial_fit_ms": median(times["implicit_partial_fit"]) * 1e3,
            "taking_the_gram_matrix_apart_us": median(times["factorised"]) * 1e6,
            "rounds": rounds,
            "s": times,
        },
        "python -m benchmarks foldin",
    )


def _often(work: Callable[[], object], calls: int = CALLS) -> Callable[[], None]:
    """Repeat often enough that clock resolution and thread start-up do not matter."""

    def repeated() -> None:
        for _ in range(calls):
            work()

    return repeated
