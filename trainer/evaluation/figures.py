"""The figures of a report: means of rankings and of their differences, with intervals."""

from typing import Any

import numpy as np

from trainer.evaluation.metrics import Interval, Marks, intervals
from trainer.evaluation.splits import View

Report = dict[str, Any]


def add(report: Report, view: View, marked: dict[str, Marks], n: int) -> None:
    """Add every row's figures, and by how much `live` is better than each other row.

    Args:
        report: gets them, by row, direction and view.
        view: which was asked.
        marked: by row, for the same subjects; `live` is among them.
        n: length of the rankings.
    """
    live = np.stack(marked["live"], axis=1)
    blocks = [np.stack(row, axis=1) for row in marked.values()]
    found = intervals(np.hstack([*blocks, *(live - block for block in blocks)]))
    triples = [found[start : start + 3] for start in range(0, len(found), 3)]
    metrics = [f"ndcg{n}", f"recall{n}", f"mrr{n}"]
    # Not strict: behind the figures of all rows `triples` holds the differences.
    for row, own, gained in zip(marked, triples, triples[len(blocks) :], strict=False):
        put(report["models"].setdefault(row, {}), view, cell(metrics, own))
        if row != "live":
            beaten = report["differences"].setdefault(f"live - {row}", {})
            put(beaten, view, cell(metrics, gained))


def put(tree: Report, view: View, value: Report) -> None:
    """Set the value of a view.

    Args:
        tree: by direction and view.
        view: which one.
        value: for it.
    """
    tree.setdefault(view.direction, {})[view.name] = value


def cell(metrics: list[str], found: list[Interval]) -> Report:
    """JSON knows no NaN: a view without subjects has nulls."""
    known = [triple if np.isfinite(triple.mean) else (None,) * 3 for triple in found]
    found_cell: Report = {metric: mean for metric, (mean, _, _) in zip(metrics, known, strict=True)}
    ranges = {metric: [low, high] for metric, (_, low, high) in zip(metrics, known, strict=True)}
    return found_cell | {"interval": ranges}
