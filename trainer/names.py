"""Display names of artists and venues: for people and for search, never for identity."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from trainer.ids import Ids
from trainer.settling import names


class Names:
    """The newest name that was said of each row; of two said at once, the greater string."""

    def __init__(self) -> None:
        self.table = names()
        """Where settling notes them."""

    def by_id(self, ids: Ids) -> dict[str, str]:
        """Every known name by its id."""
        return self.of(ids, np.arange(len(ids), dtype=np.int32))

    def state(self) -> list[tuple[int, str, int]]:
        """Row, name and when it was said, of all names."""
        times = self.table.times_ms()
        rows = np.arange(len(times), dtype=np.int32)
        said = zip(rows.tolist(), self.table.of(rows), times.tolist(), strict=True)
        return [(row, name, time) for row, name, time in said if name is not None]

    def restore(self, state: Iterable[tuple[int, str, int]]) -> None:
        """Take in what `state` said."""
        for row, name, time_ms in state:
            self.table.say(row, name, time_ms)

    def of(self, ids: Ids, rows: NDArray[np.int32]) -> dict[str, str]:
        """The known names of these rows, by id."""
        said = zip(rows.tolist(), self.table.of(rows), strict=True)
        return {ids[row]: name for row, name in said if name is not None}
