"""Frames of a file of gigs: the lists, plays and figures that gigstream has, as DataFrames."""

import json
from datetime import UTC, datetime

import joblib
import numpy as np
import pandas as pd
import pytest

from consumer.imports.files import BadFile, Columns
from gigstream import frames
from gigstream.errors import WrongUse
from support.data.indistreet import EVENTS
from support.processes.commands import gigstream
from support.processes.published import HEAD, ROWS
from trainer.errors import NothingToFit

LIST = ["name", "score", "already_liked", "plays", "source"]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    found = tmp_path_factory.mktemp("events") / "gigs.csv"
    found.write_text("\n".join([HEAD, *ROWS]))
    return found


@pytest.fixture(scope="module")
def events(path):
    return pd.read_csv(path, dtype="string")


@pytest.fixture(scope="module")
def gigs(path):
    return frames.fit(path, factors=8)


def test_an_artist_gets_venues_that_it_has_not_played(gigs, events):
    found = gigs.venues("a7", n=5)
    played = set(events.loc[events["artist_id"] == "a7", "venue_id"])

    assert list(found.columns) == ["artist", "venue", *LIST]
    assert found["artist"].tolist() == ["a7"] * 5
    assert not played & set(found["venue"])
    assert not found["already_liked"].any()
    assert found["score"].is_monotonic_decreasing
    assert found["name"].tolist() == [f"Hall {venue[1:]}" for venue in found["venue"]]
    assert set(found["source"]) == {"model"}


def test_with_returns_it_is_marked_which_venues_it_has_played(gigs, events):
    found = gigs.venues("a7", n=20, returns=True)
    played = events[events["artist_id"] == "a7"].groupby("venue_id").size()

    assert set(found.loc[found["already_liked"], "venue"]) == set(played.index)
    assert found.set_index("venue")["plays"].loc[played.index].tolist() == played.tolist()


def test_a_venue_gets_artists_who_have_not_played_it(gigs, events):
    found = gigs.artists("v3", n=7)

    assert list(found.columns) == ["venue", "artist", *LIST]
    assert len(found) == 7
    assert not set(events.loc[events["venue_id"] == "v3", "artist_id"]) & set(found["artist"])


def test_several_get_a_list_each_in_their_order(gigs):
    several = gigs.venues(["a9", "a2"], n=3)
    one_by_one = pd.concat([gigs.venues("a9", n=3), gigs.venues("a2", n=3)], ignore_index=True)

    pd.testing.assert_frame_equal(several, one_by_one)


def test_an_unknown_id_gets_the_popular_list(gigs):
    for found in (gigs.venues("unknown"), gigs.artists("nowhere")):
        assert len(found) == 10
        assert set(found["source"]) == {"popular"}


def test_no_list_has_the_columns_of_all_lists(gigs):
    nothing, something = gigs.venues([]), gigs.venues("a7")

    assert nothing.empty
    assert nothing.dtypes.equals(something.dtypes)


def test_fewer_than_one_is_refused(gigs):
    with pytest.raises(ValueError, match="ask for 1 or more"):
        gigs.venues("a7", n=0)


def test_the_plays_are_the_events_counted(gigs, events):
    grouped = events.groupby(["artist_id", "venue_id"])["date"]
    wanted = grouped.agg(["size", "min", "max"]).reset_index()

    found = gigs.plays.sort_values(["artist", "venue"], ignore_index=True)

    assert found["artist"].tolist() == wanted["artist_id"].tolist()
    assert found["venue"].tolist() == wanted["venue_id"].tolist()
    assert found["plays"].tolist() == wanted["size"].tolist()
    assert found["first"].dt.strftime("%Y-%m-%d").tolist() == wanted["min"].tolist()
    assert found["last"].dt.strftime("%Y-%m-%d").tolist() == wanted["max"].tolist()


def test_the_matrix_holds_the_plays_in_the_order_of_the_ids(gigs):
    row, column = gigs.artist_ids.get_loc("a7"), gigs.venue_ids.get_loc("v9")
    pair = gigs.plays.query("artist == 'a7' and venue == 'v9'")

    assert gigs.counts[row, column] == pair["plays"].item() == 4
    assert gigs.counts.shape == (len(gigs.artist_ids), len(gigs.venue_ids)) == (40, 20)


