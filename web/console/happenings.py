"""What happened last: lists that changed, generations that were published."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from serving.lookup import Side
from web.console.console import Console
from web.watch.sample import Happening, Sample

SHOWN = 12
NAMED = 3
"""Ids of one happening that are named."""


class Named(NamedTuple):
    """An artist or a venue."""

    side: Side
    id: str
    name: str | None


class Line(NamedTuple):
    """One happening.

    Attributes:
        at_s: epoch seconds.
        what: what happened.
        named: whose lists changed, the first of them.
        more: how many others; None: too many to count.
    """

    at_s: float
    what: str
    named: list[Named]
    more: int | None


def happenings(console: Console, samples: Sequence[Sample]) -> list[Line]:
    """The last ones, newest first.

    Args:
        console: knows names.
        samples: oldest first.
    """
    latest = samples[-1].redis if samples else None
    return [_line(console, each) for each in latest.happenings[:SHOWN]] if latest else []


def _line(console: Console, each: Happening) -> Line:
    if each.kind == "commit":
        return Line(each.at_s, f"generation {each.generation} published", [], 0)
    if each.artists is None or each.venues is None:
        return Line(each.at_s, "lists changed", [], None)
    named = [*_named(console, "artist", each.artists), *_named(console, "venue", each.venues)]
    more = len(each.artists) + len(each.venues) - len(named)
    return Line(each.at_s, f"fold-in {each.seq}:", named, more)


def _named(console: Console, side: Side, ids: Sequence[str]) -> Iterator[Named]:
    # Names that must be waited for are left out: this page is made every few seconds.
    shown = list(ids[:NAMED])
    names = console.services.live.names(side, shown) or {}
    yield from (Named(side, identity, names.get(identity)) for identity in shown)
