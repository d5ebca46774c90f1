"""Settling: the interface of compiled code (native/settle/settle.cpp) and of `plain.py`."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

RowNumbers: TypeAlias = NDArray[np.int32]
Times: TypeAlias = NDArray[np.int64]

class Interner:
    """Texts and their row numbers: append-only, the first is row 0.

    Exact: hashes only find the place to look at, and texts are compared.

    Args:
        bits: of a hash that are used; fewer than 32 make texts collide, for tests.
    """

    def __init__(self, bits: int = 32) -> None: ...
    def __len__(self) -> int:
        """How many there are."""

    def add(self, name: str) -> int:
        """Its row, a new one where it is unseen."""

    def find(self, name: str) -> int:
        """Its row, -1 where it is unseen."""

    def add_all(self, names: Any) -> RowNumbers:  # noqa: ANN401 - pyarrow has no types
        """The rows of an Arrow array of strings without nulls; the unseen are numbered in turn."""

    def since(self, row: int) -> list[str]:
        """All texts from this row on."""

class Names:
    """The newest name of each row; of two with equal time, the greater string."""

    def lookup(self, rows: RowNumbers) -> list[str | None]:
        """The names of these rows, None for a row without one."""

    def times_ms(self) -> Times:
        """The times of the names, by row; as long as the highest row that has one."""

    def say(self, row: int, name: str, time_ms: int) -> None:
        """Take in one name.

        Args:
            row: whose name it is.
            name: not empty.
            time_ms: of the statement, epoch ms.
        """

class Gigs:
    """Every gig and its greatest statement, and who has plays by them.

    Rows are as they were stated; `trainer.plays.interactions` maps merged ones. Compiled, a gig
    takes 64 bytes and its event id, and 4 bytes in each of three lists.

    Args:
        artists: numbers artists.
        venues: numbers venues.
        artist_names: takes their names.
        venue_names: the same of venues.
        bits: see `Interner`.
    """

    def __init__(
        self,
        artists: Interner,
        venues: Interner,
        artist_names: Names,
        venue_names: Names,
        bits: int = 32,
    ) -> None: ...
    def __len__(self) -> int:
        """Gigs ever stated."""

    @property
    def play_count(self) -> int:
        """Gigs that are plays."""

    @property
    def turns(self) -> int:
        """Another number once an artist or venue came to have plays, or lost its last one."""

    def expect(self, rows: int) -> None:
        """Make room for `rows` statements that will be settled, in any number of batches."""

    def settle(self, batches: list[Any]) -> tuple[RowNumbers, RowNumbers]:
        """Take in record batches of `trainer.plays.interactions.SCHEMA`; texts may be coded.

        Returns:
            Artists and venues whose plays changed, each once; some more may be among them.
        """

    def share(self, rows: RowNumbers, targets: RowNumbers) -> None:
        """Which artists are one by merges, all of them, and what they count as."""

    def affected_by(self, artists: RowNumbers, venues: RowNumbers) -> tuple[RowNumbers, RowNumbers]:
        """Artists and venues of gigs of these, and of gigs that those decide on."""

    def plays(self) -> tuple[RowNumbers, RowNumbers, Times]:
        """Every play, in the order in which gigs were first stated: artist, venue, time."""

    def plays_since(self, gig: int) -> tuple[RowNumbers, RowNumbers, Times]:
        """The same of the gigs from this number on: they are numbered as they were first stated."""

    def play_sources(self) -> tuple[RowNumbers, list[str]]:
        """The source of every play, in the order of `plays`, as an index into the names."""

    def plays_of(self, side: str, rows: RowNumbers) -> tuple[RowNumbers, RowNumbers, Times]:
        """The plays of these `artist` or `venue` rows, who are numbered 0, 1, ... there."""

    def played(self, side: str) -> RowNumbers:
        """Plays by row; as long as the highest row with a gig."""

    def changes(self) -> tuple[RowNumbers, RowNumbers, RowNumbers] | None:
        """Artist, venue and 1 or -1 of plays added and taken back since the last call.

        None: not all of them are known, such as at the first call, or after `share`.
        """

    def nights(self) -> tuple[RowNumbers, Times] | None:
        """Venue and time of plays added, taken back or moved since the last call; perhaps more.

        None: there were too many to be noted.
        """

    def counts(self, artists: int, venues: int) -> tuple[RowNumbers, RowNumbers, RowNumbers] | None:
        """Plays by pair, venue by pair and where the pairs of each artist begin.

        None: counting `plays` is as quick. Merges of venues are not looked at.
        """

    def state(self) -> dict[str, Any]:
        """What `restore` takes: arrays, borrowed, texts, and a number."""

    def restore(self, **state: Any) -> None:  # noqa: ANN401 - see `native/settle/settle.cpp`
        """Be what another one was, without its merges, before anything is settled.

        Raises:
            ValueError, TypeError: it does not fit together, or to the ids that there are.
        """

    def newest(self, latest_ms: int) -> tuple[int | None, int]:
        """The newest time of the gigs that are plays, and how many are ahead of the clock.

        Args:
            latest_ms: the latest time that is accepted, epoch ms.

        Returns:
            The newest time up to `latest_ms`, None without any, and the number of later ones.
        """

    def unmatched(self) -> int:
        """Deleted bills of which no gig was ever stated."""

    def superseded(self) -> int:
        """Gigs of which a greater statement was made under another id of the artist."""

def cells(
    rows: RowNumbers,
    columns: RowNumbers,
    at_ms: Times,
    n_rows: int,
    threads: int,
) -> tuple[RowNumbers, RowNumbers, Times, Times]:
    """Plays by row, column and time: the arrays of `trainer.plays.matrix.Pairs`.

    Args:
        rows: by play.
        columns: by play.
        at_ms: when each play was, epoch ms.
        n_rows: number of rows.
        threads: at least 1.

    Raises:
        ValueError: lengths differ, a row is out of range, or there are 2**31 plays or more.
    """
