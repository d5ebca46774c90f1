"""A report of the evaluation as text tables, with what its rows and columns mean."""

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Any

Report = dict[str, Any]

LEGEND = """\
Rows: live is what the trainer would publish; start the weights that tuning starts from; two is
popularity and ALS alone; als and own are that term alone; rp3 ranks by shared artists (item-item);
popular and recent count artists and plays; notebook is ALS on raw counts.
Views: known asks for pairs that are new to a known artist (venue); new, new2, new3 for the rest
of a newcomer's pairs after 1, 2, 3 plays; night after its first day; returns for all later pairs;
near for known pairs within 50 km of a venue that the artist has played. The near horizon asks the
same of 60 days at a time, refitted before each, and shows how much better live is than each row.
Figures: NDCG of the best entries and its 95 % bootstrap interval over subjects. Coverage is the
share of candidates in any list, long tail the share of places of all but the most played candidates
that hold half of the plays, Gini how unequal the numbers of lists are (0 equal, 1 all to one)."""

_TITLES = {"artist_to_venue": "Venues for artists", "venue_to_artist": "Artists for venues"}
_DIVIDED = ("known", "returns", "test")
"""Views whose exposure and segments are shown; a report has all."""
_RECALL = "recall of targets by band of a third of the plays"
_A_LINE = 3


def text(report: Report) -> str:
    """The report as text tables: the first metric with its interval.

    Args:
        report: see `trainer.evaluation.evaluate.run`.
    """
    cuts = [report, *report.get("splits", {}).values()]
    return "\n\n".join([*("\n".join(_paragraph(cut)) for cut in cuts), LEGEND])


def _paragraph(cut: Report) -> Iterator[str]:
    plays, size = cut["plays"], f"{cut['artists']:,} artists, {cut['venues']:,} venues"
    share = f"Split {cut['split']:g}: " if "split" in cut else ""
    yield f"{share}{plays['train']:,} plays to {cut['cut']} ({size}), {plays['later']:,} later."
    for direction, targets in cut["targets"].items():
        metric = next(iter(cut["models"]["live"][direction][next(iter(targets))]))
        yield f"{_TITLES[direction]}: {metric.upper()} with its 95 % interval, by view (subjects)"
        yield _line("", [f"{view} ({number['subjects']})" for view, number in targets.items()])
        for row, figures in cut["models"].items():
            yield _line(row, [_figure(cell, metric) for cell in figures[direction].values()])
        for view in (view for view in _DIVIDED if view in targets):
            yield from _exposed(cut["exposure"], direction, view)
            yield from _divided(cut["segments"][direction][view], view, metric)
    if "rolling" in cut:
        yield from _rolled(cut["rolling"])
    if "tuning" in cut:
        yield "Weights of live, tuned on the plays before the cut"
        yield from _weighed(cut["tuning"])


def _rolled(rolling: Report) -> Iterator[str]:
    """The near horizon: figures of every row, and differences of live to the others."""
    for direction, targets in rolling["targets"].items():
        yield f"{_TITLES[direction]}, near horizon: {len(rolling['cuts'])} x {rolling['days']} days"
        yield _line("", [f"{view} ({number['subjects']})" for view, number in targets.items()])
        for tree in (rolling["models"], rolling["differences"]):
            for row, figures in tree.items():
                cells = figures.get(direction, {}).values()
                if cells:
                    yield _line(
                        row.replace("live - ", "- "), [_figure(cell, "ndcg10") for cell in cells]
                    )


def _exposed(exposure: Report, direction: str, view: str) -> Iterator[str]:
    yield f"  Lists of {view}: coverage, long tail, Gini"
    shown = {row: found[direction][view] for row, found in exposure.items()}
    cells = [f"{row} {' '.join(map(_share, figures.values()))}" for row, figures in shown.items()]
    for start in range(0, len(cells), _A_LINE):
        yield "    " + "   ".join(cells[start : start + _A_LINE])


def _divided(segments: Report, view: str, metric: str) -> Iterator[str]:
    for title, name in ((f"{metric.upper()} by known plays", "history"), (_RECALL, "popularity")):
        cells = [_segment(each) for each in segments[name]]
        yield f"  live, {view}: {title}"
        yield from wrap(
            ", ".join(cells) or "-", 100, initial_indent="    ", subsequent_indent="    "
        )


def _segment(found: Report) -> str:
    return f"{found['name']} {_short(found['figure'])} ({found['number']:,})"


def _weighed(tuning: Report) -> Iterator[str]:
    """The weights of `live`, and what the tuning gained on past windows."""
    for side, found in tuning.items():
        weights = ", ".join(f"{term} {value:.2g}" for term, value in found["weights"].items())
        yield f"  {side}: {weights}"
        low, high = found["interval"]
        gain = f"{len(found['steps'])} steps gained {found['gain']:.4f} ({low:.4f} to {high:.4f})"
        yield f"    {gain if found['steps'] else 'as at the start'}"


def _line(row: str, cells: Sequence[str]) -> str:
    return f"  {row:<9}" + "".join(f"{cell + ' ':<15}" for cell in cells).rstrip()


def _figure(cell: Report, metric: str) -> str:
    if cell[metric] is None:
        return "-"
    low, high = cell["interval"][metric]
    return f"{_short(cell[metric])} {_short(low)}-{_short(high)}"


def _short(figure: float) -> str:
    return f"{figure:.3f}".replace("0.", ".", 1)


def _share(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:.2f}".removeprefix("0")
