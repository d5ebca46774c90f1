"""`gigstream tune` as a user runs it, and what a recipe file does to the settings."""

import json
from pathlib import Path

import pytest

from gigstream.cli import run
from gigstream.settings import load, origins
from operations.status import _recipe
from support.data.gigs import world


@pytest.fixture
def events(tmp_path) -> Path:
    plays, artists, venues = world(n_artists=200, n_plays=3000)
    days = (plays.at_ms // 86_400_000).astype("datetime64[D]").astype(str)
    rows = zip(plays.artist.tolist(), plays.venue.tolist(), days.tolist(), strict=True)
    lines = [f"{artists[artist]},{venues[venue]},{day}" for artist, venue, day in rows]
    (tmp_path / "gigs.csv").write_text("artist_id,venue_id,date\n" + "\n".join(lines) + "\n")
    return tmp_path / "gigs.csv"


def tuned(events: Path, capsys: pytest.CaptureFixture, *more: str) -> dict:
    out = events.parent / "recipe.json"
    fast = ("--setting", "factors=16", "--setting", "iterations=2", "--setting", "threads=1")
    assert run(["tune", str(events), "--out", str(out), "--json", *fast, *more]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_the_file_is_what_is_told_and_the_same_call_continues_it(events, capsys):
    first = tuned(events, capsys, "--trials", "2")

    written = json.loads((events.parent / "recipe.json").read_text())
    assert {"path": str(events.parent / "recipe.json"), **written} == first
    assert first["evidence"]["windows"]["trials"] == 2
    assert tuned(events, capsys, "--trials", "3")["evidence"]["windows"]["trials"] == 3


def test_without_a_store_and_without_a_file_the_remedy_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GIGSTREAM_HOME", str(tmp_path / "home"))

    assert run(["tune"]) == 2
    assert "holds no plays yet; run `gigstream import FILE`" in capsys.readouterr().err


@pytest.fixture
def recipe(events, capsys, monkeypatch) -> Path:
    tuned(events, capsys, "--trials", "1", "--setting", "alpha=17")
    monkeypatch.setenv("GIGSTREAM_RECIPE_FILE", str(events.parent / "recipe.json"))
    return events.parent / "recipe.json"


def test_a_recipe_file_wins_over_defaults_and_loses_to_file_and_environment(recipe, monkeypatch):
    assert (load().alpha, load().factors) == (17, 16)
    assert origins(load())["alpha"] == str(recipe)
    Path("gigstream.toml").write_text("alpha = 18\n")
    assert (load().alpha, load().factors) == (18, 16)
    monkeypatch.setenv("GIGSTREAM_ALPHA", "19")
    assert (load().alpha, load().factors) == (19, 16)


def test_the_settings_file_may_name_it(recipe, monkeypatch):
    monkeypatch.delenv("GIGSTREAM_RECIPE_FILE")
    Path("gigstream.toml").write_text(f'recipe_file = "{recipe}"\n')

    assert load().alpha == 17


def test_status_asks_to_tune_again_when_the_plays_have_doubled(recipe):
    assert _recipe(load(), 6000)["tune_again"] is None
    assert _recipe(load(), 7000)["tune_again"].startswith("7,000 plays count now, 3,2")


def test_without_a_recipe_file_there_is_nothing_to_tell():
    assert _recipe(load(), 7000) is None


def test_a_recipe_file_that_is_gone_is_one_line_with_the_remedy(monkeypatch, capsys):
    monkeypatch.setenv("GIGSTREAM_RECIPE_FILE", "gone.json")

    assert run(["status"]) == 2
    assert "recipe_file: gone.json cannot be read" in capsys.readouterr().err
