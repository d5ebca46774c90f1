"""Rows of one side whose published lists are behind what is settled, longest waiting first."""

from collections.abc import Collection
from itertools import islice

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int32]


class Pending:
    """Which lists wait to be folded in, and when each row last changed.

    Versions are of the store. A row waits since the version up to which its published list is
    right; a later change does not move it back in the queue, so that no row starves.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, int] = {}  # row -> its list is right up to there; ascending
        self._changed: dict[int, int] = {}  # row -> version that was read when it last changed

    def note(self, rows: Rows, before: int, now: int) -> None:
        """These rows changed.

        Args:
            rows: distinct ones.
            before: a store version at which they were as their lists show them.
            now: the store version that has the change.
        """
        for row in rows.tolist():
            self._waiting.setdefault(row, before)
            self._changed[row] = now

    def first(self, most: int) -> Rows:
        """The `most` rows that wait longest, ascending."""
        return np.array(sorted(islice(self._waiting, most)), np.int32)

    def among(self, rows: Rows) -> Rows:
        """Those of these rows that wait."""
        return np.array([row for row in rows.tolist() if row in self._waiting], np.int32)

    def right_without(self, rows: Rows) -> int | None:
        """Version up to which all lists are right once these rows are published; None: any."""
        published = set(rows.tolist())
        return next((v for row, v in self._waiting.items() if row not in published), None)

    def done(self, rows: Collection[int]) -> None:
        """These rows are published."""
        for row in rows:
            self._waiting.pop(row, None)

    def clear(self) -> None:
        """All rows are published."""
        self._waiting.clear()

    def forget(self) -> None:
        """Rows have other numbers from now on."""
        self._waiting, self._changed = {}, {}

    def changed_since(self, version: int) -> Rows:
        """Rows that changed after a version, ascending."""
        changed = (row for row, at in self._changed.items() if at > version)
        return np.array(sorted(changed), np.int32)

    def rewind(self, version: int) -> None:
        """The published lists are right up to `version` only: what changed since waits again."""
        for row in self.changed_since(version).tolist():
            self._waiting[row] = min(version, self._waiting.get(row, version))
        self._waiting = dict(sorted(self._waiting.items(), key=lambda item: item[1]))
