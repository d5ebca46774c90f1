"""Pools of candidates over small worlds, without a store."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from consumer.events.statement import Venue
from serving.lookup import Side
from support.data.gigs import SMALL
from trainer.model.fit import Model, fit
from trainer.plays.ids import Ids, Names
from trainer.plays.matrix import Plays
from trainer.plays.merged_rows import Merged
from trainer.ranking.history import History
from trainer.ranking.lists import Lists
from trainer.ranking.part import Candidates
from web.live.facts import VenueColumns, folded
from web.live.pool import IdTable, Pool

NOTHING = np.empty(0, np.int32)


class World:
    """A fitted model over plays, as the live model has it."""

    def __init__(self, plays: Plays, artists: list[str], venues: list[str], as_of_ms: int) -> None:
        self.plays, self.as_of_ms = plays, as_of_ms
        self.artists, self.venues = Ids(artists), Ids(venues)
        self.model: Model = fit(plays, artists, venues, as_of_ms, SMALL)

    @cached_property
    def tables(self) -> dict[Side, IdTable]:
        return {
            "artist": IdTable(self.artists, Merged("artist", self.artists), Names()),
            "venue": IdTable(self.venues, Merged("venue", self.venues), Names()),
        }

    def pool(self, side: Side) -> Pool:
        other: Side = "venue" if side == "artist" else "artist"
        plays = self.plays if side == "artist" else self.plays.transposed()
        targets = self.tables[other]
        rows = plays.transposed().active_rows(targets.ids)
        ranked = Candidates(self.model.venues if side == "artist" else self.model.artists, rows)
        history = History(plays, self.as_of_ms)
        return Pool(side, self.model, plays, self.tables[side], targets, ranked, NOTHING, history)

    def lists(self, size: int) -> Lists:
        """What would be published."""
        return Lists(
            model=self.model,
            plays=self.plays,
            artists=self.artists,
            venues=self.venues,
            generation=1,
            size=size,
        )


def columns(venues: Sequence[Venue]) -> VenueColumns:
    """Facts of candidates in rank order."""
    numbers = {
        name: np.array([np.nan if (v := getattr(venue, name)) is None else v for venue in venues])
        for name in ("lat", "lng", "capacity")
    }
    texts = {
        name: np.array([folded(getattr(venue, name)) for venue in venues], np.str_)
        for name in ("city", "country")
    }
    return VenueColumns(**numbers, **texts)
