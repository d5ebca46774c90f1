"""A map of points: Web Mercator, drawn by ourselves, without tiles from outside."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

WIDTH, HEIGHT = 640.0, 360.0
_MARGIN = 28.0
_LEAST_SPAN = 0.02
"""Degrees of longitude that a map shows at least."""
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30)
_LINES = 6
_MOST_LATITUDE = 85.0


class Place(NamedTuple):
    """A point to be drawn.

    Attributes:
        lat: degrees.
        lng: degrees.
        label: for readers.
        mark: what is written in it; "": a small hollow point.
        href: its page.
    """

    lat: float
    lng: float
    label: str
    mark: str
    href: str


class Point(NamedTuple):
    """A point in the picture."""

    x: float
    y: float
    place: Place


class GridLine(NamedTuple):
    """A meridian or a parallel."""

    at: float
    label: str
    is_meridian: bool


class Map(NamedTuple):
    """A picture: small points first, so that numbered ones lie above them."""

    points: list[Point]
    lines: list[GridLine]


def plotted(places: Sequence[Place]) -> Map | None:
    """A map that shows all places; None where there are none.

    Args:
        places: with coordinates.
    """
    if not places:
        return None
    frame = _frame(places)
    shown = sorted(places, key=lambda place: bool(place.mark))
    points = [Point(*frame.xy(place.lat, place.lng), place) for place in shown]
    return Map(points, [*_grid(frame)])


class _Frame(NamedTuple):
    """The part of the world that is drawn, in units of Mercator."""

    west: float
    north: float
    scale: float

    def xy(self, lat: float, lng: float) -> tuple[float, float]:
        return (
            round((lng - self.west) * self.scale, 1),
            round((self.north - mercator(lat)) * self.scale, 1),
        )


def mercator(lat: float) -> float:
    """The ordinate of a latitude, in degrees at the equator."""
    bounded = math.radians(max(-_MOST_LATITUDE, min(_MOST_LATITUDE, lat)))
    return math.degrees(math.log(math.tan(math.pi / 4 + bounded / 2)))


def _latitude(ordinate: float) -> float:
    return math.degrees(2 * math.atan(math.exp(math.radians(ordinate))) - math.pi / 2)


def _frame(places: Sequence[Place]) -> _Frame:
    wests, norths = [p.lng for p in places], [mercator(p.lat) for p in places]
    # A single place would be magnified without end.
    width = max(max(wests) - min(wests), _LEAST_SPAN)
    height = max(max(norths) - min(norths), _LEAST_SPAN * HEIGHT / WIDTH)
    # The smaller one, so that neither side is cut off.
    scale = min((WIDTH - 2 * _MARGIN) / width, (HEIGHT - 2 * _MARGIN) / height)
    middle = (min(wests) + max(wests)) / 2, (min(norths) + max(norths)) / 2
    return _Frame(middle[0] - WIDTH / scale / 2, middle[1] + HEIGHT / scale / 2, scale)


def _grid(frame: _Frame) -> Iterable[GridLine]:
    span = WIDTH / frame.scale
    step = next((each for each in _STEPS if span / each <= _LINES), _STEPS[-1])
    digits = max(0, -math.floor(math.log10(step)))
    for lng in _multiples(frame.west, frame.west + span, step):
        yield GridLine(frame.xy(0, lng)[0], f"{lng:.{digits}f}°", is_meridian=True)
    south = _latitude(frame.north - HEIGHT / frame.scale)
    for lat in _multiples(south, _latitude(frame.north), step):
        yield GridLine(frame.xy(lat, 0)[1], f"{lat:.{digits}f}°", is_meridian=False)


def _multiples(low: float, high: float, step: float) -> Iterable[float]:
    for number in range(math.ceil(low / step), math.floor(high / step) + 1):
        yield number * step
