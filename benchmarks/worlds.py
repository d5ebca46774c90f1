"""Synthetic gigs: scenes of venues, popularity by Zipf's law, some artists far busier."""

import numpy as np

from trainer.plays.matrix import DAY_MS, Plays

SCENES = 48
ROAMING = 0.1
YEAR_DAYS = 365


def world(n_artists: int, n_venues: int, n_plays: int, seed: int = 1) -> Plays:
    """Plays over a year; nine of ten within the artist's scene."""
    rng = np.random.default_rng(seed)
    artist = _zipf(rng, n_artists, n_plays)
    roaming = rng.random(n_plays) < ROAMING
    scene = np.where(roaming, rng.integers(0, SCENES, n_plays), artist % SCENES)
    within = _zipf(rng, max(n_venues // SCENES, 1), n_plays)
    venue = np.minimum(within * SCENES + scene, n_venues - 1)
    at_ms = rng.integers(0, YEAR_DAYS, n_plays) * DAY_MS
    return Plays(artist.astype(np.int32), venue.astype(np.int32), at_ms, n_artists, n_venues)


def _zipf(rng: np.random.Generator, n: int, size: int) -> np.ndarray:
    """Numbers below n; number k with probability ~ 1 / (k + 1)**0.7."""
    weights = 1.0 / np.arange(1, n + 1) ** 0.7
    return np.searchsorted(np.cumsum(weights) / weights.sum(), rng.random(size))
