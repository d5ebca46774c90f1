"""A report of the evaluation as figures: PNG files, and one HTML page that holds them all."""

import base64
import html
import io
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consumer.table import durable
from trainer.errors import PlotNotInstalled, Unwritable
from trainer.evaluation.text import text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Report = dict[str, Any]

PAGE = "index.html"
_SIDES = {"artist_to_venue": "venues for artists", "venue_to_artist": "artists for venues"}
_VIEWS = ("known", "near", "new", "returns", "test")
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}}
img{{max-width:100%;height:auto}}pre{{font-size:.75rem;overflow-x:auto}}figure{{margin:2rem 0}}
</style></head><body><h1>{title}</h1>
{figures}
<h2>All figures</h2><pre>{text}</pre></body></html>
"""


def check_installed() -> None:
    """Refuse to continue where the extra `plot` is missing.

    Raises:
        PlotNotInstalled: it is.
    """
    if find_spec("matplotlib") is None:
        raise PlotNotInstalled(
            "`--plot` needs a package that is not installed; run `pip install 'gigstream[plot]'`"
        )


def draw(report: Report, folder: Path, name: str) -> Path:
    """Write the figures of a report.

    Args:
        report: see `trainer.evaluation.evaluate.run`.
        folder: is made where it is missing.
        name: of the data, for titles.

    Returns:
        The path of the page.

    Raises:
        Unwritable: the folder does not take files.
    """
    drawn = {title: (file, _png(figure)) for title, file, figure in _figures(report)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, image in drawn.values():
            durable.write(folder / file, image)
        page = folder / PAGE
        durable.write(page, _page(report, drawn, name).encode())
    except OSError as error:
        raise Unwritable(
            f"{folder} cannot be written: {error.strerror}; name a folder that takes files"
        ) from error
    return page


def _page(report: Report, drawn: Mapping[str, tuple[str, bytes]], name: str) -> str:
    figures = (
        f'<figure><img alt="{html.escape(title)}" src="data:image/png;base64,'
        f'{base64.b64encode(image).decode()}"><figcaption>{html.escape(title)}</figcaption></figure>'
        for title, (_, image) in drawn.items()
    )
    title = f"Quality of lists: {html.escape(name)}"
    return _PAGE.format(title=title, figures="\n".join(figures), text=html.escape(text(report)))


def _figures(report: Report) -> Iterator[tuple[str, str, "Figure"]]:
    """Title, file and figure."""
    for cut in (report, *report.get("splits", {}).values()):
        share = f"{cut['split']:g}" if "split" in cut else "test"
        for direction in cut["targets"]:
            side = _SIDES[direction]
            file = f"{direction}-{share}"
            title = f"NDCG of {side}, cut {share}"
            yield title, f"{file}.png", _bars(cut["models"], direction)
            title = f"How much better live is: {side}, cut {share}"
            yield title, f"{file}-differences.png", _bars(cut["differences"], direction)
    for direction in report.get("rolling", {}).get("targets", {}):
        title = f"NDCG of {_SIDES[direction]}, near horizon (60 days at a time)"
        yield title, f"{direction}-rolling.png", _bars(report["rolling"]["models"], direction)
    for direction, segments in report.get("segments", {}).items():
        title = f"NDCG of live by known plays: {_SIDES[direction]}"
        yield title, f"{direction}-history.png", _segments(segments)


def _bars(rows: Mapping[str, Any], direction: str) -> "Figure":
    """One panel a view, one bar with its interval a row."""
    cells = {row: found[direction] for row, found in rows.items() if direction in found}
    shown = [view for view in _VIEWS if any(view in each for each in cells.values())]
    figure, panels = _panels(len(shown))
    for panel, view in zip(panels, shown, strict=True):
        known = {row: each[view] for row, each in cells.items() if _figure(each.get(view))}
        figures = [next(iter(each.values())) for each in known.values()]
        ranges = [next(iter(each["interval"].values())) for each in known.values()]
        panel.barh([*known], figures, xerr=_errors(figures, ranges), color="#4c78a8", capsize=2)
        panel.invert_yaxis()
        panel.axvline(0, color="black", linewidth=0.8)
        panel.set_title(view)
    return figure


def _segments(segments: Mapping[str, Any]) -> "Figure":
    shown = [view for view in _VIEWS if segments.get(view, {}).get("history")]
    figure, panels = _panels(len(shown))
    for panel, view in zip(panels, shown, strict=True):
        found = segments[view]["history"]
        figures = [each["figure"] for each in found]
        names = [f"{each['name']} ({each['number']})" for each in found]
        errors = _errors(figures, [each["interval"] for each in found])
        panel.errorbar(range(len(found)), figures, yerr=errors, marker="o", capsize=2)
        panel.set_xticks(range(len(found)), names, rotation=45)
        panel.set_title(view)
    return figure


def _figure(cell: Mapping[str, Any] | None) -> bool:
    """Whether a view has a figure: without subjects it has none."""
    return cell is not None and next(iter(cell.values())) is not None


def _errors(figures: Sequence[float], ranges: Sequence[Sequence[float]]) -> list[list[float]]:
    pairs = list(zip(figures, ranges, strict=True))
    low = [max(0.0, mean - low) for mean, (low, _) in pairs]
    return [low, [max(0.0, high - mean) for mean, (_, high) in pairs]]


def _panels(number: int) -> tuple["Figure", list[Any]]:
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra

    # Without pyplot: it keeps figures, and looks for a display.
    figure = Figure(figsize=(3.6 * max(number, 1), 3.4), layout="constrained")
    panels = figure.subplots(1, max(number, 1), squeeze=False)[0]
    return figure, list(panels)[:number]


def _png(figure: "Figure") -> bytes:
    written = io.BytesIO()
    figure.savefig(written, format="png", dpi=110)
    return written.getvalue()
