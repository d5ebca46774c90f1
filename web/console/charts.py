"""The geometry of charts; the templates draw it as SVG."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

WIDTH, HEIGHT = 240.0, 40.0
_MOST = 120
_FEWEST = 24
"""Values that fill the width: two minutes of samples."""
_INSET = 2.0


class Sparkline(NamedTuple):
    """A small curve.

    Attributes:
        paths: of its pieces: what is not known is a gap.
        last: where its newest value is; None: that is not known.
        top: the greatest value.
    """

    paths: list[str]
    last: tuple[float, float] | None
    top: float


def sparkline(values: Sequence[float | None]) -> Sparkline | None:
    """The curve of one figure over time, from 0 up; None where no value is known.

    Args:
        values: oldest first; few of them begin further to the right.
    """
    slots = max(_FEWEST, len(values))
    values = [None] * (slots - len(values)) + list(values)[-slots:]
    thinned = _thinned(values, max(1, slots // _MOST))
    known = [value for value in thinned if value is not None]
    if not known:
        return None
    top = max(*known, 0.0)
    # The newest value is at the right edge.
    step = WIDTH / max(1, len(thinned) - 1)
    points = [
        None if value is None else (round(index * step, 1), _height(value, top))
        for index, value in enumerate(thinned)
    ]
    return Sparkline(_paths(points), points[-1], top)


def _thinned(values: Sequence[float | None], run: int) -> list[float | None]:
    """The greatest value of each run: a peak must not be lost."""
    runs = [values[at : at + run] for at in range(0, len(values), run)]
    return [max((v for v in each if v is not None), default=None) for each in runs]


def _height(value: float, top: float) -> float:
    return round(HEIGHT - _INSET - (HEIGHT - 2 * _INSET) * (value / top if top else 0), 1)


def _paths(points: Sequence[tuple[float, float] | None]) -> list[str]:
    pieces = (list(run) for is_known, run in groupby(points, lambda p: p is not None) if is_known)
    return [path([point for point in piece if point]) for piece in pieces]


def path(points: Sequence[tuple[float, float]]) -> str:
    """A line through points, as SVG writes it.

    Args:
        points: at least one.
    """
    (x, y), *rest = points
    # A single point would not be drawn.
    rest = rest or [(x + 0.1, y)]
    return f"M{x} {y}L" + " ".join(f"{x} {y}" for x, y in rest)
