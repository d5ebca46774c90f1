"""Checks that every fitted model passes before anybody sees it."""

import numpy as np

from trainer.errors import InsaneModel
from trainer.model import Model, Side

NORM_LIMIT = 1e4
"""Largest factor norm of a healthy fit; those of real gigs stay below 10."""


def check(model: Model) -> None:
    """Refuse a model that could not rank.

    Raises:
        InsaneModel: a factor or bias is not finite, or a norm is absurd.
    """
    for name, side in (("artist", model.artists), ("venue", model.venues)):
        _check_side(name, side)


def _check_side(name: str, side: Side) -> None:
    for what in ("factors", "bias", "mean", "covariance"):
        if not np.isfinite(getattr(side, what)).all():
            raise InsaneModel(f"{name} {what} are not finite")
    largest = float(np.linalg.norm(side.factors, axis=1).max(initial=0.0))
    if largest > NORM_LIMIT:
        raise InsaneModel(f"the largest {name} factor norm is {largest:.3g}")
