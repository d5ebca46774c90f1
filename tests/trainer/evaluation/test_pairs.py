"""Pairs that are held out leave every artist and venue one to be known by."""

import numpy as np

from support.data.gigs import world
from trainer.evaluation.pairs import held_out, is_undated
from trainer.evaluation.splits import Gigs
from trainer.plays.matrix import Plays

PLAYS, ARTISTS, VENUES = world(n_artists=100, n_plays=1500)
UNDATED = Plays(PLAYS.artist, PLAYS.venue, np.zeros(len(PLAYS), np.int64), *PLAYS.shape)
GIGS = Gigs(UNDATED, ARTISTS, VENUES)


def pairs(plays: Plays) -> set[tuple[int, int]]:
    return set(zip(plays.artist.tolist(), plays.venue.tolist(), strict=True))


def test_a_share_of_the_pairs_is_held_out_and_in_no_train_play():
    parts = held_out(GIGS, 0.2, seed=1)

    train, later = pairs(parts.train), pairs(parts.later)
    assert train | later == pairs(UNDATED)
    assert not train & later
    assert len(later) == len(parts.later) == int(0.2 * len(pairs(UNDATED)))


def test_every_artist_and_venue_keeps_a_pair_even_if_most_are_asked_for():
    parts = held_out(GIGS, 0.99, seed=1)

    assert (parts.train.per_artist > 0).all()
    assert (parts.train.per_venue > 0).all()


def test_the_seed_decides():
    one, two, other = (pairs(held_out(GIGS, 0.2, seed).later) for seed in (1, 1, 2))

    assert one == two != other


def test_plays_of_one_date_are_undated():
    assert is_undated(UNDATED)
    assert not is_undated(PLAYS)
    assert not is_undated(Plays(*(np.empty(0, np.int32),) * 2, np.empty(0, np.int64), 0, 0))
