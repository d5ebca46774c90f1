"""A fitted model on disk: arrays, ids and a manifest that vouches for every byte.

No pickle is ever read: arrays are `.npy` without objects, ids are JSON. An artifact appears whole
or not at all: it is written beside its place, flushed to disk, and renamed.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.errors import BadArtifact
from trainer.fingerprints import Fingerprints
from trainer.model import Model, Side
from trainer.settings import Recipe

SCHEMA = 1
_SIDES = ("artists", "venues")
_ARRAYS = ("factors", "bias", "mean", "covariance", "fitted")


@dataclass(frozen=True)
class Artifact:
    """A model, the fingerprints of the plays that it was fitted on, and its manifest."""

    path: Path
    model: Model
    fingerprints: Fingerprints
    manifest: Mapping[str, Any]

    @property
    def hash(self) -> str:
        """SHA-256 over the hashes of all files: the identity of the model."""
        return str(self.manifest["model_hash"])


def save(directory: Path, model: Model, prints: Fingerprints, facts: Mapping[str, Any]) -> None:
    """Write an artifact to `directory`, which must not exist yet.

    Args:
        directory: its final place; appears by a rename.
        model: what to store.
        prints: of the plays that it was fitted on, rows as in the model.
        facts: what else the manifest tells: store_version, offsets, counts, created_at.
    """
    draft = directory.with_name(f".{directory.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    hashes = _write_files(draft, model, prints)
    _write(draft / "manifest.json", _json(_manifest(model, facts, hashes)))
    _sync(draft)
    draft.rename(directory)
    _sync(directory.parent)


def load(directory: Path) -> Artifact:
    """Read an artifact and check every file against its manifest.

    Raises:
        BadArtifact: a file is missing, altered, or of another schema.
    """
    try:
        return _load(directory)
    except (OSError, ValueError, KeyError) as error:
        raise BadArtifact(
            f"{directory} is no readable artifact ({error}); remove that folder and train again"
        ) from error


def _load(directory: Path) -> Artifact:
    manifest = json.loads((directory / "manifest.json").read_bytes())
    if manifest["schema"] != SCHEMA:
        raise ValueError(f"schema {manifest['schema']}, this version reads {SCHEMA}")
    for name, digest in manifest["files"].items():
        if _digest((directory / name).read_bytes()) != digest:
            raise ValueError(f"{name} is not what the manifest vouches for")
    sides = {side: _read_side(directory, side, manifest[side]) for side in _SIDES}
    model = Model(
        **sides,
        artist_ids=json.loads((directory / "artists.json").read_bytes()),
        venue_ids=json.loads((directory / "venues.json").read_bytes()),
        as_of_ms=manifest["as_of_ms"],
        recipe=Recipe.model_validate(manifest["recipe"]),
    )
    prints = Fingerprints(*(_read_array(directory, f"{side}_fingerprints") for side in _SIDES))
    return Artifact(directory, model, prints, manifest)


def _write_files(draft: Path, model: Model, prints: Fingerprints) -> dict[str, str]:
    """All files but the manifest. Returns their SHA-256 by name."""
    arrays = {f"{side}_fingerprints": getattr(prints, side) for side in _SIDES}
    for side in _SIDES:
        for field in _ARRAYS:
            arrays[f"{side}_{field}"] = getattr(getattr(model, side), field)
    for name, array in arrays.items():
        np.save(draft / f"{name}.npy", array, allow_pickle=False)
    _write(draft / "artists.json", _json(model.artist_ids))
    _write(draft / "venues.json", _json(model.venue_ids))
    return {path.name: _sealed(path) for path in sorted(draft.iterdir())}


def _manifest(model: Model, facts: Mapping[str, Any], hashes: Mapping[str, str]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "model_hash": _digest(_json(hashes)),
        "as_of_ms": model.as_of_ms,
        "recipe": model.recipe.model_dump(mode="json"),
        **{side: _scalars(getattr(model, side)) for side in _SIDES},
        **facts,
        "files": hashes,
    }


def _scalars(side: Side) -> dict[str, float]:
    return {
        "popularity_mean": side.popularity_mean,
        "popularity_std": side.popularity_std,
    }


def _read_side(directory: Path, side: str, scalars: Mapping[str, float]) -> Side:
    held: dict[str, Any] = {**scalars}
    held |= {field: _read_array(directory, f"{side}_{field}") for field in _ARRAYS}
    return Side(**held)


def _read_array(directory: Path, name: str) -> NDArray[Any]:
    array: NDArray[Any] = np.load(directory / f"{name}.npy", allow_pickle=False)
    return array


def _json(value: Any) -> bytes:  # noqa: ANN401 - whatever JSON can say
    return json.dumps(value, ensure_ascii=False, indent=1).encode()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _sealed(path: Path) -> str:
    _sync(path)
    return _digest(path.read_bytes())


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
