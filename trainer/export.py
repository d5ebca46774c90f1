"""The model as a plain `implicit` object in a joblib file, for notebooks and other programs.

`joblib.load("model.joblib")` needs implicit and joblib, nothing of ours. Beside it,
`model.ids.json` holds the ids by row, and what `user_items` means. Ids without plays are left out.

The plain model answers all that implicit offers: `similar_items`, `explain`, `recalculate_user`
and so on, where users are artists and items are venues. The live variants rank as the published
lists do, by one more factor: the bias, weighed 1 for every row. Only their `recommend` means
anything.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import joblib
import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from numpy.typing import NDArray

from trainer.blas import one_thread
from trainer.engines import Factors
from trainer.errors import NothingToFit, Unwritable
from trainer.matrix import Plays, counts
from trainer.model import Model
from trainer.score import LinearScore, artists_for_venues, venues_for_artists
from trainer.settings import Recipe

Live = Literal["artists", "venues"]
Rows = NDArray[np.int64]


def export(model: Model, plays: Plays, path: Path, *, live: Live | None = None) -> Path:
    """Write a model file and its ids; both appear whole or not at all.

    Args:
        model: aligned to `plays`.
        plays: all that count now.
        path: of the joblib file; overwritten.
        live: rank venues for `artists`, or artists for `venues`, as the lists do; else plain.

    Returns:
        The path of the ids.

    Raises:
        NothingToFit: nobody has a play.
        Unwritable: the folder does not take the files.
    """
    artists = _playing(plays.per_artist, model.artist_ids)
    venues = _playing(plays.per_venue, model.venue_ids)
    if not len(artists):
        raise NothingToFit("nobody has a play, so there is nothing to export; import some first")
    exported = _library_object(_factors(model, plays, artists, venues, live), model.recipe)
    sidecar = path.with_suffix(".ids.json")
    facts = _facts(model, artists, venues, live)
    try:
        _replace(path, lambda draft: joblib.dump(exported, draft))
        _replace(sidecar, lambda draft: draft.write_text(facts, encoding="utf-8"))
    except OSError as error:
        raise Unwritable(
            f"{path} cannot be written: {error.strerror}; name a folder that takes files"
        ) from error
    return sidecar


def _playing(per_row: NDArray[np.int64], ids: list[str]) -> Rows:
    """Rows with plays, in id order."""
    return np.array(sorted(np.flatnonzero(per_row).tolist(), key=ids.__getitem__), np.int64)


def _factors(model: Model, plays: Plays, artists: Rows, venues: Rows, live: Live | None) -> Factors:
    """Of the library's users and items."""
    if live == "artists":
        return _with_bias(venues_for_artists(model, counts(plays), artists, venues))
    if live == "venues":
        return _with_bias(artists_for_venues(model, counts(plays), venues, artists))
    return Factors(model.artists.factors[artists], model.venues.factors[venues])


def _with_bias(score: LinearScore) -> Factors:
    return Factors(
        np.column_stack([score.rows, np.ones(len(score.rows), np.float32)]),
        np.column_stack([score.cols, score.bias]),
    )


def _library_object(factors: Factors, recipe: Recipe) -> AlternatingLeastSquares:
    with one_thread():  # it looks at BLAS and warns
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


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
