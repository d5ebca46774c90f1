"""The live model grows and changes in place, and an attempt that fails leaves no trace."""

import numpy as np
import pytest

from support.data.gigs import SMALL, rows, world
from trainer.als.exact import gram
from trainer.model.fit import Model, fit
from trainer.model.foldin import fold_in, folded
from trainer.model.online import Biases, OnlineModel
from trainer.plays.ids import Ids
from trainer.plays.matrix import DAY_MS, Plays

NOW = 365 * DAY_MS
NONE = np.empty(0, np.int32)
PLAYS, ARTISTS, VENUES = world()


@pytest.fixture(scope="module")
def model() -> Model:
    return fit(PLAYS, ARTISTS, VENUES, NOW, SMALL)


def followed(model: Model) -> tuple[OnlineModel, Ids, Ids]:
    current, artists, venues = OnlineModel(model), Ids(ARTISTS), Ids(VENUES)
    current.artists.follow(artists)
    current.venues.follow(venues)
    return current, artists, venues


def with_play(artist: int, venue: int, shape: tuple[int, int]) -> Plays:
    return Plays(
        np.append(PLAYS.artist, artist).astype(np.int32),
        np.append(PLAYS.venue, venue).astype(np.int32),
        np.append(PLAYS.at_ms, NOW),
        *shape,
    )


def test_new_ids_are_folded_in_as_into_a_model_aligned_to_them(model):
    current, artists, _ = followed(model)
    artists.add_all(["one more", "and another"])
    current.artists.follow(artists)
    plays = with_play(41, 3, (42, 15))

    fold_in(current, plays, rows(41), rows(3))

    aligned = model.aligned(artists.ids, VENUES)
    expected = folded(aligned, plays, rows(41), rows(3))
    assert current.model.artist_ids == artists.ids
    for side in ("artists", "venues"):
        ours, theirs = getattr(current.model, side), getattr(expected, side)
        for name in ("factors", "bias", "fitted"):
            assert np.array_equal(getattr(ours, name), getattr(theirs, name))


def test_room_is_doubled_so_that_ten_thousand_new_ids_copy_little(model):
    current, artists, _ = followed(model)
    moved, where = 0, -1
    for number in range(10_000):
        artists.add_all([f"new {number}"])
        current.artists.follow(artists)
        now = current.artists.side.factors.ctypes.data
        moved, where = moved + (now != where), now

    assert len(current.artists) == 10_040
    assert moved <= 10


def test_vectors_are_rewritten_in_place(model):
    current, *_ = followed(model)
    before = current.venues.side.factors

    fold_in(current, with_play(3, 5, (40, 15)), NONE, rows(5))

    assert np.shares_memory(before, current.venues.side.factors)
    assert not np.array_equal(before[5], model.venues.factors[5])


def test_the_gram_matrix_follows_every_change(model):
    current, *_ = followed(model)
    rng = np.random.default_rng(1)
    for _ in range(300):
        touched = rng.choice(40, 3, replace=False)
        vectors = rng.normal(size=(3, SMALL.factors)).astype(np.float32)
        current.artists.write(touched, vectors, Biases(*np.zeros((3, 3), np.float32)))

    np.testing.assert_allclose(
        current.artists.common.squares, gram(current.artists.side.factors), atol=1e-10
    )


def test_an_error_undoes_what_was_folded_in(model):
    current, *_ = followed(model)
    plays = with_play(3, 5, (40, 15))
    squares = current.artists.common.squares

    def attempt() -> None:
        with current.transaction(rows(3), rows(5)):
            fold_in(current, plays, rows(3), rows(5))
            assert not np.array_equal(current.model.artists.factors, model.artists.factors)
            raise OSError("away")

    with pytest.raises(OSError, match="away"):
        attempt()

    assert np.array_equal(current.model.artists.factors, model.artists.factors)
    assert np.array_equal(current.model.venues.factors, model.venues.factors)
    assert np.array_equal(current.artists.common.squares, squares)


def test_other_ids_are_followed_by_name(model):
    current, *_ = followed(model)

    current.artists.follow(Ids(["unseen", *reversed(ARTISTS)]))

    side = current.artists.side
    assert np.array_equal(side.factors[1:], model.artists.factors[::-1])
    assert not side.factors[0].any()
    np.testing.assert_allclose(current.artists.common.squares, gram(side.factors), atol=1e-10)
