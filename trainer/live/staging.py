"""Staging all lists of a generation, at once or a block at a time between other work."""

import time
from collections.abc import Iterator

from serving.contract import SIDES
from serving.publisher.publish import Publisher
from trainer.live.following import Settled
from trainer.live.generation import Generation
from trainer.plays.interactions import Interactions
from trainer.ranking.lists import Lists
from trainer.registry.artifact import Artifact


def stage(
    publisher: Publisher, generation: int, lists: Lists, interactions: Interactions
) -> Iterator[None]:
    """Stage every list and name of a generation; yields after each block.

    Args:
        publisher: the writer.
        generation: its number.
        lists: that generation's.
        interactions: what they are made from; unchanged until the last block is staged.

    Raises:
        ServingError: of the publisher; begin again.
    """
    publisher.begin(generation)
    for views in SIDES.values():
        for block in lists.blocks(views):
            for view, ranked in block.items():
                publisher.stage(generation, view, ranked)
            yield
    artist_names = interactions.artist_names.by_id(interactions.artists)
    venue_names = interactions.venue_names.by_id(interactions.venues)
    publisher.stage_names(generation, "artist:name", artist_names.items())
    publisher.stage_names(generation, "venue:name", venue_names.items())
    yield


def stage_again(
    publisher: Publisher, generation: int, artifact: Artifact, settled: Settled, size: int
) -> Iterator[None]:
    """Stage the lists of an earlier model, before anything is folded into it; see `stage`.

    Args:
        publisher: the writer.
        generation: its number.
        artifact: the model.
        settled: what the lists are made from.
        size: entries per list.
    """
    fresh = Generation.before_foldin(generation, artifact)
    fresh.follow(settled)
    return stage(publisher, generation, fresh.lists(settled, size), settled.interactions)


def advance(staging: Iterator[None], seconds: float) -> bool:
    """Stage block after block for about this long; returns whether all are staged.

    Args:
        staging: of `stage`.
        seconds: after which no further block is begun.
    """
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        if next(staging, _DONE) is _DONE:
            return True
    return False


_DONE = object()
