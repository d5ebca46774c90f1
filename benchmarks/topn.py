"""Exact top 10 of every artist, played venues left out: ours against implicit's recommend.

Once more with 80 sparse additions to each artist's scores, which implicit knows nothing of.
"""

from dataclasses import replace

import numpy as np
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from benchmarks.report import Report, interleaved, ratio
from benchmarks.worlds import world
from trainer.als.engine import Factors
from trainer.als.implicit import plain
from trainer.plays.matrix import counts
from trainer.ranking.score import LinearScore
from trainer.ranking.topn import top_n
from trainer.recipe import Recipe


def measure(*, quick: bool) -> Report:
    """20k venues, F = 64; random factors, since their origin does not matter for ranking."""
    n_artists, n_venues, rounds = (500, 2000, 2) if quick else (4000, 20000, 7)
    played = counts(world(n_artists, n_venues, 20 * n_artists)).astype(np.float32)
    rng = np.random.default_rng(1)
    factors = Factors(
        rng.normal(size=(n_artists, 64)).astype(np.float32),
        rng.normal(size=(n_venues, 64)).astype(np.float32),
    )
    model = plain(factors, Recipe())
    zeros = np.zeros(n_venues, np.float32), np.zeros(n_artists, np.float32)
    score = LinearScore(factors.artists, factors.venues, *zeros)
    richer = replace(score, additions=_additions(rng, n_artists, n_venues))
    everybody = np.arange(n_artists)
    with threadpool_limits(2, user_api="blas"):
        times = interleaved(
            rounds,
            implicit=lambda: model.recommend(everybody, played, N=10),
            ours=lambda: top_n(score, 10, exclude=played),
            added=lambda: top_n(richer, 10, exclude=played),
        )
    return Report(
        "topn",
        {
            "ratio_to_implicit": ratio(times, "implicit", "ours"),
            "ratio_with_additions": ratio(times, "implicit", "added"),
        },
        {"artists": n_artists, "venues": n_venues, "factors": 64, "rounds": rounds, "s": times},
        "python -m benchmarks topn",
    )


def _additions(rng: np.random.Generator, n_artists: int, n_venues: int) -> csr_matrix:
    """Additions to 80 venues of each artist."""
    rows = np.repeat(np.arange(n_artists), 80)
    cols = rng.integers(0, n_venues, len(rows))
    return csr_matrix((np.ones(len(rows), np.float32), (rows, cols)), (n_artists, n_venues))
