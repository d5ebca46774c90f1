"""When to refit, and whether warm: pure decisions from what is known and the time."""

from dataclasses import dataclass

from trainer.live.following import Following
from trainer.live.generation import Generation
from trainer.live.refit import warm_fits
from trainer.recipe import Recipe
from trainer.settings import TrainerSettings

LITTLE = 0.5
"""Up to this share of changed plays, of those fitted on, an earlier model's vectors are worth
starting from; beyond, a warm fit takes as many sweeps as a cold one."""


@dataclass(frozen=True)
class Policy:
    """Refit by clock, by volume, and never for nothing."""

    interval_s: float
    """A model older than this is refitted as soon as anything new was said."""
    share: float
    """This share of changed plays, of those fitted on, makes a refit due at once."""
    quiet_s: float
    """A refit that is due waits until the stream has paused for so long ..."""
    patience_s: float
    """... but not longer than this."""
    warm_refits: int
    """After this many warm refits in a row, the next is a cold one."""

    @classmethod
    def from_settings(cls, settings: TrainerSettings) -> "Policy":
        """The policy that these settings ask for."""
        return cls(
            interval_s=settings.refit_interval_s,
            share=settings.refit_share,
            quiet_s=settings.refit_quiet_s,
            patience_s=settings.refit_patience_s,
            # Spark's ALS accepts no initial vectors.
            warm_refits=0 if settings.engine == "spark" else settings.warm_refits,
        )


@dataclass(frozen=True)
class Known:
    """What the trainer knows. Times are of one monotonic clock, in seconds."""

    plays: int
    changed: int
    """Statements stored since the live model's fit began."""
    fitted_plays: int | None
    """Plays in the live model's fit; None before the first."""
    fitted_at_s: float
    recipe_changed: bool
    """Whether the live model was fitted by other settings than today's."""
    warm_fits: int
    """Refits since the live model's history began with a cold one."""
    first_change_s: float
    last_change_s: float
    recounted: bool = False
    """Whether the live model was fitted with other sources quarantined than now."""


def known(
    following: Following, live: Generation | None, recipe: Recipe, fitted_at_s: float
) -> Known:
    """What is known now.

    Args:
        following: what is settled.
        live: the published generation, if there is one.
        recipe: of today's settings.
        fitted_at_s: when the live model was fitted, of a monotonic clock.
    """
    manifest = live.artifact.manifest if live else None
    events = following.interactions.events
    return Known(
        plays=len(following.plays),
        changed=abs(events - manifest["counts"]["events"]) if manifest else events,
        fitted_plays=manifest["counts"]["plays"] if manifest else None,
        fitted_at_s=fitted_at_s,
        recipe_changed=live is not None and live.model.recipe != recipe,
        warm_fits=warm_fits(manifest) if manifest else 0,
        first_change_s=following.first_change_s or 0.0,
        last_change_s=following.last_change_s,
        recounted=is_recounted(following, live),
    )


def is_recounted(following: Following, live: Generation | None) -> bool:
    """Whether the live model was fitted with other sources quarantined than now."""
    return live is not None and live.artifact.quarantined != following.interactions.quarantined


def refit_due(known: Known, policy: Policy, now_s: float) -> bool:
    """Whether it is time to refit.

    Args:
        known: what the trainer knows of plays and model.
        policy: the settings of refits.
        now_s: the time, of the clock of `known`.
    """
    # A decision is not followed by a stream of others: it needs no pause.
    if known.recounted:
        return known.plays > 0
    return _wanted(known, policy, now_s) and _settled_down(known, policy, now_s)


def warm(known: Known, policy: Policy) -> bool:
    """Whether a refit should start from the live model's vectors."""
    if known.fitted_plays is None or known.recipe_changed or known.recounted:
        return False
    little_changed = known.changed <= LITTLE * known.fitted_plays
    return little_changed and known.warm_fits < policy.warm_refits


def _wanted(known: Known, policy: Policy, now_s: float) -> bool:
    if known.fitted_plays is None:
        return known.plays > 0
    if not known.plays or known.recipe_changed:
        return known.plays > 0
    if not known.changed:
        return False
    by_volume = known.changed >= policy.share * max(known.fitted_plays, 1)
    return by_volume or now_s - known.fitted_at_s >= policy.interval_s


def _settled_down(known: Known, policy: Policy, now_s: float) -> bool:
    """A refit during an import would only be repeated after it."""
    quiet = now_s - known.last_change_s >= policy.quiet_s
    return quiet or now_s - known.first_change_s >= policy.patience_s