def test_similar_ones_come_with_names_and_without_the_one_asked(gigs):
    found = gigs.similar_artists("a7", n=4)

    assert list(found.columns) == ["artist", "similar_artist", "name", "similarity"]
    assert len(found) == 4
    assert "a7" not in set(found["similar_artist"])
    assert found["similarity"].is_monotonic_decreasing
    assert gigs.similar_venues("v3")["name"].str.startswith("Hall").all()


def test_nothing_is_similar_to_an_unknown_id(gigs):
    with pytest.raises(WrongUse, match="no venue has the id 'nowhere'; take one of `venue_ids`"):
        gigs.similar_venues("nowhere")


def test_the_figures_are_those_of_the_command(gigs, path):
    found = gigs.evaluate(splits=[0.8, 0.7])
    arguments = ["--split", "0.8", "--split", "0.7", "--setting", "factors=8", "--json"]
    report = gigstream("evaluate", path, *arguments).data

    row = found.query("split == 0.7 and side == 'venue' and view == 'returns' and ranking == 'als'")
    cell = report["splits"]["0.7"]["models"]["als"]["venue_to_artist"]["returns"]
    assert row["ndcg10"].item() == cell["ndcg10"]
    assert [row["mrr10_low"].item(), row["mrr10_high"].item()] == cell["interval"]["mrr10"]
    assert set(found["ranking"]) == set(report["models"])
    # Every artist is seen before the cut: a view without subjects has no figures.
    assert found.loc[found["subjects"] == 0, "ndcg10"].isna().all()
    assert (found["subjects"] == 0).any()


def test_the_weights_are_those_of_the_score(gigs):
    assert set(gigs.weights.columns) == {"artists", "venues"}
    assert gigs.weights.loc["mates", "venues"] == 0
    assert gigs.weights.loc["als", "artists"] > 0


def test_the_export_is_read_by_the_library_alone(gigs, tmp_path):
    ids = gigs.export(tmp_path / "model.joblib")
    model = joblib.load(tmp_path / "model.joblib")

    assert model.user_factors.shape == (40, 8)
    assert len(json.loads(ids.read_text())["venue_ids"]) == 20


def test_a_data_frame_is_as_good_as_a_file(gigs, events):
    renamed = events.rename(columns={"artist_id": "who", "venue_id": "where"})
    renamed["date"] = pd.to_datetime(renamed["date"])

    found = frames.fit(renamed, columns=Columns(artist="who", venue="where"), factors=8)

    pd.testing.assert_frame_equal(found.venues("a7"), gigs.venues("a7"))


def test_an_invalid_row_is_named(events):
    events = events.copy()
    events.loc[3, "venue_id"] = ""

    with pytest.raises(BadFile, match="row 4, column 'venue_id': '' is empty; every row needs"):
        frames.fit(events)


def test_no_gigs_at_all_are_refused(events):
    with pytest.raises(NothingToFit, match="give a file with at least one row"):
        frames.fit(events[:0])


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"factor": 8}, "factor: not a setting of the fit; these are: engine, factors"),
        ({"factors": 0}, "factors=0: Input should be greater than or equal to 1; correct it"),
    ],
)
def test_a_setting_that_cannot_be_is_named(path, setting, said):
    with pytest.raises(WrongUse, match=said):
        frames.fit(path, **setting)


def test_a_gig_ahead_of_today_does_not_move_the_date_from_which_plays_age(events):
    ahead = events.copy()
    ahead.loc[0, "date"] = "2999-01-01"
    gigs = frames.fit(ahead, factors=8)

    assert gigs.plays["last"].max() == pd.Timestamp("2999-01-01")
    assert gigs._content.model.as_of_ms <= datetime.now(UTC).timestamp() * 1000


def test_real_gigs_have_lists_with_names():
    gigs = frames.fit(EVENTS, factors=8, iterations=2)

    assert np.isfinite(gigs.venues("59")["score"]).all()
    assert gigs.artists("489")["name"].notna().all()
