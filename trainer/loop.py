"""The trainer's loop: listen, fold in, publish; refit beside it, never in its way.

One `tick` is one look at everything: new commits of the store are settled; a finished refit is
adopted; artists and venues touched since are folded in and their lists replaced in Redis; lists
that were lost are put back; a refit that is due begins in its own process. What a tick could not
finish because Redis was away stays pending for the next.
"""

import logging
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

from consumer.marks import Mark
from serving.errors import Incomplete, ShrinkRefused, Superseded
from serving.publish import Publisher
from trainer import plan, refit
from trainer.artifact import load
from trainer.erased import holding
from trainer.errors import RefitFailed, RefitRefused
from trainer.following import Following
from trainer.generation import Generation, changed_lists, changed_names, defaults
from trainer.interactions import Touched
from trainer.journal import History, Journal
from trainer.lists import Lists
from trainer.registry import Registry
from trainer.settings import TrainerSettings

logger = logging.getLogger(__name__)

HEALTH_INTERVAL_S = 1.0
"""How often the live lists are compared with what we published."""
FOLD_IN_BLOCK = 2000
"""Artists and venues folded in per tick, so that a flood does not hold up what came first."""


class Trainer:
    """The state of the loop; `tick` moves it on."""

    def __init__(
        self,
        *,
        settings: TrainerSettings,
        following: Following,
        registry: Registry,
        publisher: Publisher,
        journal: Journal,
        token: int,
        configure: Callable[[], None],
        force: bool = False,
        on_step: Callable[[str], None] = lambda _step: None,
    ) -> None:
        self._settings = settings
        self._following = following
        self._registry = registry
        self._publisher = publisher
        self._journal = journal
        self._token = token
        self._configure = configure
        self._force = force
        self._on_step = on_step
        self._live: Generation | None = None
        self._artifact: Path | None = registry.live()
        self._staged: refit.Job | None = None
        self._job: refit.Job | None = None
        self._process: BaseProcess | None = None
        self._mark: Mark | None = None  # what the refit process reads must stay until it is done
        self._lost = self._artifact is not None  # fold-ins after our last stop are not in Redis
        self._attempted_events = -1
        self._looked_s = 0.0
        self._purging = False  # the live lists may hold an id that was erased
        self.cut_off = False
        """Whether the last refit process could not reach a server."""

    @property
    def generation(self) -> int | None:
        """What this process published last."""
        return self._live.number if self._live else None

    @property
    def has_plays(self) -> bool:
        """Whether there is anything to fit."""
        return len(self._following.plays) > 0

    @property
    def busy(self) -> bool:
        """Whether a refit process is running."""
        return self._process is not None or self._staged is not None

    def tick(self, now_s: float) -> None:
        """Do what there is to do; `now_s` is the wall clock.

        Raises:
            RedisUnreachable: try again later; nothing is lost.
            Fenced: another writer took over.
            ShrinkRefused: a refit would publish far fewer lists; the live ones stay.
            RefitRefused: a refit made a model that could not rank; the live lists stay.
            RefitFailed: the refit process ended with an error.
        """
        self.listen(now_s)
        self.collect()
        self._fold_in()
        self._look_after(now_s)
        self._begin_when_due(now_s)

    def listen(self, now_s: float) -> bool:
        """Settle what was stored since the last look. Returns whether anything was."""
        heard = self._following.listen(now_s, self._live.artifact if self._live else None)
        if self._following.erased:
            self._purge()
        return heard

    def _purge(self) -> None:
        """Drop what holds an erased id; lists without it follow by a fit, or a publish at least."""
        following, interrupted = self._following, self.busy
        self.stop()
        self._process = self._job = self._staged = None
        if following.snapshots:  # also what the process was about to write
            following.snapshots.clear()
        held = holding(self._registry.artifacts(), following.erasures)
        self._registry.remove(held)
        self._purging = self._purging or bool(held) or following.knew_erased or interrupted
        if self._artifact in held:
            self._artifact, self._lost = None, False
        following.erased = following.knew_erased = False
        logger.info("Ids were erased; %d artifacts that held one are gone.", len(held))

    def begin(self, artifact: Path | None = None, *, start: Path | None = None) -> None:
        """Start the refit process: fit a model, or publish an earlier one's artifact again.

        Args:
            artifact: the earlier one.
            start: of the model that a warm fit starts from; None: a cold fit.
        """
        version = self._following.version
        if version is None:
            return
        number = self._registry.next_generation()
        self._following.merged = False
        if artifact is None:
            self._following.first_change_s = None
            self._attempted_events = self._following.interactions.events
        self._job = refit.Job(
            settings=self._settings,
            store_version=version,
            generation=number,
            registry=self._registry.state().registry,
            token=self._token,
            staged=self._following.step(0),
            artifact=artifact or self._registry.artifact(number),
            start=start,
        )
        self._mark = Mark(self._settings.store, version)
        self._process = refit.start(self._job, self._configure)

    def stop(self) -> None:
        """End the refit process, if one runs. The live lists stay."""
        if self._process:
            self._process.kill()
            self._process.join()

    # -- adopting what the refit process made ------------------------------------------------

    def collect(self) -> None:
        """See whether the refit process is done, and adopt what it staged."""
        if self._process is not None and not self._process.is_alive():
            code, self._process, self._mark = self._process.exitcode, None, None
            self._judge(code)
        if self._staged is not None and self.has_plays:
            self._adopt(self._staged)

    def _judge(self, code: int | None) -> None:
        job, self._job = self._job, None
        if job is not None and job.artifact.exists():
            self._artifact = job.artifact
        if code == 0:
            self._staged = job
        elif code in (refit.UNREACHABLE, refit.GONE):
            self.cut_off = code == refit.UNREACHABLE
            self._lost = self._artifact is not None
            self._attempted_events = -1
        elif code == refit.REFUSED:
            self._purging = False
            raise RefitRefused("the refit process refused its model; its log says why")
        else:
            raise RefitFailed(f"the refit process ended with exit code {code}; its log says why")

    def _adopt(self, job: refit.Job) -> None:
        """Bring the staged lists up to what is settled now, and swap them in."""
        artifact = load(job.artifact)
        touched = self._following.differing(artifact)
        fresh = Generation.of(job.generation, artifact)
        fresh.fold(self._following, touched)
        lists = fresh.lists(self._following, self._settings.list_size)
        try:
            self._restage(fresh, lists, touched)
            self._commit(fresh, lists)
            self._note(job, touched)
        except Incomplete as error:
            logger.warning("Generation %d: %s; staging it again.", fresh.number, error)
            self._lost = True
        except ShrinkRefused:
            # Tried again when something new was said, not every second.
            self._staged, self._lost = None, False
            raise
        self._staged = None

    def _note(self, job: refit.Job, touched: Touched) -> None:
        steps = (job.staged, self._following.step(0, touched))
        size = self._settings.list_size
        self._journal.begin(History(job.generation, job.artifact.name, size, steps))

    def _restage(self, fresh: Generation, lists: Lists, touched: Touched) -> None:
        for view, changes in changed_lists(lists, touched).items():
            self._publisher.restage(fresh.number, view, changes)
        for names_view, names in changed_names(self._following, touched).items():
            self._publisher.restage_names(fresh.number, names_view, names)
        self._on_step("staged")

    def _commit(self, fresh: Generation, lists: Lists) -> None:
        built_at = time.time()
        self._publisher.commit(
            fresh.number,
            model_hash=fresh.artifact.hash,
            seq=self._publisher.live().seq,
            meta=fresh.meta(self._following, built_at),
            defaults=defaults(lists),
            counts=lists.sizes,
            previous_counts=self._registry.state().counts or None,
            force=self._force or self._purging,
        )
        self._on_step("committed")
        self._registry.set_live(fresh.number, fresh.artifact.path, lists.sizes)
        self._live, self._lost, self._purging = fresh, False, False
        self._following.all_done()

    # -- between refits ----------------------------------------------------------------------

    def _fold_in(self) -> None:
        """Refresh the lists of what was touched since the last look."""
        touched = self._following.pending(FOLD_IN_BLOCK)
        if self._live is None or self._lost or not any(map(len, touched)):
            return
        try:
            with self._live.folding(self._following, touched):
                seq = self._publish_folded(self._live, touched)
        except Superseded as error:
            logger.warning("Fold-in: %s; publishing everything again.", error)
            self._lost = True
            return
        self._journal.add(self._following.step(seq, touched))
        self._following.done(touched)
        logger.info("Folded in %d artists, %d venues.", *map(len, touched))

    def _publish_folded(self, live: Generation, touched: Touched) -> int:
        lists = live.lists(self._following, self._settings.list_size)
        return self._publisher.fold_in(
            live.number,
            changed_lists(lists, touched),
            changed_names(self._following, touched),
        )

    def _look_after(self, now_s: float) -> None:
        """Publish again what Redis lost, a restart left behind, or shows ids that were merged."""
        if now_s - self._looked_s < HEALTH_INTERVAL_S:
            return
        self._looked_s = now_s
        live = self._publisher.live()
        if self._live and live.generation != self._live.number:
            self._lost = True
        stored = self._following.version is not None
        if not stored or self.busy:
            return
        if self._purging and not self.has_plays:
            self._withdraw()
        elif (self._lost or self._purging or self._following.merged) and self._artifact:
            logger.info("Publishing %s again.", self._artifact.name)
            self.begin(self._artifact)

    def _withdraw(self) -> None:
        """The last play was erased: no list can be made, and the live ones must go."""
        self._publisher.withdraw()
        self._live, self._purging = None, False
        logger.info("Nothing is left to recommend; the lists are withdrawn.")

    # -- refits ------------------------------------------------------------------------------

    def _begin_when_due(self, now_s: float) -> None:
        tried = self._following.interactions.events == self._attempted_events
        erased = self._purging and self.has_plays and self._artifact is None
        if erased and not self.busy:
            self.begin()
        if self.busy or self._lost or tried:
            return
        known, policy = self._known(), self._settings.policy()
        if plan.refit_due(known, policy, now_s):
            self.begin(start=self._artifact if plan.warm(known, policy) else None)

    def _known(self) -> plan.Known:
        following, live = self._following, self._live
        manifest = live.artifact.manifest if live else None
        events = following.interactions.events
        return plan.Known(
            plays=len(following.plays),
            changed=abs(events - manifest["counts"]["events"]) if manifest else events,
            fitted_plays=manifest["counts"]["plays"] if manifest else None,
            fitted_at_s=manifest["created_at"] if manifest else 0.0,
            recipe_changed=live is not None and live.model.recipe != self._settings.recipe(),
            warm_fits=refit.warm_fits(manifest) if manifest else 0,
            first_change_s=following.first_change_s or 0.0,
            last_change_s=following.last_change_s,
        )
