"""The moment of a generation, kept with its artifact: it names ids by their rows there."""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.gate.moment import SHOWN, Moment, moment
from trainer.plays.interactions import Interactions
from trainer.plays.matrix import Plays
from trainer.ranking.lists import Lists
from trainer.registry import sealed
from trainer.registry.artifact import Artifact

logger = logging.getLogger(__name__)

SAMPLED = 2000
"""Artists whose lists are looked at."""
_BLOCK = 256
_COLUMNS = ("plays", "visitors", "rooted", "shown", "top")


def summed(
    lists: Lists, interactions: Interactions, plays: Plays, sources: Mapping[str, int]
) -> Moment:
    """The moment of a fit, by the lists of a sample of artists.

    Args:
        lists: of the fit.
        interactions: with the ids of its rows.
        plays: that count.
        sources: their number by source.
    """
    # At equal steps, so that two moments of the same artists compare the same lists.
    rows = lists.artist_rows
    sample = rows[:: max(1, len(rows) // SAMPLED)].astype(np.int32)
    # A block at a time: the score of all of them may take a gigabyte.
    blocks = (sample[at : at + _BLOCK] for at in range(0, len(sample), _BLOCK))
    made = (entry for rows in blocks for entry in lists.changes("artist", rows).values())
    found = [each.ids[:SHOWN] for each in made if each]
    entries = np.full((len(found), SHOWN), -1, np.int32)
    for at, ids in enumerate(found):
        entries[at, : len(ids)] = interactions.venues.rows(ids)
    return moment(plays, interactions.artists.ids, interactions.venues.ids, sources, entries)


def arrays(found: Moment, plays: Plays) -> dict[str, NDArray[Any]]:
    """What is stored of it beside the arrays of an artifact; `plays` are those of the moment."""
    columns = {name: getattr(found, name) for name in _COLUMNS}
    # Rows, as ids stand in the tables that an erasure looks through.
    columns["artist_rows"] = np.flatnonzero(plays.per_artist)
    columns["venue_rows"] = np.flatnonzero(plays.per_venue)
    return {f"moment_{name}": values for name, values in columns.items()}


def facts(found: Moment) -> dict[str, Any]:
    """What is stored of it in the manifest."""
    return {"sources": dict(found.sources), "lists": found.lists}


def stored(artifact: Artifact) -> Moment | None:
    """The moment of an artifact; None: an earlier version made it."""
    noted = artifact.manifest.get("moment")
    if noted is None:
        return None
    try:
        read = {
            name: sealed.array(artifact.path, f"moment_{name}")
            for name in (*_COLUMNS, "artist_rows", "venue_rows")
        }
    except OSError as error:
        logger.warning("The moment of %s cannot be read: %s", artifact.path.name, error)
        return None
    model = artifact.model
    return Moment(
        artists=[model.artist_ids[row] for row in read["artist_rows"].tolist()],
        venues=[model.venue_ids[row] for row in read["venue_rows"].tolist()],
        sources=noted["sources"],
        lists=noted["lists"],
        **{name: read[name] for name in _COLUMNS},
    )
