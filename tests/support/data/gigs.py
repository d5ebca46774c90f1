"""Small worlds of plays for tests of the trainer."""

import numpy as np

from trainer.plays.matrix import DAY_MS, Plays
from trainer.recipe import Recipe

SMALL = Recipe(factors=8, iterations=3, threads=1)
"""A recipe that fits in milliseconds."""


def rows(*numbers: int) -> np.ndarray:
    """Row numbers as the trainer has them."""
    return np.array(numbers, np.int32)


def world(
    n_artists: int = 40, n_venues: int = 15, n_plays: int = 300, seed: int = 7
) -> tuple[Plays, list[str], list[str]]:
    """Random plays over a year, everybody with at least one, and the ids of both sides."""
    rng = np.random.default_rng(seed)
    artist = np.append(np.arange(n_artists), rng.integers(0, n_artists, n_plays))
    venue = np.append(np.arange(n_artists) % n_venues, rng.integers(0, n_venues, n_plays))
    plays = Plays(
        artist.astype(np.int32),
        venue.astype(np.int32),
        rng.integers(0, 365, len(artist)) * DAY_MS,
        n_artists,
        n_venues,
    )
    return plays, [f"a{row}" for row in range(n_artists)], [f"v{row}" for row in range(n_venues)]
