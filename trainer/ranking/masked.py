"""Candidates that no list may show, though their plays count: see `consumer.ids.visibility`.

Only the choice of entries is masked. Terms are standardised over all candidates, so the scores and
the order of the others stay what they are.
"""

from collections.abc import Collection

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from trainer.plays.ids import Ids

Rows = NDArray[np.int32]


def visible(ids: Ids, hidden: Collection[str], candidates: Rows) -> NDArray[np.bool_]:
    """Which of the candidates may be shown.

    Args:
        ids: of the side.
        hidden: some ids; those without a row are no candidates.
        candidates: rows.
    """
    # An id may be hidden before its first play, or after its last one was cancelled.
    rows = [row for row in map(ids.row, hidden) if row is not None]
    return ~np.isin(candidates, np.array(rows, np.int32))


def excluded(
    n_rows: int, may_show: NDArray[np.bool_], played: sp.csr_matrix | None
) -> sp.csr_matrix | None:
    """The cells that top-N must not return: hidden columns in every row, and those played.

    Args:
        n_rows: subjects.
        may_show: of `visible`.
        played: subjects x candidates; None: these may be returned.

    Returns:
        Subjects x candidates, columns sorted; None where every cell may be returned.
    """
    columns = np.flatnonzero(~may_show).astype(np.int32)
    if not len(columns):
        return played
    starts = np.arange(n_rows + 1, dtype=np.int32) * len(columns)
    indices = np.tile(columns, n_rows)
    cells = np.ones(len(indices), np.int32)
    hidden = sp.csr_matrix((cells, indices, starts), shape=(n_rows, len(may_show)))
    return hidden if played is None else sp.csr_matrix(played + hidden)
