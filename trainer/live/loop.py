"""The trainer's loop: listen, fold in, publish; refit beside it, never in its way.

One `tick` is one look at everything: new commits of the store are settled; a finished refit is
adopted; artists and venues touched since are folded in and their lists replaced in Redis; a refit
that is due begins in its own process. What a tick could not finish because Redis was away stays
pending for the next.

Where Redis has not our lists, the loop itself stages them again, also while a refit runs: a process
would take seconds to start. Nothing is settled until they are live.

Redis itself says how far its lists have come (`serving.live.Progress`), written by the script that
wrote the lists. At start, after errors and twice a second that is compared with what was written
last. Where it is less, what changed since is folded in again; where nothing tells what changed
since, all lists are published again.
"""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from serving.errors import Incomplete, SeqMoved, ShrinkRefused, Superseded
from serving.live import Live, Progress
from serving.publisher.publish import Publisher
from trainer.errors import BadArtifact, NoSuchGeneration, NothingToFit, RefitRefused
from trainer.live import gating, plan, refit
from trainer.live.attempts import Attempts
from trainer.live.following import Following, both
from trainer.live.generation import Generation
from trainer.live.job import Job
from trainer.live.pin import Pin
from trainer.live.publishing import Publishing
from trainer.live.refit_process import Ended, RefitProcess
from trainer.live.staging import Restaging, stage_again
from trainer.plays.interactions import ChangedRows
from trainer.registry.artifact import Artifact, load
from trainer.registry.journal import Journal
from trainer.registry.requests import Request
from trainer.registry.state import Registry, holding
from trainer.settings import TrainerSettings

logger = logging.getLogger(__name__)

