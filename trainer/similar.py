"""Who is like whom, by the cosine of vectors, as implicit's own `similar_items` has it.

Artists are alike that play the same kind of venues, venues that book the same kind of artists.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.blas import one_thread
from trainer.engines import Factors
from trainer.engines.implicit import plain
from trainer.model import Model

Side = Literal["artist", "venue"]


class Similar(NamedTuple):
    """Rows, most similar first, without the one that was asked for."""

    rows: NDArray[np.int64]
    cosines: NDArray[np.float32]


def similar(model: Model, side: Side, row: int, n: int, candidates: NDArray[np.integer]) -> Similar:
    """The n candidates whose vectors point most nearly where that row's points.

    Args:
        model: the factors.
        side: which kind of row.
        row: whose neighbours; with a vector or without.
        n: at least 1.
        candidates: distinct rows.

    Returns:
        Fewer than n where there are fewer with a vector; none for a row without.
    """
    vectors = (model.artists if side == "artist" else model.venues).factors
    others = candidates[vectors[candidates].any(axis=1) & (candidates != row)]
    if not vectors[row].any() or not len(others):
        return Similar(np.empty(0, np.int64), np.empty(0, np.float32))
    asked = np.concatenate([[row], others])
    with one_thread():  # it looks at BLAS and warns
        library = plain(Factors(vectors[:0], vectors[asked]), model.recipe)
        # Told to leave a row out, the library fills up with it where too few others are there.
        found, cosines = library.similar_items(0, N=min(n + 1, len(asked)))
    kept = np.flatnonzero(found)[:n]
    return Similar(asked[found[kept]], cosines[kept])
