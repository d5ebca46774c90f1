"""The geometry of figures over generations, and of differences with their intervals."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from trainer.registry.generations import Record
from web.console.charts import path

WIDTH, HEIGHT = 640.0, 220.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 112.0, 12.0, 26.0
"""Margins: right of the curves their longest label must have room."""
_TICKS = 4
ROWS = ("judged", "live", "recent", "popular")
"""Rows that rank artists and venues, so that their figures are drawn side by side."""
LABELS = {
    "judged": "this recipe",
    "live": "the recipe before",
    "rp3": "item-item (RP3beta), venues for artists alone",
    "recent": "lately popular",
    "popular": "popular",
}


class Curve(NamedTuple):
    """A row of judgements over generations.

    Attributes:
        row: its name.
        label: for readers.
        path: as SVG writes it.
        end: its newest point.
        label_y: ordinate of its label.
        last: its newest figure.
    """

    row: str
    label: str
    path: str
    end: tuple[float, float]
    label_y: float
    last: float


class Trend(NamedTuple):
    """Figures of all rows over generations.

    Attributes:
        curves: of the rows.
        band: a closed path: the 95 % interval of the judged figure, by its difference to the
            popular list.
        ticks: ordinates, with their figures.
        numbers: abscissas, with the generations.
    """

    curves: list[Curve]
    band: str
    ticks: list[tuple[float, str]]
    numbers: list[tuple[float, int]]


class Difference(NamedTuple):
    """A difference with its interval, drawn from left to right.

    Attributes:
        label: what is compared.
        mean: the difference.
        low: end of its 95 % interval.
        high: the other end.
        at: abscissa of the mean.
        begin: that of `low`.
        end: that of `high`.
        zero: that of no difference.
    """

    label: str
    mean: float
    low: float
    high: float
    at: float
    begin: float
    end: float
    zero: float


def judged(records: Sequence[Record]) -> list[tuple[int, Mapping[str, Any]]]:
    """Generations with their judgements, oldest first; those without one are left out."""
    found = ((each.number, (each.quality or {}).get("judged")) for each in records)
    return [(number, judgement) for number, judgement in found if judgement]


def trend(judgements: Sequence[tuple[int, Mapping[str, Any]]]) -> Trend | None:
    """The curves of all rows; None where nothing was judged.

    Args:
        judgements: by generation, oldest first.
    """
    if not judgements:
        return None
    figures = [judgement["figures"] for _, judgement in judgements]
    # From 0 up, so that no small difference looks like a large one.
    top = max(each[row] for each in figures for row in ROWS if row in each) * 1.1 or 1.0
    x, y = _abscissa(len(judgements)), _ordinate(top)
    curves = [_curve(row, figures, x, y) for row in ROWS if any(row in each for each in figures)]
    return Trend(
        curves=_apart(curves),
        band=_band([judgement for _, judgement in judgements], x, y),
        ticks=[(y(top * n / _TICKS), f"{top * n / _TICKS:.3f}") for n in range(_TICKS + 1)],
        numbers=[(x(at), number) for at, (number, _) in enumerate(judgements)],
    )


class _Scale(NamedTuple):
    origin: float
    factor: float

    def __call__(self, value: float) -> float:
        return round(self.origin + self.factor * value, 1)


def _abscissa(count: int) -> _Scale:
    # A single generation stands in the middle.
    width = WIDTH - _LEFT - _RIGHT
    return _Scale(_LEFT, width / (count - 1)) if count > 1 else _Scale(_LEFT + width / 2, 0)


def _ordinate(top: float) -> _Scale:
    return _Scale(HEIGHT - _BOTTOM, -(HEIGHT - _TOP - _BOTTOM) / top)


def _curve(row: str, figures: Sequence[Mapping[str, float]], x: _Scale, y: _Scale) -> Curve:
    points = [(x(at), y(each[row])) for at, each in enumerate(figures) if row in each]
    last = next(each[row] for each in reversed(figures) if row in each)
    return Curve(row, LABELS[row], path(points), points[-1], points[-1][1], last)


def _apart(curves: Sequence[Curve]) -> list[Curve]:
    """The curves with labels that do not lie over each other."""
    found: list[Curve] = []
    lowest = -1000.0
    for curve in sorted(curves, key=lambda each: each.end[1]):
        # The height of a line of text.
        lowest = max(curve.end[1], lowest + 12)
        found.append(curve._replace(label_y=round(lowest, 1)))
    # Drawn last, so that no other lies over it.
    return sorted(found, key=lambda each: each.row == "judged")


def _band(judgements: Sequence[Mapping[str, Any]], x: _Scale, y: _Scale) -> str:
    high, low = [], []
    for at, each in enumerate(judgements):
        base, gain = each["figures"].get("popular"), each["gains"].get("popular")
        if base is not None and gain is not None:
            high.append((x(at), y(base + gain[2])))
            low.append((x(at), y(base + gain[1])))
    if len(high) < 2:  # noqa: PLR2004 - a surface
        return ""
    return f"{path(high)} {' '.join(f'{a} {b}' for a, b in reversed(low))}Z"


def differences(found: Sequence[tuple[str, float, float, float]], width: float) -> list[Difference]:
    """Differences side by side, on one scale that has 0 on it.

    Args:
        found: label, mean, and ends of the interval.
        width: of the picture.
    """
    lowest = min(0.0, *(low for _, _, low, _ in found)) if found else 0.0
    highest = max(0.0, *(high for _, _, _, high in found)) if found else 0.0
    scale = (width - 8) / ((highest - lowest) or 1.0)
    drawn = []
    for label, mean, low, high in found:
        at, begin, end, zero = (round(4 + (v - lowest) * scale, 1) for v in (mean, low, high, 0.0))
        drawn.append(Difference(label, mean, low, high, at, begin, end, zero))
    return drawn
