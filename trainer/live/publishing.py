"""Lists into Redis: a staged generation swapped in, or single lists of the live one, and notes."""

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from serving.errors import ServingError
from serving.live import Live, Progress
from serving.publisher.publish import Publisher
from trainer.gate.verdict import PUBLISHED, REFUSED, Verdict
from trainer.live import gating
from trainer.live.announced import Announced
from trainer.live.foldin_log import FoldInLog
from trainer.live.following import Following
from trainer.live.generation import Generation, changed_lists, defaults
from trainer.live.job import Job
from trainer.live.roll_back import overlap
from trainer.live.texts import texts_of
from trainer.plays.interactions import ChangedRows
from trainer.ranking.lists import Lists
from trainer.registry.artifact import Artifact, load
from trainer.registry.generations import Generations, Record, newest_verdict
from trainer.registry.hits import Hits
from trainer.registry.journal import History, Journal
from trainer.settings import TrainerSettings

logger = logging.getLogger(__name__)

ANNOTATED_S = 60.0
"""At least this long between two changes of the hit rate in `_meta`."""


class Publishing:
    """Writes lists, the journal and the records of generations.

    Args:
        settings: folder and size of lists.
        following: what lists are made from.
        publisher: the writer.
        journal: of the live generation.
        on_step: called at each step.
    """

    def __init__(
        self,
        settings: TrainerSettings,
        following: Following,
        publisher: Publisher,
        journal: Journal,
        on_step: Callable[[str], None],
    ) -> None:
        self._size = settings.list_size
        self._following = following
        self._meters = following.meters
        self._publisher = publisher
        self._journal = journal
        self._on_step = on_step
        self._generations = Generations(settings.models)
        self.log = FoldInLog()
        self._annotated_s = -math.inf
        self._announced = Announced(publisher, following, Hits(settings.models))

    def look(self) -> None:
        """Look for new gigs in the lists that they are about to change."""
        found, now_s = self._announced.look(time.time()), time.monotonic()
        self._meters.announced(found)
        if found and now_s >= self._annotated_s + ANNOTATED_S:
            self._annotated_s = now_s
            self._annotate({"hit_rate": self._announced.report()})

    def swap(
        self,
        job: Job,
        fresh: Generation,
        changed: tuple[ChangedRows, ChangedRows],
        live: Live,
        *,
        force: bool,
    ) -> Progress:
        """Bring staged lists up to what is settled now, and swap them in.

        Args:
            job: that staged them.
            fresh: the generation, folded in.
            changed: rows that were solved since, and all rows whose lists follow from that.
            live: what is live until then.
            force: publish even if that shrinks the lists by half.

        Raises:
            ServingError: of the publisher; nothing is changed.
        """
        lists = fresh.lists(self._following, self._size)
        with self._meters.swapping():
            self._restage(fresh, lists, changed[1])
            steps = job.staged, self._following.step(0, *changed)
            self._journal.prepare(History(job.generation, job.artifact.name, self._size, steps))
            # Before the swap: afterwards the lists to compare with are gone.
            shared = overlap(self._publisher, lists)
            try:
                progress = self._commit(fresh, lists, live, shared, force=force)
            except ServingError:
                self._journal.withdraw()
                raise
            self._on_step("committed")
            self._journal.begin()
            # After the swap: a record says that it was published.
            record = self._record(fresh.number, fresh.artifact)
            self._generations.add(replace(record, overlap=shared))
        self._show(fresh, time.time())
        # An earlier model that is published again was judged before.
        if fresh.artifact.manifest["generation"] == fresh.number:
            self._meters.verdict(PUBLISHED)
        self._meters.newest_verdict(newest_verdict(self._generations.records()))
        self._meters.lists(lists.sizes)
        self._meters.listed(self._following.unlisted.take(progress.version))
        return progress

    def resume(self, live: Generation, progress: Progress, touched: ChangedRows) -> None:
        """Note that a live generation was taken over.

        Args:
            live: the generation.
            progress: how far its lists have come.
            touched: rows that were solved again.
        """
        step = replace(self._following.step(progress.seq, touched), resumed=True)
        self._journal.resume(live.number, step)
        records = self._generations.records()
        swapped_at = {each.number: each.at for each in records}
        # The process that swapped it in may have ended before it was noted.
        if live.number not in swapped_at:
            self._generations.add(self._record(live.number, live.artifact))
        self._meters.newest_verdict(newest_verdict(records))
        self._show(live, swapped_at.get(live.number, time.time()))

    def refuse(self, job: Job) -> str:
        """Note that a fit was refused or held. Returns the reasons and the remedy."""
        # A model that cannot rank is not stored at all.
        if not job.artifact.exists():
            self._meters.verdict(REFUSED)
            return "the refit process refused its model; its log says why"
        artifact = load(job.artifact)
        found = gating.read(artifact.manifest) or Verdict()
        self._meters.verdict(found.verdict)
        # Without the reasons, which may name ids: those go with the model's files.
        record = self._record(job.generation, artifact)
        self._generations.add(replace(record, verdict=found.verdict, reason=found.summary))
        self._annotate({"refused": {"generation": job.generation, **gating.brief(found)}})
        return str(found)

    def fold_in(
        self, live: Generation, held: Progress, touched: ChangedRows, solved: ChangedRows
    ) -> Progress:
        """Replace the lists of single rows.

        Args:
            live: the generation, folded in.
            held: what is live.
            touched: rows whose lists are replaced.
            solved: those of them whose vectors were solved.

        Raises:
            ServingError: of the publisher; nothing is changed.
        """
        lists = live.lists(self._following, self._size)
        sent = self._publisher.sent_chars
        progress = self._publisher.fold_in(
            live.number,
            changed_lists(lists, touched),
            texts_of(self._following.interactions, touched),
            held=held,
            version=self._following.right_after(touched),
        )
        self._journal.add(self._following.step(progress.seq, solved, touched))
        artists, venues = map(len, solved)
        mates, size = len(touched.artists) - artists, self._publisher.sent_chars - sent
        self._meters.folded_in(artists, venues, mates, size=size)
        self.log.add(artists, venues, mates)
        self._meters.listed(self._following.unlisted.take(progress.version))
        return progress

    def withdraw(self) -> None:
        """Take all lists away.

        Raises:
            ServingError: of the publisher.
        """
        self._publisher.withdraw()
        self._meters.withdrawn()

    def _annotate(self, facts: Mapping[str, Any]) -> None:
        """Tell apps what is news of the live generation; the lists are right without it."""
        try:
            live = self._publisher.live()
            if live.generation is not None:
                self._publisher.annotate(live.generation, {**live.meta, **facts})
        except ServingError as error:
            logger.warning("_meta cannot be written: %s", error)

    def _show(self, live: Generation, swapped_at: float) -> None:
        fitted_at = live.artifact.manifest["created_at"]
        self._meters.live(live.number, swapped_at=swapped_at, fitted_at=fitted_at)
        quality = live.artifact.manifest.get("quality") or {}
        self._meters.quality((quality.get("judged") or {}).get("figures", {}))

    def _restage(self, fresh: Generation, lists: Lists, touched: ChangedRows) -> None:
        for view, changes in changed_lists(lists, touched).items():
            self._publisher.restage(fresh.number, view, changes)
        for text_view, texts in texts_of(self._following.interactions, touched).items():
            self._publisher.restage_texts(fresh.number, text_view, texts)
        self._on_step("staged")

    def _commit(
        self,
        fresh: Generation,
        lists: Lists,
        live: Live,
        shared: float | None,
        *,
        force: bool,
    ) -> Progress:
        is_again = live.model_hash == fresh.artifact.hash
        return self._publisher.commit(
            fresh.number,
            model_hash=fresh.artifact.hash,
            seq=live.seq,
            meta={
                **fresh.meta(self._following, time.time()),
                "hit_rate": self._announced.report(),
                # A model that is published again says nothing of the fit that was refused.
                "refused": live.meta.get("refused") if is_again else None,
                "overlap": shared,
            },
            defaults=defaults(lists),
            counts=lists.sizes,
            version=self._following.version or 0,
            force=force,
        )

    def _record(self, number: int, artifact: Artifact) -> Record:
        return Record(
            number=number,
            at=time.time(),
            artifact=artifact.path.name,
            model_hash=artifact.hash,
            as_of_ms=artifact.model.as_of_ms,
            fitted_version=artifact.manifest["store_version"],
            store_version=self._following.version or 0,
            plays=len(self._following.plays),
            recipe=artifact.model.recipe.model_dump(mode="json"),
            quality=artifact.manifest.get("quality"),
            weights={side: dict(of) for side, of in artifact.model.weights._asdict().items()},
        )
