"""The live model, beside a trainer at work: what it keeps is what a fresh start has."""

import time

import numpy as np
import pytest

from consumer.errors import StoreDamaged
from support.processes.running import until
from support.processes.training import Training
from trainer.live.generation import Generation
from web.errors import NotReady, UnknownId
from web.live.likeness import alike
from web.live.model import LiveModel
from web.live.ranking import Asked, known_subject, ranked
from web.settings import ApiSettings

SIDES = {"artist": "venues", "venue": "artists"}


@pytest.fixture
def training(tmp_path, redis_server, prefix):
    with Training(tmp_path, redis_server, prefix) as made:
        yield made


def live_model(training) -> LiveModel:
    """A model that has followed so far."""
    live = LiveModel(ApiSettings(home=training.commands.home))
    # The trainer names the live model in its registry after the lists are in Redis.
    until(lambda: is_ready(live))
    return live


def is_ready(live) -> bool:
    live.follow(time.monotonic())
    try:
        with live.reading():
            return True
    except NotReady:
        return False


def candidates(state, side) -> dict[str, list[float]]:
    """The kept vectors by id."""
    pool = state.pools[side]
    ids = [pool.targets.ids[row] for row in pool.candidates.rows.tolist()]
    return dict(zip(ids, pool.candidates.factors.tolist(), strict=True))


def assert_kept_is_current(live) -> None:
    """What is kept of candidates is what the model has now."""
    with live.reading() as state:
        for side, name in SIDES.items():
            pool = state.pools[side]
            kept, current = pool.candidates, getattr(state.generation.model, name)
            rows = pool.plays.transposed().active_rows(pool.targets.ids)
            assert kept.rows.tolist() == rows.tolist()
            for array in ("factors", "bias", "yearly", "liveness"):
                np.testing.assert_array_equal(getattr(kept, array), getattr(current, array)[rows])
            assert kept.index[rows].tolist() == list(range(len(rows)))
            assert len(kept.index) == len(pool.targets.ids)


def test_what_is_kept_follows_each_commit(training):
    training.published()
    live = live_model(training)
    assert_kept_is_current(live)
    with live.reading() as state:
        before = candidates(state, "artist")
    steps = [
        lambda: training.book(("n1", "artist-1", "venue-9"), ("n2", "artist-2", "venue-9")),
        lambda: training.book(("n3", "new artist", "venue-3")),
        lambda: training.book(("n4", "artist-3", "new venue")),
        lambda: training.cancel("n4"),
    ]
    for step in steps:
        step()
        live.follow(time.monotonic())
        assert_kept_is_current(live)
    with live.reading() as state, live_model(training).reading() as fresh:
        for side in SIDES:
            assert candidates(state, side).keys() == candidates(fresh, side).keys()
        assert state.tag == fresh.tag
        assert candidates(state, "artist")["venue-9"] != before["venue-9"]
        assert candidates(state, "artist")["venue-1"] == before["venue-1"]


def test_another_generation_takes_over(training):
    training.published()
    live = live_model(training)
    with live.reading() as state:
        number = state.generation.number
    training.book(("n1", "artist-1", "venue-9"))
    with training.refit() as asked:
        until(asked.answer)
    live.follow(time.monotonic())

    with live.reading() as state:
        assert state.generation.number > number
    assert_kept_is_current(live)


def test_what_was_read_is_folded_in_though_the_facts_could_not_be(training, monkeypatch):
    training.published()
    live = live_model(training)
    training.book(("n1", "artist-1", "venue-new"))
    with monkeypatch.context() as patched:
        patched.setattr(live._facts, "follow", unreadable)
        with pytest.raises(StoreDamaged):
            live.follow(time.monotonic())
    live.follow(time.monotonic())

    assert_kept_is_current(live)
    with live.reading() as state:
        assert "venue-new" in candidates(state, "artist")


def test_it_stays_ready_while_another_generation_takes_over(training, monkeypatch):
    training.published()
    live = live_model(training)
    with training.refit() as asked:
        until(asked.answer)
    seen = []
    fold = Generation.fold
    monkeypatch.setattr(
        Generation, "fold", lambda *given: (seen.append(live.is_ready), fold(*given))
    )
    live.follow(time.monotonic())

    assert seen
    assert all(seen)


def unreadable():
    raise StoreDamaged("store", "a file is missing")


def test_a_quarantined_source_counts_here_neither(training):
    training.published()
    training.flood("liar", ("l1", "artist-1", "invented"))
    live = live_model(training)
    with live.reading() as state:
        assert "invented" in candidates(state, "artist")
    assert training.commands.run("source", "quarantine", "liar", "--yes").returncode == 0
    live.follow(time.monotonic())

    assert_kept_is_current(live)
    with live.reading() as state:
        assert "invented" not in candidates(state, "artist")


def test_an_erased_id_is_gone(training):
    training.published()
    live = live_model(training)
    assert training.commands.run("erase", "artist", "artist-4", "--yes").returncode == 0
    until(lambda: not _is_known(live, "artist-4"))

    assert_kept_is_current(live)
    with live.reading() as state, pytest.raises(UnknownId):
        state.row("artist", "artist-4")


def test_a_hidden_venue_is_in_no_list_and_among_no_similar_ones(training):
    training.published()
    live = live_model(training)
    assert "venue-9" in shown(live)
    assert training.commands.run("hide", "venue", "venue-9").returncode == 0
    until(lambda: is_ready(live) and "venue-9" not in shown(live))
    with live.reading() as state:
        assert "venue-9" in candidates(state, "artist")
    assert training.commands.run("show", "venue", "venue-9").returncode == 0
    until(lambda: is_ready(live) and "venue-9" in shown(live))


def shown(live) -> set[str]:
    """Every venue of the longest list of an artist, with those played, and of the similar ones."""
    with live.reading() as state:
        pool = state.pools["artist"]
        asked = Asked(n=1_000, returns=True)
        row = state.row("artist", "artist-1")
        listed = {item.id for item in ranked(pool, known_subject(pool, row), asked, state.columns)}
        similar = {each.id for each in alike(state, "venue", "venue-1", 1_000)}
    assert ("venue-9" in listed) == ("venue-9" in similar)
    return listed


def _is_known(live, identity) -> bool:
    live.follow(time.monotonic())
    try:
        with live.reading() as state:
            return identity in candidates(state, "venue")
    except NotReady:
        return True


def test_nothing_published_is_not_ready(tmp_path):
    live = LiveModel(ApiSettings(home=tmp_path))
    live.follow(0.0)

    assert not live.is_ready
    with pytest.raises(NotReady, match="gigstream train"), live.reading():
        pass
