"""Names and infos of artists and venues, as the publisher takes them."""

import numpy as np
from numpy.typing import NDArray

from serving.contract import TextView, encode_info
from trainer.plays.ids import Ids
from trainer.plays.interactions import ChangedRows, Interactions


def texts_of(known: Interactions, rows: ChangedRows) -> dict[TextView, dict[str, str]]:
    """The texts of these rows, by view and id; "" where an info must go.

    Args:
        known: what was stated.
        rows: whose.
    """
    artists, venues = rows
    artist_names = known.artist_names.for_rows(known.artists, artists)
    venue_names = known.venue_names.for_rows(known.venues, venues)
    artists_said = known.artist_descriptions.texts(artists, known.merged_artists)
    venues_said = known.venue_descriptions.texts(venues, known.merged_venues)
    return {
        "artist:name": artist_names,
        "venue:name": venue_names,
        "artist:info": _infos(known.artists, artists, artist_names, artists_said),
        "venue:info": _infos(known.venues, venues, venue_names, venues_said),
    }


def all_rows(known: Interactions) -> ChangedRows:
    """The rows of all ids."""
    sides = known.artists, known.venues
    return ChangedRows(*(np.arange(len(ids), dtype=np.int32) for ids in sides))


def _infos(
    ids: Ids, rows: NDArray[np.int32], names: dict[str, str], described: list[str | None]
) -> dict[str, str]:
    found = (ids[row] for row in rows.tolist())
    return {
        identity: encode_info(names.get(identity), text)
        for identity, text in zip(found, described, strict=True)
    }
