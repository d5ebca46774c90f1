"""Similar artists or venues, by the cosine of their vectors, as in implicit's `similar_items`."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from consumer.table.schema import Side
from trainer.als.engine import Factors
from trainer.als.implicit import plain
from trainer.als.runtime import one_thread
from trainer.model.fit import Model


class Similar(NamedTuple):
    """Rows, most similar first, without the query row."""

    rows: NDArray[np.int64]
    cosines: NDArray[np.float32]


def similar(model: Model, side: Side, row: int, n: int, candidates: NDArray[np.integer]) -> Similar:
    """The n candidates with the greatest cosine to a row.

    Args:
        model: the factors.
        side: which kind of row.
        row: the query.
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
    with one_thread():  # implicit warns where BLAS has more
        library = plain(Factors(vectors[:0], _directions(vectors[asked])), model.recipe)
        # The query is ranked too: the library pads short results with rows that it was to exclude.
        found, cosines = library.similar_items(0, N=min(n + 1, len(asked)))
    kept = np.flatnonzero(found)[:n]
    return Similar(asked[found[kept]], cosines[kept])


def _directions(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The vectors at length 1: the library's own lengths underflow where vectors are very short."""
    long = vectors.astype(np.float64)
    scaled: NDArray[np.float32] = (long / np.linalg.norm(long, axis=1, keepdims=True)).astype(
        np.float32
    )
    return scaled
