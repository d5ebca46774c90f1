"""Bars of scores, split by term."""

from collections.abc import Sequence
from typing import NamedTuple

from trainer.live.reasons import Reason

TERMS = ("als", "mates", "rp3", "popularity", "liveness", "own", "yearly")
"""In the order of their colours."""
LABELS = {
    "als": "similar vectors",
    "mates": "bill-mates",
    "rp3": "walks",
    "popularity": "popularity",
    "liveness": "recent gigs",
    "own": "own history",
    "yearly": "popularity over the year",
}
WIDTH = 200.0
_LEAST = 0.4


class Segment(NamedTuple):
    """A part of a bar.

    Attributes:
        colour: number of its class, from 1.
        x: where it begins.
        width: of it.
        label: for readers.
    """

    colour: int
    x: float
    width: float
    label: str


class Bar(NamedTuple):
    """The score of one entry.

    Attributes:
        zero: where the score of the average candidate is.
        segments: to the left what lowers the entry, to the right what raises it.
    """

    zero: float
    segments: list[Segment]


def bars(entries: Sequence[Sequence[Reason]]) -> list[Bar]:
    """One bar for each entry, all of one scale.

    Args:
        entries: the reasons of each.
    """
    raised = max((_sum(entry, 1) for entry in entries), default=0.0)
    lowered = max((_sum(entry, -1) for entry in entries), default=0.0)
    # One scale for all bars, so that they can be compared.
    whole = raised + lowered or 1.0
    zero = WIDTH * lowered / whole
    return [Bar(round(zero, 1), _segments(entry, zero, WIDTH / whole)) for entry in entries]


def _sum(entry: Sequence[Reason], sign: int) -> float:
    return sum(max(0.0, sign * reason.share) for reason in entry)


def _segments(entry: Sequence[Reason], zero: float, scale: float) -> list[Segment]:
    left = right = zero
    found = []
    for reason in sorted(entry, key=lambda each: TERMS.index(each.term)):
        width = abs(reason.share) * scale
        if reason.share < 0:
            left -= width
        label = f"{LABELS[reason.term]} {reason.share:+.2f}"
        x = left if reason.share < 0 else right
        right += width if reason.share > 0 else 0
        # What is too thin to be seen is left out, not drawn wider than it is.
        if width >= _LEAST:
            colour = TERMS.index(reason.term) + 1
            found.append(Segment(colour, round(x, 1), round(width, 1), label))
    return found


def legend(entries: Sequence[Sequence[Reason]]) -> list[tuple[int, str]]:
    """Colour and label of the terms that are there.

    Args:
        entries: the reasons of each.
    """
    there = {reason.term for entry in entries for reason in entry}
    return [(n, LABELS[term]) for n, term in enumerate(TERMS, 1) if term in there]
