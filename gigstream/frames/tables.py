"""The DataFrames themselves: columns, types, and one row for each entry."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from serving.lookup import Recommendation, Side
from trainer.evaluation.figures import Report
from trainer.plays.ids import Ids
from trainer.plays.matrix import Plays

LIST_TYPES = {
    "name": "string",
    "score": "float64",
    "already_liked": "bool",
    "plays": "int64",
    "source": "string",
}
MEASURES = ("ndcg10", "recall10", "mrr10")


def list_table(
    side: Side, lists: Sequence[Recommendation], names: Mapping[str, str]
) -> pd.DataFrame:
    """One row for each entry of each list, best first.

    Args:
        side: for whom the lists are.
        lists: in the order of the result.
        names: of the entries, by id.
    """
    other = "venue" if side == "artist" else "artist"
    rows = [
        (
            found.id,
            item.id,
            names.get(item.id),
            item.score,
            bool(item.plays),
            item.plays or 0,
            found.source,
        )
        for found in lists
        for item in found.items
    ]
    # Types are set, not inferred: without an entry all columns would be objects.
    types = {side: "string", other: "string", **LIST_TYPES}
    return pd.DataFrame(rows, columns=list(types)).astype(types)


def play_table(plays: Plays, artists: Ids, venues: Ids) -> pd.DataFrame:
    """One row for each pair: the number of plays, the first and the last day.

    Args:
        plays: all that count.
        artists: by row.
        venues: by row.
    """
    pairs = plays.pairs
    end = np.append(pairs.begin, len(plays))[1:]
    artist = np.repeat(np.arange(plays.n_artists), np.diff(pairs.indptr))
    # Plays of a pair are sorted by time, so that its ends are the first and the last day.
    days = pairs.at_ms.astype("datetime64[ms]")
    return pd.DataFrame(
        {
            "artist": pd.array(np.array(artists.ids, object)[artist], "string"),
            "venue": pd.array(np.array(venues.ids, object)[pairs.venue], "string"),
            "plays": (end - pairs.begin).astype(np.int64),
            "first": days[pairs.begin],
            "last": days[end - 1],
        }
    )


def similar_table(
    side: Side, identity: str, found: Sequence[tuple[str, str | None, float]]
) -> pd.DataFrame:
    """One row for each similar artist or venue, most similar first.

    Args:
        side: artists or venues.
        identity: the one asked about.
        found: id, name and cosine of each.
    """
    types = {side: "string", f"similar_{side}": "string", "name": "string", "similarity": "float64"}
    rows = [(identity, *each) for each in found]
    return pd.DataFrame(rows, columns=list(types)).astype(types)


def quality_table(report: Report) -> pd.DataFrame:
    """One row for each cut, side, view and ranking: figures with their 95 % intervals.

    Args:
        report: what `gigstream evaluate --json` prints.
    """
    cuts = [report, *report.get("splits", {}).values()]
    return pd.DataFrame([row for cut in cuts for row in _quality_rows(cut)])


def _quality_rows(cut: Report) -> Iterator[dict[str, Any]]:
    for direction, views in cut["targets"].items():
        for view, counted in views.items():
            for ranking, figures in cut["models"].items():
                yield {
                    "split": cut["split"],
                    "side": direction.partition("_")[0],
                    "view": view,
                    "ranking": ranking,
                    "subjects": counted["subjects"],
                    **_figures(figures[direction][view]),
                }


def _figures(cell: Report) -> dict[str, float]:
    """Each measure with its interval; NaN where a view has no subjects."""
    found: dict[str, float] = {}
    for measure in MEASURES:
        low, high = cell["interval"][measure]
        # JSON knows no NaN: the report has nulls in its place.
        named = {measure: cell[measure], f"{measure}_low": low, f"{measure}_high": high}
        found |= {name: np.nan if value is None else value for name, value in named.items()}
    return found