HEALTH_INTERVAL_S = 0.5
"""How often the live lists are compared with what we published."""
STAGING_S = 0.2
"""How long one tick stages lists at most."""
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
        self._force = force
        self._publishing = Publishing(settings, following, publisher, journal, on_step)
        self._live: Generation | None = None
        self._progress: Progress | None = None  # of the lists in Redis; None: lost, or not seen yet
        self._pin = Pin(registry, settings.models)
        self._artifact: Path | None = self._pin.path or registry.live()
        # The artifact's lists must be swapped in as a whole.
        self._republish = self._artifact != registry.live()
        self._staged: Job | None = None
        self._restaging = Restaging()
        name = registry.state().registry
        self._process = RefitProcess(settings, name, token, configure, following.meters)
        self._job_relisted = False  # the job is to list other ids, after a merge
        self._attempts = Attempts()
        self._asked: Path | None = None  # the artifact that a person asked to be published
        self._looked_s, self._fitted_at_s = -math.inf, 0.0
        self._purging = False  # the live lists may hold an id that was erased
        self.cut_off = False
        """Whether the last refit process could not reach a server."""

    @property
    def generation(self) -> int | None:
        """What this process published last."""
        return self._live.number if self._live else None

    @property
    def live_generation(self) -> int:
        """What was published last, by this process or one before; 0: nothing."""
        return self._registry.state().live_generation or 0

    def has_published(self, number: int) -> bool:
        """Whether what `begin` gave this number to is live, or what came after it."""
        return self._live is not None and self._live.follows(number, self._asked or self._pin.path)

    @property
    def has_plays(self) -> bool:
        """Whether there is anything to fit."""
        return len(self._following.plays) > 0

    @property
    def busy(self) -> bool:
        """Whether a refit process is running."""
        return self._process.is_running or self._staged is not None

    def tick(self, now_s: float) -> None:
        """Do what there is to do; `now_s` is of a monotonic clock.

        Raises:
            RedisUnreachable: try again later; nothing is lost.
            Fenced: another writer took over.
            ShrinkRefused: a refit would publish far fewer lists; the live ones stay.
            RefitRefused: a refit made a model that could not rank; the live lists stay.
            RefitFailed: the refit process died; it is tried again after a pause.
        """
        if self._restaging.is_running:
            self._staged = self._restaging.advance(STAGING_S)
            return
        self.listen(now_s)
        self.collect(now_s)
        self._fold_in()
        self._publishing.log.look()
        self._look_after(now_s)
        self._begin_when_due(now_s)

    def listen(self, now_s: float) -> bool:
        """Settle what was stored since the last look. Returns whether anything was."""
        if self._restaging.is_running:
            return False  # all of its lists are made from the same plays
        heard = self._following.listen(now_s)
        self._publishing.look()  # before anything is folded in
        if self._following.reread:
            self._lose()
        if self._following.erased:
            self._purge()
        if self._following.recounted:
            self._recount()
        return heard

    def _lose(self) -> None:
        """Nothing tells any more which lists in Redis are right."""
        self._progress, self._republish = None, self._artifact is not None

    def _purge(self) -> None:
        """Drop what holds an erased id; lists without it follow by a fit, or a publish at least."""
        following, interrupted = self._following, self.busy
        self._abandon()
        if following.snapshots:  # also what the process was about to write
            following.snapshots.clear()
        held = holding(self._registry.artifacts(), following.erasures)
        self._registry.remove(held)
        self._pin.removed(held)
        self._purging = self._purging or bool(held) or following.knew_erased or interrupted
        if self._artifact in held:
            self._artifact, self._republish = None, False
        following.erased = following.knew_erased = False
        logger.info("Ids were erased; %d artifacts that held one are gone.", len(held))

    def _recount(self) -> None:
        """Sources were quarantined or released: a fit under way is of statements that differ."""
        if job := self._process.job or self._staged:
            self._abandon()
            self._try_again(job)
        self._following.recounted = False
        self._attempts.forget(rested=True)
        if self._pin.path:
            # No fit follows: the pinned model's lists are made again from what counts now.
            self._republish = True
        logger.info("Quarantined: %s.", [*self._following.interactions.quarantined])

    @property
    def _is_tried(self) -> bool:
        """Whether a refit began since anything was stored or quarantined."""
        return self._attempts.is_tried(self._following.interactions.events)

    def _abandon(self) -> None:
        """End the refit process, if one runs, and leave out what it staged."""
        self._process.abandon()
        self._staged = None

    def begin(
        self, artifact: Path | None = None, *, start: Path | None = None, force: bool = False
    ) -> int | None:
        """Start the refit process: fit a model, or publish an earlier one's artifact again.

        While a model is pinned, nothing is fitted: that one is published again.

        Args:
            artifact: the earlier one.
            start: of the model that a warm fit starts from; None: a cold fit.
            force: publish even if that shrinks the lists by half.

        Returns:
            The number that the generation will have; None where the store holds nothing.
        """
        if self._following.version is None:
            return None
        artifact = artifact or self._pin.path
        number = self._registry.next_generation()
        self.cut_off = False
        self._job_relisted, self._following.relisted = self._following.relisted, False
        if artifact is None:
            self._following.first_change_s = self._asked = None
            self._attempts.note(self._following.interactions.events)
        path = artifact or self._registry.artifact(number)
        job = self._process.job_for(self._following, number, path)
        live = self._registry.live()
        self._process.start(replace(job, start=start, live=live, force=force or self._force))
        return number

    def obey(self, request: Request, now_s: float) -> int | None:
        """Roll back, accept, pin or unpin; `now_s` is of a monotonic clock.

        Returns:
            The number of the generation that will be published; None where none will be.

        Raises:
            NothingToFit: the store holds no plays.
            TrainerError: see `trainer.live.pin.Pin.chosen`.
        """
        live = self._registry.live()
        if live is None:
            raise NoSuchGeneration.live()
        if request.action in ("rollback", "accept"):
            self.listen(now_s)
            return self._publish(live, request)
        self._keep(live if request.action == "pin" else None)
        return None

    def _publish(self, live: Path, request: Request) -> int | None:
        """Begin to publish an earlier model, which is pinned then, or a held one."""
        path = self._pin.chosen(live, request, self._following.erasures)
        if not self.has_plays:
            raise NothingToFit.stored(self._settings.store)
        self._abandon()
        self._restaging.drop()
        # Before it is published: a trainer that starts after a crash here completes the roll-back.
        self._pin.set(path if request.action == "rollback" else None)
        self._artifact = self._asked = path  # by force: a person decided
        return self.begin(path, force=True)

    def _keep(self, live: Path | None) -> None:
        """Pin the live model and end a fit that would replace it, or let refits replace it."""
        job = self._process.job or self._staged
        if live and job and job.artifact != live:
            self._abandon()
            self._republish = self._republish or self._job_relisted
        # Also without a job: a fit whose process died may be about to be published.
        self._artifact = live or self._artifact
        self._pin.set(live)
        # Otherwise no refit would begin before something new is stored.
        self._attempts.forget(rested=True)

    def stop(self) -> None:
        """End the refit process, if one runs."""
        self._process.stop()
        self._publishing.log.end()

    # -- adopting what the refit process made ------------------------------------------------

    def collect(self, now_s: float) -> None:
        """See whether the refit process is done, and adopt what it staged."""
        ended = self._process.take_end() if self._staged is None else None
        if ended is not None:
            self._judge(ended, now_s)
        if self._staged is not None and self.has_plays:
            self._adopt(self._staged, now_s)

    def _judge(self, ended: Ended, now_s: float) -> None:
        job, code = ended
        if code == refit.REFUSED:
            self._refuse(job, now_s)
        # A fit that the gate withheld is not published by itself, however its process ended.
        if job.artifact.exists() and (job.force or not gating.is_withheld(job.artifact)):
            self._artifact = job.artifact
        if code == 0:
            self._staged = job
        else:
            self.cut_off = code == refit.UNREACHABLE
            self._try_again(job)
            if code not in (refit.UNREACHABLE, refit.GONE):
                self._process.pause(code, now_s)

    def _refuse(self, job: Job, now_s: float) -> None:
        # The live lists stay, and the next fit waits: it would find the same.
        self._attempts.rest(now_s, self._settings.refit_interval_s)
        self._pin.drop_unpublished(job.artifact)
        if not job.artifact.exists():
            self._purging = False
        # The live lists show ids that this fit was to take out.
        self._republish = self._republish or self._job_relisted
        raise RefitRefused(self._publishing.refuse(job))

    def _try_again(self, job: Job | None) -> None:
        made = job is not None and job.artifact == self._artifact
        self._republish = self._republish or made or self._job_relisted
        self._attempts.forget()

    def _adopt(self, job: Job, now_s: float) -> None:
        """Bring the staged lists up to what is settled now, and swap them in."""
        artifact = load(job.artifact)
        live = self._publisher.live()
        if (live.generation, live.model_hash) == (job.generation, artifact.hash):
            self._resume(live, artifact, now_s)  # it was committed, and the answer lost
            self._staged = None
            return
        changed = self._following.changed_since(job.store_version)
        if changed is None:  # the store was read again as a whole meanwhile
            self._staged, self._republish = None, True
            return
        touched = both(self._following.differing(artifact), changed)
        fresh = Generation.before_foldin(job.generation, artifact)
        fresh.fold(self._following, touched)
        told = both(touched, self._following.mates_since(job.store_version))
        try:
            self._swap(job, fresh, (touched, told), live, now_s)
        except (Incomplete, Superseded) as error:
            logger.warning("Generation %d: %s; staging it again.", fresh.number, error)
            self._republish = True
        except ShrinkRefused:
            # Tried again when something new was said, not every second; once for ids to hide.
            self._staged, self._artifact = None, self._registry.live()
            self._republish = self._job_relisted
            raise
        self._staged = None

    def _swap(
        self,
        job: Job,
        fresh: Generation,
        changed: tuple[ChangedRows, ChangedRows],
        live: Live,
        now_s: float,
    ) -> None:
        # A person decided that other sources count: the lists may be far fewer.
        force = job.force or self._force or self._purging
        force = force or self._registry.is_recount(fresh.artifact)
        progress = self._publishing.swap(job, fresh, changed, live, force=force)
        self._purging = False
        self._following.all_done()
        self._go_on(fresh, now_s)
        self._take_up(progress)

    def _go_on(self, live: Generation, now_s: float) -> None:
        self._registry.set_live(live.number, live.artifact.path)
        age_s = max(0.0, time.time() - live.artifact.manifest["created_at"])
        self._live, self._artifact, self._fitted_at_s = live, live.artifact.path, now_s - age_s
        self._republish = False

    def _take_up(self, progress: Progress) -> None:
        """Let wait again what Redis does not have."""
        if self._following.rewind(progress.version):
            self._progress = progress
        else:
            self._lose()

    def _resume(self, live: Live, artifact: Artifact, now_s: float) -> None:
        """Continue with a generation that Redis has and that this process did not see go live."""
        number, progress, following = live.generation, live.progress, self._following
        known = progress and following.rewind(progress.version, others_done=True)
        if number is None or progress is None or not known:
            self._lose()
            return
        resumed = Generation.before_foldin(number, artifact)
        touched = following.differing(artifact)
        resumed.fold(following, touched)
        self._go_on(resumed, now_s)
        self._progress = progress
        self._publishing.resume(resumed, progress, touched)
        logger.info("Generation %d is live, at fold-in %d: going on with it.", number, progress.seq)

    # -- between refits ----------------------------------------------------------------------

    def _fold_in(self) -> None:
        """Refresh the lists of what was touched since the last look."""
        touched = self._following.pending(FOLD_IN_BLOCK)
        if self._live is None or self._progress is None or not any(map(len, touched)):
            return
        solved = self._following.unsolved(touched)
        try:
            with self._following.meters.folding(), self._live.folding(self._following, solved):
                self._progress = self._publishing.fold_in(
                    self._live, self._progress, touched, solved
                )
        except (Superseded, SeqMoved) as error:
            logger.warning("Fold-in: %s.", error)
            self._looked_s = -math.inf
            return
        self._following.done(touched)

    def _look_after(self, now_s: float) -> None:
        """Publish again what Redis lost, a restart left behind, or shows ids that it must not."""
        if now_s - self._looked_s < HEALTH_INTERVAL_S:
            return
        if self._following.version is not None:
            self._compare(self._publisher.live(), now_s)
            lost = self._republish and self._progress is None
            if lost and self._artifact and self.has_plays:
                self._begin_staging(self._artifact)
            else:
                self._restore(now_s)
        self._looked_s = now_s

    def _compare(self, live: Live, now_s: float) -> None:
        """Find out what of our lists Redis has."""
        if self._live is None:
            self._find(live, now_s)
        elif (live.generation, live.model_hash) != (self._live.number, self._live.artifact.hash):
            if self._progress:
                logger.warning("The lists in Redis are not ours any more (%s).", live)
            self._lose()
        elif live.progress is None:
            self._lose()
        elif live.progress != self._progress:
            self._take_up(live.progress)
            if self._progress:
                logger.warning(
                    "Redis has lists up to version %d of the store; folding in what came since.",
                    live.progress.version,
                )

    def _find(self, live: Live, now_s: float) -> None:
        """At a start: continue with what is live if it is ours."""
        if self._artifact is None or self._republish:
            return
        try:
            ours = live.meta.get("registry") == self._registry.state().registry
            artifact = self._registry.holding(live.model_hash) if ours else None
        except BadArtifact as error:
            self._fit_instead(error)
        else:
            if artifact:
                self._resume(live, artifact, now_s)
            else:
                self._lose()

    def _fit_instead(self, error: BadArtifact) -> None:
        logger.error("%s; fitting again.", error)
        # A damaged pinned model would be tried for ever.
        if self._pin.path:
            self._pin.set(None)
        self._live, self._artifact, self._republish = None, None, False
        self._attempts.forget(rested=True)  # a fit is due though nothing new was said

    def _begin_staging(self, artifact: Path) -> None:
        """Redis has not our lists, so that nothing can be folded in: put them back.

        A refit that runs has a lower number by now; its lists are staged again after these.
        """
        job = self._process.job_for(self._following, self._registry.next_generation(), artifact)
        try:
            steps = stage_again(self._publisher, job, load(artifact), self._following)
        except BadArtifact as error:
            self._fit_instead(error)
        else:
            self._restaging.begin(job, steps)
            logger.info("Staging the lists of %s again.", artifact.name)

    def _restore(self, now_s: float) -> None:
        if self.busy or self._process.is_pausing(now_s):
            return
        is_recounted = plan.is_recounted(self._following, self._live)
        if not self.has_plays and (self._purging or is_recounted):
            self._withdraw()
        elif not self.has_plays or (is_recounted and not self._is_tried and not self._pin.path):
            return  # no list can be made, or a fit is due whose lists replace them all
        elif (self._republish or self._purging or self._following.relisted) and self._artifact:
            logger.info("Publishing %s again.", self._artifact.name)
            self.begin(self._artifact)

    def _withdraw(self) -> None:
        """The last play was erased or quarantined: no list can be made, the live ones must go."""
        self._publishing.withdraw()
        self._live, self._progress, self._purging = None, None, False
        logger.info("Nothing is left to recommend; the lists are withdrawn.")

    def _begin_when_due(self, now_s: float) -> None:
        if self.busy or self._process.is_pausing(now_s):
            return
        known = plan.known(self._following, self._live, self._settings.recipe(), self._fitted_at_s)
        policy = plan.Policy.from_settings(self._settings)
        barred = self._pin.path is not None or self._is_tried or self._attempts.is_resting(now_s)
        if self._purging and self.has_plays and self._artifact is None:
            self.begin()
        elif barred or (self._republish and not known.recounted):
            return
        elif plan.refit_due(known, policy, now_s):
            self.begin(start=self._artifact if plan.warm(known, policy) else None)
