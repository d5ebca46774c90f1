"""A cold fit's first vectors come from the ids, not from their rows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trainer.model.initial import initial
from trainer.plays.hashing import keys

IDS = [f"artist-{number}" for number in range(500)]


def drawn(ids: list[str], seed: int = 1, side: str = "artist") -> np.ndarray:
    return initial(ids, seed=seed, side=side, factors=16)


@given(ids=st.lists(st.sampled_from(IDS), unique=True, min_size=1))
def test_an_id_draws_the_same_vector_in_any_row_and_any_company(ids):
    everybody = dict(zip(IDS, drawn(IDS), strict=True))

    for name, vector in zip(ids, drawn(ids), strict=True):
        assert np.array_equal(vector, everybody[name])


def test_seed_side_and_id_each_change_the_vector():
    first = drawn(["a"])

    assert not np.array_equal(first, drawn(["a"], seed=2))
    assert not np.array_equal(first, drawn(["a"], side="venue"))
    assert not np.array_equal(first, drawn(["b"]))


def test_vectors_are_uniform_between_0_and_a_hundredth_as_implicit_draws_them():
    values = drawn(IDS).ravel()

    assert values.dtype == np.float32
    assert 0 <= values.min() <= values.max() < np.float32(0.01)
    assert np.histogram(values, 10, (0, 0.01))[0].min() > 650  # of 800 expected
    assert abs(np.corrcoef(drawn(IDS), rowvar=False) - np.eye(16)).max() < 0.2


def test_the_draw_is_the_same_on_every_machine_and_in_every_release():
    assert keys(["a", "é"], seed=1, side="artist").tolist() == [
        15536538266755625915,
        3315621773448588843,
    ]
    assert drawn(["a"])[0, :2].tolist() == [0.0018355720676481724, 0.004849250428378582]


def test_nobody_draws_nothing():
    assert drawn([]).shape == (0, 16)
