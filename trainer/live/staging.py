"""Staging all lists of a generation, at once or a block at a time between other work."""

import time
from collections.abc import Iterator

from serving.contract import SIDES
from serving.publisher.publish import Publisher
from trainer.live.following import Settled
from trainer.live.generation import Generation
from trainer.live.job import Job
from trainer.live.texts import all_rows, texts_of
from trainer.plays.interactions import Interactions
from trainer.ranking.lists import Lists
from trainer.registry.artifact import Artifact


def stage(
    publisher: Publisher, generation: int, lists: Lists, interactions: Interactions
) -> Iterator[None]:
    """Stage every list, name and info of a generation; yields after each block.

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
        for block in lists.encoded(views):
            for view, encoded in block.items():
                publisher.stage_encoded(generation, view, encoded)
            yield
    for text_view, texts in texts_of(interactions, all_rows(interactions)).items():
        publisher.stage_texts(generation, text_view, texts.items())
    yield


def stage_again(
    publisher: Publisher, job: Job, artifact: Artifact, settled: Settled
) -> Iterator[None]:
    """Stage the lists of an earlier model, before anything is folded into it; see `stage`.

    Args:
        publisher: the writer.
        job: number of the generation, and entries per list.
        artifact: the model.
        settled: what the lists are made from.
    """
    fresh = Generation.before_foldin(job.generation, artifact)
    fresh.follow(settled)
    lists = fresh.lists(settled, job.settings.list_size)
    return stage(publisher, job.generation, lists, settled.interactions)


class Restaging:
    """Lists that the trainer's loop itself stages, for a while in each tick."""

    def __init__(self) -> None:
        self._under_way: tuple[Job, Iterator[None]] | None = None

    @property
    def is_running(self) -> bool:
        """Whether some are still to be staged."""
        return self._under_way is not None

    def begin(self, job: Job, steps: Iterator[None]) -> None:
        """Stage for this job; `steps` of `stage_again`."""
        self._under_way = job, steps

    def drop(self) -> None:
        """Leave out what is not staged yet."""
        self._under_way = None

    def advance(self, seconds: float) -> Job | None:
        """Stage block after block for about this long; an error ends it.

        Args:
            seconds: after which no further block is begun.

        Returns:
            The job, once all of its lists are staged.
        """
        if self._under_way is None:
            return None
        (job, steps), self._under_way = self._under_way, None
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            if next(steps, _DONE) is _DONE:
                return job
        self._under_way = job, steps
        return None


_DONE = object()
