"""The page Quality: how generations rank against baselines, and what their weights are."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from litestar import Response, get

from trainer.registry.generations import Generations, Record
from web.console.bars import LABELS, TERMS
from web.console.console import Asking, Console, Showing
from web.console.trends import LABELS as ROWS
from web.console.trends import Difference, differences, judged, trend
from web.errors import NotReady

SHOWN = 30
"""Generations."""
_WIDTH = 240.0

Tuning = Mapping[str, Any]


class Weight(NamedTuple):
    """The weight of a term.

    Attributes:
        colour: number of its class.
        label: for readers.
        weight: the factor.
        width: of its bar.
    """

    colour: int
    label: str
    weight: float
    width: float


@get("/quality", include_in_schema=False, sync_to_thread=True)
def page(console: Showing, request: Asking) -> Response[str]:
    """How the lists rank."""
    every = Generations(console.settings.models).records()
    records = every[-SHOWN:]
    judgements = judged(records)
    latest = judgements[-1][1] if judgements else None
    tuning = _tuning(console)
    return console.page(
        request,
        "quality.html",
        records=records[::-1],
        records_count=len(every),
        trend=trend(judgements),
        judged=latest,
        against=differences(_gains(latest), _WIDTH) if latest else [],
        weights=_weights(records),
        tuning={side: _steps(found) for side, found in tuning.items()},
        labels=ROWS,
    )


def _gains(latest: Mapping[str, Any]) -> list[tuple[str, float, float, float]]:
    gains = latest["gains"]
    return [(ROWS[row], *gains[row]) for row in ROWS if row in gains]


def _weights(records: Sequence[Record]) -> dict[str, list[Weight]]:
    """By side, the weights of the latest generation that was published."""
    # One that was refused or held ranks nothing.
    latest = next((each for each in reversed(records) if each.is_published), None)
    sides = latest.weights if latest else {}
    top = max((weight for side in sides.values() for weight in side.values()), default=0) or 1
    return {
        side: [
            Weight(colour, LABELS[term], weights[term], round(200 * weights[term] / top, 1))
            for colour, term in enumerate(TERMS, 1)
            if term in weights
        ]
        for side, weights in sides.items()
    }


def _tuning(console: Console) -> Mapping[str, Tuning]:
    """How the weights of the live model were found; nothing before it is loaded."""
    try:
        with console.services.live.reading() as state:
            return state.generation.artifact.manifest.get("tuning") or {}
    except NotReady:
        return {}


def _steps(found: Tuning) -> list[Difference]:
    steps = [
        (f"{LABELS[each['term']]} to {each['weight']:.3g}", each["gain"], *each["interval"])
        for each in found["steps"]
    ]
    whole = ("all steps", found["gain"], *found["interval"])
    return differences([*steps, whole], _WIDTH) if steps else []
