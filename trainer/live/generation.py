"""The generation that apps see: its number, its model, and the lists that follow from it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from serving.contract import VIEWS, Entry, View, side_of
from trainer.live.following import Following, Settled
from trainer.model.fit import Model
from trainer.model.foldin import fold_in
from trainer.model.online import OnlineModel
from trainer.plays.interactions import ChangedRows
from trainer.ranking.lists import Changes, Lists
from trainer.registry.artifact import Artifact


@dataclass(frozen=True)
class Generation:
    """One published, or about to be published, state of all lists."""

    number: int
    artifact: Artifact
    current: OnlineModel
    """The artifact's model, in the rows of the followed store and folded in."""

    @classmethod
    def before_foldin(cls, number: int, artifact: Artifact) -> "Generation":
        """A generation before anything is folded in."""
        return cls(number, artifact, OnlineModel(artifact.model))

    def follows(self, number: int, pinned: Path | None) -> bool:
        """Whether it is what was begun under a number, or what came after it.

        Args:
            number: of the generation that was begun.
            pinned: folder of the pinned artifact, which is not fitted again.
        """
        # Lists that Redis lost are staged again under a higher number while a fit still runs.
        if self.artifact.path == pinned and self.number >= number:
            return True
        return int(self.artifact.manifest["generation"]) >= number

    @property
    def model(self) -> Model:
        """As it is now: borrowed, valid until the next folding."""
        return self.current.model

    def follow(self, following: Settled) -> None:
        """Take over the row numbers of the followed store."""
        self.current.artists.follow(following.interactions.artists)
        self.current.venues.follow(following.interactions.venues)

    def fold(self, following: Settled, touched: ChangedRows) -> None:
        """Solve these artists and venues again from all their plays."""
        self.follow(following)
        fold_in(self.current, following.plays, touched.artists, touched.venues)

    @contextmanager
    def folding(self, following: Settled, touched: ChangedRows) -> Iterator[None]:
        """The same, undone where an error ends it: as if their lists had never been asked for."""
        self.follow(following)
        with self.current.transaction(touched.artists, touched.venues):
            self.fold(following, touched)
            yield

    def lists(self, following: Settled, size: int) -> Lists:
        """Its lists at the followed store's version; `size` is N."""
        return Lists(
            model=self.model,
            plays=following.plays,
            artists=following.interactions.artists,
            venues=following.interactions.venues,
            generation=self.number,
            size=size,
            merged_artists=following.interactions.merged_artists,
            merged_venues=following.interactions.merged_venues,
            hidden=following.interactions.hidden,
        )

    def meta(self, following: Following, built_at: float) -> dict[str, Any]:
        """What `_meta` tells besides generation and model; `built_at` in epoch seconds."""
        return {
            "built_at": built_at,
            "as_of": self.current.as_of_ms // 1000,
            "store_version": following.version,
            "offsets": following.offsets,
            "counts": asdict(following.interactions.totals()),
            "quality": self.artifact.manifest.get("quality"),
            "tuning": self.artifact.manifest.get("tuning"),
        }


def changed_lists(lists: Lists, touched: ChangedRows) -> dict[View, Changes]:
    """The lists of the touched artists and venues, by view."""
    return {
        view: lists.changes(view, touched.venues if side_of(view) == "venue" else touched.artists)
        for view in VIEWS
    }


def defaults(lists: Lists) -> Mapping[View, Entry]:
    """The popular list of each view."""
    return {view: lists.default(view) for view in VIEWS}
