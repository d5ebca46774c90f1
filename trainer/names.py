"""Display names of artists and venues: for people and for search, never for identity."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from trainer.ids import Ids


class Names:
    """The newest name that was said of each row; of two said at once, the greater string."""

    def __init__(self) -> None:
        self._said: dict[int, tuple[int, str]] = {}

    def by_id(self, ids: Ids) -> dict[str, str]:
        """Every known name by its id."""
        return {ids[row]: name for row, (_, name) in self._said.items()}

    def of(self, ids: Ids, rows: NDArray[np.int32]) -> dict[str, str]:
        """The known names of these rows, by id."""
        return {ids[row]: self._said[row][1] for row in rows.tolist() if row in self._said}

    def hear(
        self, rows: NDArray[np.int32], names: pa.ChunkedArray, times: NDArray[np.int64]
    ) -> None:
        """Take in what statements call these rows; null names say nothing."""
        said = pc.is_valid(names).to_numpy(zero_copy_only=False)
        if not said.any():
            return
        encoded = pc.drop_null(names).combine_chunks().dictionary_encode()
        spellings = encoded.dictionary.to_pylist()
        codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        pairs = rows[said].astype(np.int64) * len(spellings) + codes
        for pair, time in zip(*_newest(pairs, times[said]), strict=True):
            row, code = divmod(pair, len(spellings))
            self._said[row] = max(self._said.get(row, (time, "")), (time, spellings[code]))


def _newest(keys: NDArray[np.int64], times: NDArray[np.int64]) -> tuple[list[int], list[int]]:
    """Each distinct key with its greatest time, as Python ints."""
    order = np.lexsort((times, keys))
    last = np.append(np.diff(keys[order]) != 0, np.ones(1, bool))
    return keys[order][last].tolist(), times[order][last].tolist()
