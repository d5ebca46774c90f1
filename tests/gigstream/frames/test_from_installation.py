"""Frames of an installation on real servers: what apps read, and what the store holds."""

import pandas as pd
import pytest

from gigstream import frames
from gigstream.errors import WrongUse
from serving.errors import NotPublished
from support.processes.commands import gigstream
from support.processes.published import published


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("installation")


@pytest.fixture(scope="module")
def variables(folder, kafka, redis_server):
    return published(folder, kafka, redis_server)


@pytest.fixture(autouse=True)
def installation(bare, variables, monkeypatch):
    """Makes those settings this process's own."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_a_list_is_the_one_that_the_command_shows():
    shown = gigstream("artist", "a7", "--returns", "--json").data["items"]

    found = frames.live().venues("a7", returns=True)

    assert found["venue"].tolist() == [item["id"] for item in shown]
    assert found["score"].tolist() == [item["score"] for item in shown]
    assert found["plays"].tolist() == [item["plays"] for item in shown]
    assert found["name"].tolist() == [item["name"] for item in shown]


def test_published_lists_are_those_of_a_fit_on_the_same_file(folder):
    live, fitted = frames.live(), frames.fit(folder / "gigs.csv")
    artists, venues = sorted(live.artist_ids), sorted(live.venue_ids)

    # Published scores have five digits.
    for returns in (False, True):
        pd.testing.assert_frame_equal(
            live.venues(artists, returns=returns),
            fitted.venues(artists, returns=returns),
            rtol=1e-4,
            atol=1e-4,
        )
    pd.testing.assert_frame_equal(
        live.artists(venues), fitted.artists(venues), rtol=1e-4, atol=1e-4
    )
    pd.testing.assert_frame_equal(live.weights, fitted.weights)


def test_plays_and_similar_ones_come_from_the_store(folder):
    live, fitted = frames.live(), frames.fit(folder / "gigs.csv")
    order = ["artist", "venue"]

    pd.testing.assert_frame_equal(
        live.plays.sort_values(order, ignore_index=True),
        fitted.plays.sort_values(order, ignore_index=True),
    )
    assert live.similar_artists("a7")["name"].notna().all()


def test_the_quality_of_the_stored_gigs_is_measured():
    found = frames.live().evaluate(splits=[0.8])

    assert {"live", "als", "notebook"} <= set(found["ranking"])
    assert found.query("view == 'returns'")["ndcg10"].between(0, 1).all()


def test_before_anything_is_published_the_error_names_the_remedy(monkeypatch, tmp_path):
    monkeypatch.setenv("GIGSTREAM_REDIS_PREFIX", "nothing-here")
    monkeypatch.setenv("GIGSTREAM_HOME", str(tmp_path / "empty"))
    live = frames.live()

    with pytest.raises(NotPublished, match="run `gigstream train --once`"):
        live.venues("a7")
    with pytest.raises(WrongUse, match="has no model yet; run `gigstream train --once` first"):
        _ = live.plays
