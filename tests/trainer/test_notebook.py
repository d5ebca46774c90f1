"""The notebook that many begin with, and this project grew from: same matrix, same lists.

It reads two columns with pandas, counts pairs, fits implicit's ALS(50) and recommends. Two slips
are corrected here: its columns have no names (it groups by `artists` and `venues` anyway), and
it asks for recommendations by the whole index column instead of one artist.
"""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from implicit.als import AlternatingLeastSquares
from scipy.sparse import coo_matrix, csr_matrix

from consumer.imports.files import batches
from support.data.indistreet import EVENTS
from trainer.als.choose import engine
from trainer.als.engine import Factors
from trainer.als.runtime import one_thread
from trainer.plays.ids import Ids
from trainer.plays.matrix import Plays, counts
from trainer.ranking.score import LinearScore
from trainer.ranking.topn import top_n
from trainer.recipe import Recipe

SEED = 3
SETTING = Recipe(factors=50, regularization=0.01, alpha=1.0, iterations=15, seed=SEED)
"""implicit's defaults, written out."""


def headerless(path) -> pd.DataFrame:
    """The notebook's input: artist and venue, tab between, no header."""
    table = pa.concat_tables(batches(EVENTS)).select(["artist_id", "venue_id"])
    table.to_pandas().to_csv(path, sep="\t", header=False, index=False)
    return pd.read_csv(path, sep="\t", header=None)


def counted(frame: pd.DataFrame) -> tuple[csr_matrix, list[int], list[int]]:
    """The notebook's matrix, and its row and column ids."""
    pairs = frame.groupby(["artists", "venues"]).size().reset_index(name="plays")
    artists, venues = (pairs[side].astype("category").cat for side in ("artists", "venues"))
    shape = len(artists.categories), len(venues.categories)
    cells = coo_matrix((pairs["plays"], (artists.codes, venues.codes)), shape=shape)
    return cells.tocsr(), list(artists.categories), list(venues.categories)


@pytest.fixture(scope="module")
def frame(tmp_path_factory) -> pd.DataFrame:
    return headerless(tmp_path_factory.mktemp("notebook") / "data.csv")


@pytest.fixture(scope="module")
def notebook(frame) -> tuple[csr_matrix, list[str], list[str]]:
    matrix, artists, venues = counted(frame.set_axis(["artists", "venues"], axis=1))
    return matrix, [str(name) for name in artists], [str(name) for name in venues]


@pytest.fixture(scope="module")
def ours() -> tuple[csr_matrix, Ids, Ids]:
    artists, venues = Ids(), Ids()
    table = pa.concat_tables(batches(EVENTS))
    artist, venue = artists.add(table["artist_id"]), venues.add(table["venue_id"])
    plays = Plays(artist, venue, np.zeros(len(table), np.int64), len(artists), len(venues))
    return counts(plays), artists, venues


@pytest.fixture(scope="module")
def fitted(notebook) -> AlternatingLeastSquares:
    with one_thread():
        model = AlternatingLeastSquares(factors=50, random_state=SEED)
        model.fit(notebook[0], show_progress=False)
    return model


def test_as_printed_it_ends_in_a_key_error(frame):
    with pytest.raises(KeyError, match="artists"):
        counted(frame)


def test_as_printed_it_cannot_recommend(notebook, fitted):
    matrix = notebook[0]
    whole_index = np.arange(matrix.shape[0])

    with pytest.raises(ValueError, match="user_items must contain 1 row for every user"):
        fitted.recommend(whole_index, matrix[10], N=10)


def test_its_matrix_is_ours_in_its_order_of_ids(notebook, ours):
    theirs, artist_ids, venue_ids = notebook
    matrix, artists, venues = ours

    moved = matrix[[artists.row(name) for name in artist_ids]]
    moved = moved[:, [venues.row(name) for name in venue_ids]].sorted_indices()

    assert theirs.shape == matrix.shape == (6131, 989)
    assert np.array_equal(moved.indptr, theirs.indptr)
    assert np.array_equal(moved.indices, theirs.indices)
    assert np.array_equal(moved.data, theirs.data)


def test_its_ten_venues_for_every_artist_are_those_of_our_engine_and_top_n(notebook, fitted):
    matrix = notebook[0]
    random = np.random.default_rng(SEED)  # draws users, then items, as the library does
    start = Factors(
        *(random.random((rows, 50), dtype=np.float32) * np.float32(0.01) for rows in matrix.shape)
    )

    factors = engine("implicit").fit(matrix.astype(np.float32), start, SETTING)
    score = LinearScore(
        *factors, np.zeros(matrix.shape[1], np.float32), np.zeros(matrix.shape[0], np.float32)
    )
    best = top_n(score, 10, matrix)

    theirs, scores = fitted.recommend(np.arange(matrix.shape[0]), matrix, N=10)
    differ = np.flatnonzero((best.cols != theirs).any(axis=1))
    assert len(differ) <= 5  # its float32 scores may swap two that ours tell apart
    np.testing.assert_allclose(best.scores, scores, rtol=1e-4, atol=1e-6)
    for row in differ:
        assert set(best.cols[row]) == set(theirs[row])
