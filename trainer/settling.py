"""What settling is made of: compiled (`native/settle.cpp`), or the same in Python.

Both number and settle alike, to the row; the compiled code is some twenty times faster and takes
a quarter of the memory.
"""

import importlib
import logging
from functools import cache
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from trainer import uncompiled

logger = logging.getLogger(__name__)

Rows = NDArray[np.int32]
Moments = NDArray[np.int64]


class Numbered(Protocol):
    """Texts and their row numbers: append-only, the first is row 0."""

    def __len__(self) -> int:
        """How many there are."""

    def add(self, name: str) -> int:
        """Its row, a new one where it is unseen."""

    def find(self, name: str) -> int:
        """Its row, -1 where it is unseen."""

    def add_all(self, names: Any) -> Rows:  # noqa: ANN401 - pyarrow has no types
        """The rows of an Arrow array of strings without nulls; the unseen are numbered in turn."""

    def since(self, row: int) -> list[str]:
        """All texts from this row on."""


class Names(Protocol):
    """The newest name that was said of each row; of two said at once, the greater string."""

    def of(self, rows: Rows) -> list[str | None]:
        """The names of these rows, None where none was said."""

    def times_ms(self) -> Moments:
        """When those were said, by row; as long as the highest row that was named."""

    def say(self, row: int, name: str, time_ms: int) -> None:
        """Take in one name."""


class Gigs(Protocol):
    """Every gig and its greatest statement, and who has plays by them.

    Rows are as they were stated: what merges make of them, `trainer.interactions` does.
    """

    def __len__(self) -> int:
        """Gigs ever stated."""

    @property
    def play_count(self) -> int:
        """Gigs that are plays."""

    @property
    def turns(self) -> int:
        """Another number once an artist or venue came to have plays, or lost its last one."""

    @property
    def newest_ms(self) -> int | None:
        """The newest time of any statement."""

    def expect(self, rows: int) -> None:
        """So many statements are about to be settled, in whatever batches: make room."""

    def settle(self, batches: list[Any]) -> tuple[Rows, Rows]:
        """Take in record batches, `trainer.interactions.SCHEMA`; texts may be coded, as there.

        Returns:
            Artists and venues whose plays are others now, each once; some more may be among them.
        """

    def share(self, rows: Rows, targets: Rows) -> None:
        """Which artists are one by merges, all of them, and what they count as."""

    def near(self, artists: Rows, venues: Rows) -> tuple[Rows, Rows]:
        """Artists and venues of gigs of these, and of gigs that those decide on."""

    def plays(self) -> tuple[Rows, Rows, Moments]:
        """Every play, in the order in which gigs were first stated: artist, venue, when."""

    def of(self, side: str, rows: Rows) -> tuple[Rows, Rows, Moments]:
        """The plays of these `artist` or `venue` rows, who are numbered 0, 1, ... there."""

    def played(self, side: str) -> Rows:
        """Plays by row; as long as the highest row with a gig."""

    def changes(self) -> tuple[Rows, Rows, Rows] | None:
        """Artist, venue and 1 or -1 of plays added and taken back since the last call.

        None: not all of them are known, such as at the first call, or after `share`.
        """

    def counts(self, artists: int, venues: int) -> tuple[Rows, Rows, Rows] | None:
        """Plays by pair, venue by pair and where pairs of each of so many artists begin.

        None: it is not quicker than to count `plays`. Merges of venues are not looked at.
        """

    def state(self) -> dict[str, Any]:
        """What `restore` takes: arrays, borrowed, texts, and a number."""

    def restore(self, **state: Any) -> None:  # noqa: ANN401 - see `native/settle.cpp`
        """Be what another one was, without its merges, before anything is settled.

        Raises:
            ValueError, TypeError: it does not fit together, or to the ids that there are.
        """

    def outdone(self) -> int:
        """Gigs of which a greater statement was made under another id of the artist."""


@cache
def built() -> bool:
    """Whether the compiled code is here and loads."""
    try:
        compiled()
    except ImportError:
        logger.warning(
            "Settling is not compiled here, so it is slower and takes more memory: reinstall "
            "with a C++ compiler."
        )
        return False
    return True


def compiled() -> ModuleType:
    """The compiled code.

    Raises:
        ImportError: it was not built.
    """
    return importlib.import_module("trainer._settle")


def _made_of() -> Any:  # noqa: ANN401 - either module
    return compiled() if built() else uncompiled


def numbered() -> Numbered:
    """An empty numbering."""
    made: Numbered = _made_of().Numbered()
    return made


def names() -> Names:
    """No names yet."""
    made: Names = _made_of().Names()
    return made


def gigs(artists: Numbered, venues: Numbered, artist_names: Names, venue_names: Names) -> Gigs:
    """No gigs yet; what is settled is numbered and named there."""
    made: Gigs = _made_of().Gigs(artists, venues, artist_names, venue_names)
    return made
