"""A fitted model on disk: arrays, ids, and a manifest with the SHA-256 of every file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from consumer.ids.quarantines import Quarantines
from trainer.errors import BadArtifact
from trainer.model.fit import PER_ROW, Model, SideModel
from trainer.plays.fingerprints import Fingerprints
from trainer.plays.matrix import csr
from trainer.recipe import Recipe, Weights
from trainer.registry import sealed

SCHEMA = 3
_WITHOUT_YEARLY = 2
"""The schema before: popularity over the year was not known then, and had no weight."""
_SIDES = ("artists", "venues")
_ARRAYS = (*PER_ROW, "mean", "covariance")
_SCALARS = (
    "popularity_mean",
    "popularity_std",
    "yearly_mean",
    "yearly_std",
    "liveness_mean",
    "liveness_std",
)
_WALK = ("data", "indices", "indptr")


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

    @property
    def quarantined(self) -> Quarantines:
        """The sources that the model was fitted without."""
        known: Quarantines = self.manifest.get("quarantined", {})
        return known


def save(
    directory: Path,
    model: Model,
    prints: Fingerprints,
    facts: Mapping[str, Any],
    extra: Mapping[str, NDArray[Any]] | None = None,
) -> None:
    """Write an artifact to `directory`, which must not exist yet.

    Args:
        directory: its final place; appears by a rename.
        model: what to store.
        prints: of the plays that it was fitted on, rows as in the model.
        facts: further fields of the manifest: store_version, offsets, counts, created_at.
        extra: further arrays, which `load` leaves on disk.
    """
    arrays = dict(extra or {}) | {f"{side}_fingerprints": getattr(prints, side) for side in _SIDES}
    for side in _SIDES:
        arrays |= {f"{side}_{name}": getattr(getattr(model, side), name) for name in _ARRAYS}
    arrays |= {f"walk_{part}": getattr(model.walk, part) for part in _WALK}
    weights = {side: dict(each) for side, each in model.weights._asdict().items()}
    tables = {"artists": model.artist_ids, "venues": model.venue_ids, "weights": weights}
    sealed.save(directory, arrays, tables, lambda hashes: _manifest(model, facts, hashes))


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
    manifest = sealed.manifest(directory)  # first: nothing is read that was altered
    if manifest["schema"] not in (_WITHOUT_YEARLY, SCHEMA):
        raise ValueError(f"schema {manifest['schema']}, this version reads {SCHEMA}")
    artists, venues = (_side(directory, side, manifest) for side in _SIDES)
    model = Model(
        artists=artists,
        venues=venues,
        artist_ids=sealed.table(directory, "artists"),
        venue_ids=sealed.table(directory, "venues"),
        as_of_ms=manifest["as_of_ms"],
        recipe=Recipe.model_validate(manifest["recipe"]),
        weights=Weights(**sealed.table(directory, "weights")),
        walk=_walk(directory),
    )
    prints = (sealed.array(directory, f"{side}_fingerprints") for side in _SIDES)
    return Artifact(directory, model, Fingerprints(*prints), manifest)


def _walk(directory: Path) -> csr_matrix:
    values, columns, indptr = (sealed.array(directory, f"walk_{part}") for part in _WALK)
    return csr(values, columns, indptr, (len(indptr) - 1, len(indptr) - 1))


def _side(directory: Path, side: str, manifest: Mapping[str, Any]) -> SideModel:
    # A roll-back may ask for a model that an earlier version made.
    left_out = {"yearly"} if manifest["schema"] == _WITHOUT_YEARLY else set()
    names = [name for name in _ARRAYS if name not in left_out]
    arrays = {name: sealed.array(directory, f"{side}_{name}") for name in names}
    held: dict[str, Any] = {**manifest[side], **arrays}
    return SideModel(**held)


def _manifest(model: Model, facts: Mapping[str, Any], hashes: sealed.Hashes) -> dict[str, Any]:
    sides = {side: getattr(model, side) for side in _SIDES}
    return {
        "schema": SCHEMA,
        "model_hash": sealed.digest(sealed.as_json(hashes)),
        "as_of_ms": model.as_of_ms,
        "recipe": model.recipe.model_dump(mode="json"),
        **{name: {key: getattr(side, key) for key in _SCALARS} for name, side in sides.items()},
        **facts,
    }
