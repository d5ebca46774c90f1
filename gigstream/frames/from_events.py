"""`fit`: frames from a file of gigs, or a DataFrame of them, without any server.

The fit is the trainer's: weights tuned on past windows, ALS, the terms of docs/quality.md. So lists
are those that an installation publishes after an import of the same file.
"""

import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from itertools import repeat
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import ValidationError

from consumer.imports.files import Columns
from gigstream.errors import WrongUse
from gigstream.frames.content import Content, Rows
from gigstream.frames.frames import Frames
from gigstream.settings import load
from serving.contract import Entry, View, side_of
from serving.lookup import Item, Recommendation, Side
from trainer.evaluation.evaluate import read_gigs
from trainer.evaluation.splits import Gigs, ordered
from trainer.evaluation.tuning import tune
from trainer.model.fit import fit as fit_model
from trainer.plays.ids import Ids
from trainer.plays.matrix import Plays
from trainer.plays.merged_rows import Merged
from trainer.ranking.lists import Lists
from trainer.recipe import PRESETS, Recipe

_UNDATED = date(1970, 1, 1)


def fit(
    events: Path | str | pd.DataFrame,
    *,
    columns: Columns | None = None,
    preset: str = "dated",
    **settings: object,
) -> Frames:
    """Fit on a file of gigs, or a DataFrame, in this process.

    Args:
        events: TSV, CSV or Parquet, as `gigstream import` takes it; or a DataFrame with the same
            columns: `artist_id`, `venue_id`, `date`, and `artist` and `venue` for names.
        columns: which column is what, where they have other names.
        preset: `undated` for pairs without dates: other settings and terms (docs/quality.md).
        **settings: of the fit, by name, such as `factors=32`; those of the environment where left
            out.

    Raises:
        BadFile: the file, a column or a row is invalid.
        NothingToFit: there are no plays, or no dates.
        WrongUse: there is no such setting, or its value is invalid.
    """
    recipe = _recipe(settings, preset)
    undated = preset == "undated"
    if undated:
        columns = replace(columns or Columns(), date=None)
    table = _read(events, columns, _UNDATED if undated else None)
    content = _fitted(ordered(table), recipe)
    lists = FittedLists(
        content, {"artist": _names(table, "artist"), "venue": _names(table, "venue")}
    )
    return Frames(lambda: content, lambda: nullcontext(lists))


class FittedLists:
    """Reads lists of a fitted model as `serving.lookup.Lookup` reads published ones."""

    def __init__(self, content: Content, names: dict[Side, dict[str, str]]) -> None:
        self._content = content
        self._names = names
        # Sums over all plays are formed once for each n, not for each list.
        self._of_size: Callable[[int], Lists] = cache(self._lists)

    def artist(self, artist_id: str, n: int = 10, *, returns: bool = False) -> Recommendation:
        """The best venues for an artist.

        Args:
            artist_id: known or not: an unknown one gets the popular list.
            n: how many, at least 1.
            returns: venues that the artist has played count too.
        """
        return self._list("artist:returns" if returns else "artist", artist_id, n)

    def venue(self, venue_id: str, n: int = 10, *, returns: bool = False) -> Recommendation:
        """The best artists for a venue.

        Args:
            venue_id: known or not: an unknown one gets the popular list.
            n: how many, at least 1.
            returns: artists who have played there count too.
        """
        return self._list("venue:returns" if returns else "venue", venue_id, n)

    def names(self, ids: Iterable[str], *, of: Side) -> dict[str, str]:
        """Display names by id; ids without a name are left out."""
        known = self._names[of]
        return {each: known[each] for each in ids if each in known}

    def _list(self, view: View, identity: str, n: int) -> Recommendation:
        if n < 1:
            raise ValueError(f"n: {n} is too few; ask for 1 or more")
        lists = self._of_size(n)
        row = self._content.rows(side_of(view)).ids.row(identity)
        rows = np.array([] if row is None else [row], np.int32)
        entry = lists.changes(view, rows).get(identity)
        # As `Lookup` does for an artist who has played everywhere.
        if entry is None or not entry.ids:
            return _recommendation(identity, lists.default(view), popular=True)
        return _recommendation(identity, entry, popular=False)

    def _lists(self, n: int) -> Lists:
        held = self._content
        return Lists(
            model=held.model,
            plays=held.plays,
            artists=held.artists.ids,
            venues=held.venues.ids,
            generation=1,
            size=n,
        )


def _recipe(settings: dict[str, object], preset: str) -> Recipe:
    if preset not in PRESETS:
        raise WrongUse(f"preset: {preset!r} is none of {', '.join(PRESETS)}")
    recipe = load().recipe()
    unknown = sorted(settings.keys() - type(recipe).model_fields.keys())
    if unknown:
        known = ", ".join(type(recipe).model_fields)
        raise WrongUse(f"{unknown[0]}: not a setting of the fit; these are: {known}")
    try:
        return Recipe.model_validate(recipe.model_dump() | {**PRESETS[preset], **settings})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        raise WrongUse(
            f"{problem['loc'][0]}={problem['input']!r}: {problem['msg']}; correct it"
        ) from None


def _read(
    events: Path | str | pd.DataFrame, columns: Columns | None, assumed: date | None
) -> pa.Table:
    if not isinstance(events, pd.DataFrame):
        return read_gigs(events, columns, assume_date=assumed)
    with tempfile.TemporaryDirectory() as folder:
        # Through a file: a row is then checked, and refused, as a row of any other file is.
        path = Path(folder) / "events.parquet"
        events.to_parquet(path, index=False)
        return read_gigs(path, columns, assume_date=assumed)


def _fitted(gigs: Gigs, recipe: Recipe) -> Content:
    plays = gigs.plays
    # As after an import: the newest statement, which a gig ahead of today makes today.
    as_of_ms = min(int(plays.at_ms.max()), time.time_ns() // 1_000_000)
    given = plays, gigs.artist_ids, gigs.venue_ids, as_of_ms, recipe
    return Content(
        model=fit_model(*given, weights=tune(*given).weights),
        plays=plays,
        artists=_rows("artist", gigs.artist_ids, plays),
        venues=_rows("venue", gigs.venue_ids, plays.transposed()),
        gigs=lambda: gigs,
    )


def _rows(side: Side, ids: list[str], plays: Plays) -> Rows:
    numbered = Ids(ids)
    return Rows(numbered, Merged(side, numbered), plays.active_rows(numbered))


def _names(table: pa.Table, side: Side) -> dict[str, str]:
    """Display names by id; the last in the file counts."""
    if f"{side}_name" not in table.column_names:
        return {}
    named = zip(table[f"{side}_id"].to_pylist(), table[f"{side}_name"].to_pylist(), strict=True)
    return {identity: name for identity, name in named if name is not None}


def _recommendation(identity: str, entry: Entry, *, popular: bool) -> Recommendation:
    counted = repeat(None) if entry.plays is None else entry.plays
    return Recommendation(
        id=identity,
        items=tuple(map(Item, entry.ids, entry.scores, counted)),
        generation=entry.generation,
        as_of=datetime.fromtimestamp(entry.as_of, UTC),
        age_s=0.0,
        source="popular" if popular else "model",
    )
