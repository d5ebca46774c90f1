"""An export is plain implicit: it loads without our code and answers as the library does."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np
import pytest
from implicit.cpu.als import AlternatingLeastSquares

from support.data.gigs import SMALL, world
from trainer.errors import NothingToFit, Unwritable
from trainer.model.fit import Model, fit
from trainer.model.foldin import folded
from trainer.plays.matrix import DAY_MS, Plays, counts, decayed
from trainer.ranking.export import export
from trainer.ranking.score import artists_for_venues, venues_for_artists
from trainer.ranking.topn import top_n
from trainer.recipe import START, Weights

NOW = 365 * DAY_MS
PLAYS, ARTISTS, VENUES = world()

STRANGER = """
import json, sys
for ours in ("trainer", "consumer", "serving", "gigstream"):
    sys.modules[ours] = None  # importing it raises ImportError
import joblib, numpy, scipy.sparse
model = joblib.load(sys.argv[1])
with open(sys.argv[1].replace(".joblib", ".ids.json"), encoding="utf-8") as file:
    ids = json.load(file)
liked = scipy.sparse.csr_matrix((1, len(ids["venue_ids"])), dtype=numpy.float32)
best, _ = model.recommend(0, liked, N=3)
print(type(model).__module__, ids["artist_ids"][0], [ids["venue_ids"][row] for row in best])
"""


@pytest.fixture(scope="module")
def model() -> Model:
    return fit(PLAYS, ARTISTS, VENUES, NOW, SMALL)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "model.joblib"


def loaded(path: Path) -> tuple[AlternatingLeastSquares, dict]:
    sidecar = path.with_suffix(".ids.json")
    return joblib.load(path), json.loads(sidecar.read_text(encoding="utf-8"))


def test_it_loads_where_none_of_our_code_is(model, path, tmp_path):
    assert export(model, PLAYS, path) == path.with_suffix(".ids.json")
    command = [sys.executable, "-W", "error", "-c", STRANGER, str(path)]
    empty = tmp_path / "elsewhere"
    empty.mkdir()

    done = subprocess.run(command, cwd=empty, capture_output=True, text=True, check=False)

    assert done.stderr == ""
    best = np.argsort(-(model.venues.factors @ model.artists.factors[0]))[:3]
    expected = [VENUES[row] for row in best]
    assert done.stdout == f"implicit.cpu.als a0 {expected}\n"


def test_users_are_artists_and_items_are_venues_in_the_order_of_their_ids(model, path):
    export(model, PLAYS, path)
    plain, ids = loaded(path)

    assert ids["artist_ids"] == sorted(ARTISTS)
    assert ids["venue_ids"] == sorted(VENUES)
    assert ids["live"] is None
    for row, name in enumerate(ids["venue_ids"]):
        vector = model.venues.factors[VENUES.index(name)]
        assert np.array_equal(plain.item_factors[row], vector)


def test_ids_without_plays_are_left_out(model, path):
    kept = (PLAYS.artist != 3) & (PLAYS.venue != 4)
    fewer = Plays(PLAYS.artist[kept], PLAYS.venue[kept], PLAYS.at_ms[kept], *PLAYS.shape)

    export(model, fewer, path)
    plain, ids = loaded(path)

    assert "a3" not in ids["artist_ids"]
    assert "v4" not in ids["venue_ids"]
    assert plain.user_factors.shape == (39, 8)
    assert plain.item_factors.shape == (14, 8)


def test_similar_venues_are_those_of_the_nearest_direction(model, path):
    export(model, PLAYS, path)
    plain, _ = loaded(path)
    unit = plain.item_factors / np.linalg.norm(plain.item_factors, axis=1, keepdims=True)

    similar, scores = plain.similar_items(2, N=5)

    assert similar[0] == 2
    np.testing.assert_allclose(scores, np.sort(unit @ unit[2])[::-1][:5], rtol=1e-4)


def test_recalculating_a_user_by_its_decayed_plays_is_our_fold_in(model, path):
    # 200 more plays for one artist, so that its vector moves.
    plays = Plays(
        np.append(PLAYS.artist, np.full(200, 5)).astype(np.int32),
        np.append(PLAYS.venue, np.arange(200) % 3).astype(np.int32),
        np.append(PLAYS.at_ms, np.full(200, NOW)),
        *PLAYS.shape,
    )
    export(model, PLAYS, path)
    plain, ids = loaded(path)
    user_items = decayed(plays, NOW, SMALL.als_half_life_days).log1p()
    columns = [VENUES.index(name) for name in ids["venue_ids"]]

    vector = plain.recalculate_user(0, user_items[5][:, columns].tocsr())

    ours = folded(model, plays, np.array([5]), np.empty(0, np.int32)).artists.factors[5]
    assert np.abs(ours - model.artists.factors[5]).max() > 0.01
    np.testing.assert_allclose(vector, ours, rtol=1e-3, atol=1e-5)


def test_an_explanation_adds_up_to_the_score(model, path):
    export(model, PLAYS, path)
    plain, ids = loaded(path)
    liked = decayed(PLAYS, NOW, SMALL.als_half_life_days).log1p()
    columns = [VENUES.index(name) for name in ids["venue_ids"]]
    user_items = liked[[ARTISTS.index(name) for name in ids["artist_ids"]]][:, columns].tocsr()

    total, parts, _ = plain.explain(4, user_items, 7, N=100)

    vector = plain.recalculate_user(4, user_items[4])
    assert total == pytest.approx(float(vector @ plain.item_factors[7]), rel=1e-3, abs=1e-6)
    assert sum(part for _, part in parts) == pytest.approx(total, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("live", ["artists", "venues"])
def test_the_live_variant_ranks_by_the_terms_that_are_a_product(model, path, live):
    export(model, PLAYS, path, live=live)
    library, ids = loaded(path)
    artists = np.array([ARTISTS.index(name) for name in ids["artist_ids"]])
    venues = np.array([VENUES.index(name) for name in ids["venue_ids"]])
    counted = counts(PLAYS)
    sparse = dict.fromkeys(("mates", "own", "rp3"), 0)
    weights = Weights({**START.artists, **sparse}, {**START.venues, **sparse})
    dense = replace(model, weights=weights)
    if live == "artists":
        played = counted[artists][:, venues].tocsr()
        score = venues_for_artists(dense, PLAYS, artists, venues)
    else:
        played = counted.T.tocsr()[venues][:, artists]
        score = artists_for_venues(dense, PLAYS, venues, artists)
    assert ids["live"] == ids["users"] == live

    theirs, scores = library.recommend(np.arange(played.shape[0]), played, N=5)

    best = top_n(score, 5, played)
    for row, ours in enumerate(best.cols):
        number = (ours >= 0).sum()  # the library adds fillers
        assert ours[:number].tolist() == theirs[row][:number].tolist()
        shifted = best.scores[row][:number] - score.shift[row]
        np.testing.assert_allclose(scores[row][:number], shifted, atol=1e-5)


def test_a_file_that_is_there_is_replaced_and_nothing_else_is_left(model, path):
    path.write_text("old")

    export(model, PLAYS, path, live="venues")
    export(model, PLAYS, path)

    assert loaded(path)[1]["live"] is None
    assert sorted(each.name for each in path.parent.iterdir()) == [
        "model.ids.json",
        "model.joblib",
    ]


def test_a_folder_that_does_not_exist_is_told_in_one_line(model, tmp_path):
    with pytest.raises(
        Unwritable, match=r"no/model.joblib cannot be written: No such file"
    ) as told:
        export(model, PLAYS, tmp_path / "no" / "model.joblib")

    assert (told.value.exit_code, "\n" in str(told.value)) == (2, False)


def test_a_file_that_cannot_be_replaced_leaves_nothing_half_done(model, path):
    path.mkdir()

    with pytest.raises(Unwritable):
        export(model, PLAYS, path)

    assert list(path.parent.iterdir()) == [path]


def test_without_plays_there_is_nothing_to_export(model, path):
    none = np.empty(0, np.int32)

    with pytest.raises(NothingToFit, match="there are no plays"):
        export(model, Plays(none, none, np.empty(0, np.int64), *PLAYS.shape), path)
