"""Artifacts: whole or absent, and vouched for byte by byte."""

import json
from dataclasses import replace

import numpy as np
import pytest

from support.data.gigs import SMALL, world
from trainer.errors import BadArtifact
from trainer.model.fit import PER_ROW, fit
from trainer.plays.fingerprints import fingerprints
from trainer.plays.ids import Ids
from trainer.plays.matrix import DAY_MS
from trainer.recipe import Weights
from trainer.registry import artifact
from trainer.registry.artifact import _SCALARS, load, save


@pytest.fixture
def saved(tmp_path):
    plays, artists, venues = world()
    model = fit(plays, artists, venues, 365 * DAY_MS, SMALL)
    prints = fingerprints(plays, Ids(artists), Ids(venues))
    save(tmp_path / "gen-1", model, prints, {"generation": 1, "counts": {"plays": len(plays)}})
    return tmp_path / "gen-1", model, prints


def test_what_was_saved_comes_back_bit_for_bit(saved):
    path, model, prints = saved

    found = load(path)

    for side in ("artists", "venues"):
        mine, theirs = getattr(model, side), getattr(found.model, side)
        for field in (*PER_ROW, "mean", "covariance"):
            np.testing.assert_array_equal(getattr(mine, field), getattr(theirs, field))
        for field in _SCALARS:
            assert getattr(mine, field) == getattr(theirs, field)
        np.testing.assert_array_equal(getattr(prints, side), getattr(found.fingerprints, side))
    assert found.model.artist_ids == model.artist_ids
    assert found.model.recipe == model.recipe
    assert found.model.weights == model.weights
    assert (found.model.walk != model.walk).nnz == 0
    assert found.manifest["counts"] == {"plays": 340}


def test_other_weights_make_another_model(saved, tmp_path):
    path, model, prints = saved
    other = replace(model, weights=Weights({"own": 1.0}, {"als": 2.0}))

    save(tmp_path / "other", other, prints, {})

    assert load(tmp_path / "other").model.weights == other.weights
    assert load(tmp_path / "other").hash != load(path).hash


def test_equal_models_have_equal_hashes_and_others_do_not(saved, tmp_path):
    path, model, prints = saved
    save(tmp_path / "again", model, prints, {"generation": 2})
    plays, artists, venues = world(seed=8)
    other = fit(plays, artists, venues, 365 * DAY_MS, SMALL)
    save(tmp_path / "other", other, fingerprints(plays, Ids(artists), Ids(venues)), {})

    assert load(tmp_path / "again").hash == load(path).hash
    assert load(tmp_path / "other").hash != load(path).hash


def test_a_model_from_before_the_yearly_popularity_is_read_with_none(tmp_path, monkeypatch):
    plays, artists, venues = world()
    model = fit(plays, artists, venues, 365 * DAY_MS, SMALL)
    monkeypatch.setattr(artifact, "SCHEMA", 2)
    monkeypatch.setattr(artifact, "_ARRAYS", tuple(n for n in artifact._ARRAYS if n != "yearly"))
    save(tmp_path / "old", model, fingerprints(plays, Ids(artists), Ids(venues)), {})
    monkeypatch.undo()

    found = load(tmp_path / "old").model

    np.testing.assert_array_equal(found.venues.bias, model.venues.bias)
    assert not found.venues.yearly.any()


@pytest.mark.parametrize("name", ["artists_factors.npy", "venues.json", "venues_fingerprints.npy"])
def test_a_file_that_was_altered_is_refused_by_name(saved, name):
    path, _, _ = saved
    content = bytearray((path / name).read_bytes())
    content[-3] ^= 1
    (path / name).write_bytes(content)

    with pytest.raises(BadArtifact, match=name):
        load(path)


@pytest.mark.parametrize("damage", ["unlink", "tear", "schema"])
def test_a_manifest_that_cannot_vouch_is_refused_with_the_remedy(saved, damage):
    path, _, _ = saved
    manifest = path / "manifest.json"
    if damage == "unlink":
        manifest.unlink()
    elif damage == "tear":
        manifest.write_bytes(manifest.read_bytes()[:40])
    else:
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"schema": 99}))

    with pytest.raises(BadArtifact, match="train again"):
        load(path)
