"""When to refit, and whether warm: pure decisions from what is known and the time."""

from dataclasses import dataclass

LITTLE = 0.5
"""So many changed plays, as a share of those fitted on, are still worth an earlier model's vectors:
beyond, a warm fit takes as many sweeps as a cold one."""


@dataclass(frozen=True)
class Policy:
    """Refit by clock, by volume, and never for nothing."""

    interval_s: float
    """A model older than this is refitted as soon as anything new was said."""
    share: float
    """So many changed plays, as a share of those fitted on, make a refit due at once."""
    quiet_s: float
    """A refit that is due waits until the stream has paused for so long ..."""
    patience_s: float
    """... but not longer than this."""
    warm_refits: int
    """After so many warm refits in a row one starts anew."""


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


def refit_due(known: Known, policy: Policy, now_s: float) -> bool:
    """Is it time to refit?"""
    return _wanted(known, policy, now_s) and _settled_down(known, policy, now_s)


def warm(known: Known, policy: Policy) -> bool:
    """Whether a refit should start from the live model's vectors."""
    if known.fitted_plays is None or known.recipe_changed:
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
    """Refitting in the midst of an import would only be repeated after it."""
    quiet = now_s - known.last_change_s >= policy.quiet_s
    return quiet or now_s - known.first_change_s >= policy.patience_s
