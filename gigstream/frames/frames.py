"""One object for notebooks: lists, plays, similar ones and quality, each a DataFrame."""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from gigstream.errors import WrongUse
from gigstream.frames.content import Connect, Content
from gigstream.frames.tables import list_table, play_table, quality_table, similar_table
from serving.lookup import Side
from trainer.evaluation.evaluate import SPLITS, evaluate
from trainer.ranking.export import Live, export
from trainer.ranking.similar import similar


class Frames:
    """Made by `gigstream.frames.fit` or `gigstream.frames.live`.

    Args:
        load: the model and its plays; called once, when they are first needed.
        connect: opens the reader of lists.
    """

    def __init__(self, load: Callable[[], Content], connect: Connect) -> None:
        self._load = load
        self._connect = connect

    def venues(
        self, artists: str | Iterable[str], n: int = 10, *, returns: bool = False
    ) -> pd.DataFrame:
        """The best venues for one artist, or for each of several.

        Args:
            artists: ids; one that is not known gets the popular list.
            n: how many for each, at least 1.
            returns: rank venues that the artist has played too.

        Returns:
            Columns `artist`, `venue`, `name` (of the venue), `score`, `already_liked`, `plays` (of
            the artist there; 0 without `returns`) and `source` (`model`, `foldin`, `popular`), best
            first.

        Raises:
            ServingError: `live` alone; see `serving.lookup.Lookup`.
        """
        # A connection for each call: a notebook stays open for days.
        with self._connect() as reader:
            lists = [reader.artist(each, n, returns=returns) for each in _several(artists)]
            named = reader.names([item.id for found in lists for item in found.items], of="venue")
        return list_table("artist", lists, named)

    def artists(
        self, venues: str | Iterable[str], n: int = 10, *, returns: bool = False
    ) -> pd.DataFrame:
        """The best artists for one venue, or for each of several.

        Args:
            venues: ids; one that is not known gets the popular list.
            n: how many for each, at least 1.
            returns: rank artists who have played there too.

        Returns:
            Columns as of `venues`, `venue` first.

        Raises:
            ServingError: `live` alone; see `serving.lookup.Lookup`.
        """
        with self._connect() as reader:
            lists = [reader.venue(each, n, returns=returns) for each in _several(venues)]
            named = reader.names([item.id for found in lists for item in found.items], of="artist")
        return list_table("venue", lists, named)

    @cached_property
    def plays(self) -> pd.DataFrame:
        """Each pair that counts: `artist`, `venue`, `plays`, `first` and `last` day (UTC)."""
        held = self._content
        return play_table(held.plays, held.artists.ids, held.venues.ids)

    @property
    def counts(self) -> csr_matrix:
        """Number of plays: artists x venues, int32, in the order of `artist_ids`, `venue_ids`."""
        return self._content.plays.counts

    @cached_property
    def artist_ids(self) -> pd.Index:
        """The id of each row of `counts`."""
        return pd.Index(self._content.artists.ids.ids, name="artist", dtype="string")

    @cached_property
    def venue_ids(self) -> pd.Index:
        """The id of each column of `counts`."""
        return pd.Index(self._content.venues.ids.ids, name="venue", dtype="string")

    @cached_property
    def weights(self) -> pd.DataFrame:
        """The weight of each term of the score, for `artists` and for `venues`; 0: not used."""
        weights = {side: dict(of) for side, of in self._content.model.weights._asdict().items()}
        return pd.DataFrame(weights).rename_axis("term").fillna(0.0)

    def similar_artists(self, artist: str, n: int = 10) -> pd.DataFrame:
        """Artists by the cosine of their vectors: `artist`, `similar_artist`, `name`, `similarity`.

        Raises:
            WrongUse: no artist has this id.
        """
        return self._similar("artist", artist, n)

    def similar_venues(self, venue: str, n: int = 10) -> pd.DataFrame:
        """Venues by the cosine of their vectors: `venue`, `similar_venue`, `name`, `similarity`.

        Raises:
            WrongUse: no venue has this id.
        """
        return self._similar("venue", venue, n)

    def evaluate(self, splits: Sequence[float] = SPLITS) -> pd.DataFrame:
        """Quality of the live score and of other rankings, on the later plays after each cut.

        Args:
            splits: shares of the plays, oldest first, to learn from.

        Returns:
            Columns `split`, `side` (whom lists are for), `view`, `ranking` (docs/quality.md),
            `subjects`, and of `ndcg10`, `recall10` and `mrr10` each the mean and the bounds `_low`
            and `_high` of its 95 % interval.

        Raises:
            BadSplit: a split is not between 0 and 1.
            NothingToFit: a part has no plays.
        """
        held = self._content
        return quality_table(evaluate(held.gigs(), held.model.recipe, splits))

    def export(self, path: Path | str, *, live: Live | None = None) -> Path:
        """Write the model as a joblib file that `implicit` reads; see `trainer.ranking.export`.

        Args:
            path: of the joblib file; overwritten.
            live: `artists` or `venues`: the part of that score that is a product; None: plain ALS.

        Returns:
            The path of the ids by row.

        Raises:
            Unwritable: the folder does not take the files.
        """
        return export(self._content.model, self._content.plays, Path(path), live=live)

    @cached_property
    def _content(self) -> Content:
        return self._load()

    def _similar(self, side: Side, identity: str, n: int) -> pd.DataFrame:
        model, known = self._content.model, self._content.rows(side)
        row = known.ids.row(identity)
        if row is None:
            raise WrongUse(f"no {side} has the id {identity!r}; take one of `{side}_ids`")
        # A merged id is looked up by the row of the id that it counts as.
        asked = int(known.merged.mapped(np.array([row], np.int32))[0])
        found = similar(model, side, asked, n, known.active)
        ids = [known.ids[at] for at in found.rows.tolist()]
        with self._connect() as reader:
            named = reader.names(ids, of=side)
        cosines = zip(ids, found.cosines.tolist(), strict=True)
        return similar_table(side, identity, [(each, named.get(each), c) for each, c in cosines])


def _several(ids: str | Iterable[str]) -> list[str]:
    return [ids] if isinstance(ids, str) else list(ids)
