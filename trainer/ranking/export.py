"""The model as a plain `implicit` object in a joblib file, for notebooks and other programs.

`joblib.load("model.joblib")` needs implicit and joblib alone. Beside it,
`model.ids.json` holds the ids by row, and what `user_items` means. Ids without plays are left out.

The plain model supports all methods of implicit, such as `similar_items`, `explain` and
`recalculate_user`; users are artists and items are venues. The live variants hold the part of the
published score that is a product: the vectors, and the bias as one more factor, whose weight is 1
in every row. Own history, bill-mates and item-item change single pairs and are left out. Only their
`recommend` is meaningful.
"""

import json
from pathlib import Path
from typing import Literal

import joblib
import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from numpy.typing import NDArray

from consumer.table import durable
from trainer.als.engine import Factors
from trainer.als.runtime import one_thread
from trainer.errors import NothingToFit, Unwritable
from trainer.model.fit import Model
from trainer.plays.matrix import Plays
from trainer.ranking.score import LinearScore, artists_for_venues, venues_for_artists
from trainer.recipe import Recipe

Live = Literal["artists", "venues"]
Rows = NDArray[np.int64]


def export(model: Model, plays: Plays, path: Path, *, live: Live | None = None) -> Path:
    """Write a model file and its ids; both appear whole or not at all.

    Args:
        model: aligned to `plays`.
        plays: all that count now.
        path: of the joblib file; overwritten.
        live: rank venues for `artists`, or artists for `venues`, by the product in the published
            score; None: plain.

    Returns:
        The path of the ids.

    Raises:
        NothingToFit: there are no plays.
        Unwritable: the folder does not take the files.
    """
    artists = _active_rows(plays.per_artist, model.artist_ids)
    venues = _active_rows(plays.per_venue, model.venue_ids)
    if not len(artists):
        raise NothingToFit("there are no plays, so there is nothing to export; import some first")
    exported = _library_object(_factors(model, plays, artists, venues, live), model.recipe)
    sidecar = path.with_suffix(".ids.json")
    facts = _facts(model, artists, venues, live)
    try:
        with durable.replacing(path) as draft:
            joblib.dump(exported, draft)
        durable.write(sidecar, facts.encode())
    except OSError as error:
        raise Unwritable(
            f"{path} cannot be written: {error.strerror}; name a folder that takes files"
        ) from error
    return sidecar


def _active_rows(per_row: NDArray[np.int64], ids: list[str]) -> Rows:
    """Rows with plays, in id order."""
    return np.array(sorted(np.flatnonzero(per_row).tolist(), key=ids.__getitem__), np.int64)


def _factors(model: Model, plays: Plays, artists: Rows, venues: Rows, live: Live | None) -> Factors:
    """Factors of the library's users and items."""
    if live == "artists":
        return _with_bias(venues_for_artists(model, plays, artists, venues))
    if live == "venues":
        return _with_bias(artists_for_venues(model, plays, venues, artists))
    return Factors(model.artists.factors[artists], model.venues.factors[venues])


def _with_bias(score: LinearScore) -> Factors:
    return Factors(
        np.column_stack([score.rows, np.ones(len(score.rows), np.float32)]),
        np.column_stack([score.cols, score.bias]),
    )


def _library_object(factors: Factors, recipe: Recipe) -> AlternatingLeastSquares:
    with one_thread():  # implicit warns where BLAS has more
        model = AlternatingLeastSquares(
            factors=factors.artists.shape[1],
            regularization=recipe.regularization,
            alpha=recipe.alpha,
            iterations=recipe.iterations,
            num_threads=recipe.threads,
            random_state=recipe.seed,
        )
    model.user_factors, model.item_factors = factors
    return model


def _facts(model: Model, artists: Rows, venues: Rows, live: Live | None) -> str:
    facts = {
        "artist_ids": [model.artist_ids[row] for row in artists.tolist()],
        "venue_ids": [model.venue_ids[row] for row in venues.tolist()],
        "users": "venues" if live == "venues" else "artists",
        "live": live,
        "as_of_ms": model.as_of_ms,
        "user_items": "log(1 + plays), each play weighing 0.5 ** (days before as_of / half-life)",
        "recipe": model.recipe.model_dump(mode="json"),
    }
    return json.dumps(facts, ensure_ascii=False, indent=1)
