"""Where venues are, and the views that ask for venues near those that an artist has played.

near       as `known`, but candidates and targets lie within RADIUS_KM of a venue that the
           artist has played before the cut; venues without coordinates are left out
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.spatial import KDTree

from trainer.errors import BadPlaces
from trainer.evaluation.splits import View

RADIUS_KM = 50.0
MOST_CELLS = 50_000_000
"""Subjects x candidates: the first subjects are taken where there are more."""
_EARTH_KM = 6371.0
_NAMES = {
    "venue_id": ("venue_id", "venue", "id"),
    "lat": ("lat", "latitude"),
    "lng": ("lng", "lon", "long", "longitude"),
}

Places = dict[str, tuple[float, float]]
"""Latitude and longitude in degrees, by venue id."""


def read_places(path: Path) -> Places:
    """The coordinates in a CSV or TSV file with columns `venue_id`, `lat` and `lng`.

    Raises:
        BadPlaces: it cannot be read, or a column is missing.
    """
    try:
        table = pd.read_csv(path, sep=None, engine="python", dtype=str)
    except (OSError, ValueError) as error:
        raise BadPlaces(f"{path} cannot be read: {error}; give a CSV file of venues") from None
    table.columns = [str(name).strip().lower() for name in table.columns]
    identity, lat, lng = (table[_column(path, table, ours)] for ours in _NAMES)
    degrees = [pd.to_numeric(each, errors="coerce").to_numpy(float) for each in (lat, lng)]
    known = np.isfinite(degrees[0]) & np.isfinite(degrees[1])
    cells = zip(identity[known], degrees[0][known], degrees[1][known], strict=True)
    return {str(name).strip(): (float(north), float(east)) for name, north, east in cells}


def near(view: View, venue_ids: list[str], places: Places) -> View:
    """The view of nearby venues.

    Args:
        view: `known` of venues for artists.
        venue_ids: by row.
        places: of venues.
    """
    kept = slice(max(1, MOST_CELLS // max(len(view.candidates), 1)))
    reached = _reached(view, kept, venue_ids, places)
    targets = csr_matrix(view.targets[kept].multiply(reached))
    targets.eliminate_zeros()
    asked = np.flatnonzero(np.diff(targets.indptr))
    # What is out of reach is masked like what was played: the ranking then has only the rest.
    closed = csr_matrix(~reached[asked])
    masked = closed if view.masked is None else (closed + view.masked[kept][asked]).astype(bool)
    return replace(
        view,
        name="near",
        subjects=view.subjects[kept][asked],
        targets=targets[asked],
        masked=csr_matrix(masked),
    )


def _reached(view: View, kept: slice, venue_ids: list[str], places: Places) -> NDArray[np.bool_]:
    """Subjects x candidates: whether one lies within RADIUS_KM of a venue played."""
    played = view.plays.counts[view.subjects[kept]][:, : len(view.candidates)]
    close = _close([venue_ids[row] for row in view.candidates.tolist()], places)
    found: NDArray[np.bool_] = (played.astype(np.int32) @ close).toarray() > 0
    return found


def _close(ids: list[str], places: Places) -> csr_matrix:
    """Candidates x candidates: 1 where both have places within RADIUS_KM of each other."""
    located = np.array([row for row, name in enumerate(ids) if name in places], np.int64)
    if not len(located):
        return csr_matrix((len(ids), len(ids)), dtype=np.int32)
    # On a sphere, as degrees of longitude shrink towards the poles.
    tree = KDTree(_on_sphere(np.array([places[ids[row]] for row in located.tolist()])))
    # A chord of the unit sphere instead of the arc.
    chord = 2 * np.sin(RADIUS_KM / _EARTH_KM / 2)
    pairs = tree.query_pairs(chord, output_type="ndarray")
    # Of a pair (a, b) only one order is found, and none of a point with itself.
    row = np.concatenate([pairs[:, 0], pairs[:, 1], np.arange(len(located))])
    column = np.concatenate([pairs[:, 1], pairs[:, 0], np.arange(len(located))])
    ones = np.ones(len(row), np.int32)
    return csr_matrix((ones, (located[row], located[column])), shape=(len(ids), len(ids)))


def _on_sphere(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    north, east = np.radians(degrees).T
    return np.stack(
        [np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)], axis=1
    )


def _column(path: Path, table: pd.DataFrame, ours: str) -> str:
    for name in _NAMES[ours]:
        if name in table.columns:
            return name
    raise BadPlaces(
        f"{path} has no column {ours!r} (its columns are {', '.join(map(str, table.columns))}); "
        "name the columns venue_id, lat and lng in its first line"
    )
