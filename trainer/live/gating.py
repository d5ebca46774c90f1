"""The gate of a refit: reasons against a fit, found before it is stored."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from consumer.store.chunk import Chunk
from trainer.errors import BadArtifact
from trainer.evaluation.judgement import Setting, judge
from trainer.evaluation.windows import past
from trainer.gate import kept, verdict
from trainer.gate.drift import drift
from trainer.gate.loss import Volume, lost
from trainer.gate.moment import Moment
from trainer.gate.sanity import Sanity, affinity, agreement
from trainer.gate.verdict import Verdict
from trainer.live.job import Job
from trainer.model.fit import Model
from trainer.plays.interactions import Interactions
from trainer.plays.matrix import Plays
from trainer.ranking.lists import Lists
from trainer.registry import sealed
from trainer.registry.artifact import Artifact, load

logger = logging.getLogger(__name__)

_COMPARED = 300
"""Artists whose ten best by the fit and by the judged model are compared."""


TOLD, TOLD_CHARS = 5, 200
"""Reasons of a refusal in `_meta`, and characters of each, at most."""


class Settling(NamedTuple):
    """What is known of the store while its gigs are held.

    Attributes:
        chunk: the store's version, positions and decisions.
        stated: gigs, cancelled ones included.
        as_of_ms: the clock of the data.
        ahead: gigs that are dated too far ahead for it.
        sources: number of plays by source.
    """

    chunk: Chunk
    stated: int
    as_of_ms: int
    ahead: int
    sources: Mapping[str, int]

    @property
    def decisions(self) -> int:
        """Number of erasures and merges."""
        return len(self.chunk.erasures) + len(self.chunk.merges)


class Examined(NamedTuple):
    """What the artifact gets.

    Attributes:
        facts: for its manifest: verdict, quality and moment.
        arrays: of the moment.
    """

    facts: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Fit:
    """A fit, and what it was made from.

    Attributes:
        job: names the live artifact, and whether to publish by force.
        settled: what was read.
        interactions: with ids of the rows.
        plays: that count.
        model: the fit.
    """

    job: Job
    settled: Settling
    interactions: Interactions
    plays: Plays
    model: Model

    @property
    def setting(self) -> Setting:
        """Its recipe and weights."""
        return _setting(self.model)

    @property
    def volume(self) -> Volume:
        """What it was made from."""
        settled, quarantined = self.settled, self.interactions.quarantined
        return Volume(settled.stated, settled.as_of_ms, settled.decisions, quarantined)

    def moment(self) -> Moment:
        """What counts and what its lists show."""
        known = self.interactions
        lists = Lists(
            model=self.model,
            plays=self.plays,
            artists=known.artists,
            venues=known.venues,
            generation=self.job.generation,
            size=self.job.settings.list_size,
            merged_artists=known.merged_artists,
            merged_venues=known.merged_venues,
        )
        return kept.summed(lists, known, self.plays, self.settled.sources)


def examine(fit: Fit) -> Examined:
    """Compare a fit with the live generation."""
    now = fit.moment()
    found, quality = _found(fit, now)
    if found.note or not found.is_published:
        logger.info("Generation %d: %s.", fit.job.generation, found.note or found)
    facts = {
        "verdict": found.as_json(),
        "quality": quality | {"verdict": found.verdict, "note": found.note},
        "moment": kept.facts(now),
    }
    return Examined(facts, kept.arrays(now, fit.plays))


def read(manifest: Mapping[str, Any]) -> Verdict | None:
    """The reasons against publishing an artifact; None: there are none."""
    noted = manifest.get("verdict")
    found = Verdict(**noted) if noted else Verdict()
    return None if found.is_published else found


def is_withheld(artifact: Path) -> bool:
    """Whether a stored fit was refused or held; False also where its manifest cannot be read.

    Args:
        artifact: its folder.
    """
    try:
        return read(sealed.table(artifact, "manifest")) is not None
    except (OSError, ValueError):
        return False  # the error comes where it is loaded


def brief(found: Verdict) -> dict[str, Any]:
    """A verdict for `_meta`: bounded, and without ids, so that an erasure need not look there."""
    # What is held names venues and sources; a refusal names figures alone.
    reasons = found.reasons if found.verdict == verdict.REFUSED else ()
    cut = [each[:TOLD_CHARS] for each in reasons[:TOLD]]
    return {"verdict": found.verdict, "summary": found.summary, "reasons": cut}


def _found(fit: Fit, now: Moment) -> tuple[Verdict, dict[str, Any]]:
    """The verdict, and the figures that it rests on."""
    live = _loaded(fit.job)
    if live is None:
        return Verdict(note=verdict.FIRST), {}
    if fit.job.force:
        return Verdict(note=verdict.FORCED), {}
    if min(len(fit.plays), live.manifest["counts"]["plays"]) < verdict.ENOUGH:
        return Verdict(note=verdict.FEW), {}
    # By the gigs alone: these count for a warm fit too.
    held = _held(fit, live, now)
    before = live.manifest.get("quality") or {}
    # A person decided which sources count: the factors are of other plays than the live ones.
    if _is_recounted(fit, live):
        return verdict.decide([], [], *held, note=verdict.RECOUNTED), before
    if note := _why_not(fit, live, before.get("judged")):
        return verdict.decide([], _sanity_by(fit, before), *held, note=note), before
    return _judged(fit, live, held)


def _why_not(fit: Fit, live: Artifact, judged: Mapping[str, Any] | None) -> str:
    """Why it is not judged again; "" where it is."""
    if fit.job.start:
        return verdict.WARM
    is_same = _setting(live.model) == fit.setting
    return "" if verdict.is_asked(judged, len(fit.plays), is_same=is_same) else verdict.SAME


def _is_recounted(fit: Fit, live: Artifact) -> bool:
    """Whether nothing but the quarantined sources is different."""
    other_sources = live.quarantined != fit.interactions.quarantined
    return other_sources and live.model.recipe == fit.model.recipe


def _judged(
    fit: Fit, live: Artifact, held: tuple[list[str], list[str]]
) -> tuple[Verdict, dict[str, Any]]:
    model = fit.model
    # As tuning takes them: in date order, a million at most.
    gigs = past(fit.plays, model.artist_ids, model.venue_ids, model.as_of_ms)
    found = judge(gigs, fit.setting, _setting(live.model))
    if found is None:
        return verdict.decide([], [], *held, note=verdict.FEW), {}
    # A sample: the ten best of all artists would be ranked twice.
    ids = model.artist_ids[:: max(1, len(model.artist_ids) // _COMPARED)]
    sane = Sanity(
        affinity(model, fit.plays),
        affinity(found.model, found.train),
        agreement(model, found.model, ids),
    )
    quality = {"judged": found.as_json(), "sanity": sane._asdict()}
    return verdict.decide(found.reasons, sane.reasons, *held), quality


def _sanity_by(fit: Fit, before: Mapping[str, Any]) -> list[str]:
    """What a fit that is not judged lacks of the affinity that the live one had."""
    noted = before.get("sanity")
    if noted is None:
        return []
    return Sanity(affinity(fit.model, fit.plays), noted["affinity"], None).reasons


def _held(fit: Fit, live: Artifact, now: Moment) -> tuple[list[str], list[str]]:
    """What is gone, and what takes over."""
    gone = [*lost(Volume.from_manifest(live.manifest), fit.volume)]
    before = kept.stored(live)
    # Where sources were quarantined or released, a person decided what is new.
    if before is None or live.quarantined != fit.interactions.quarantined:
        return gone, []
    return gone, [*drift(before, now).reasons]


def _setting(model: Model) -> Setting:
    return Setting(model.recipe, model.weights)


def _loaded(job: Job) -> Artifact | None:
    """The live artifact; None where there is none, or none that can be read."""
    # A model that cannot be read must not keep others from being published.
    if job.live is None:
        return None
    try:
        return load(job.live)
    except BadArtifact as error:
        logger.warning("%s; nothing to compare with.", error)
        return None
