"""Warnings where the data's clock is ahead of this machine's."""

import time

from consumer.events import DAY_MS

_SHOWN = "%Y-%m-%dT%H:%M:%SZ"


def now_ms() -> int:
    """This machine's clock, epoch ms."""
    return time.time_ns() // 1_000_000


def day(epoch_ms: int | None) -> str | None:
    """Format an instant as text, to the second; None if there is none."""
    return None if epoch_ms is None else time.strftime(_SHOWN, time.gmtime(epoch_ms // 1000))


def warnings(as_of_ms: int | None, ahead: int, now_ms: int) -> list[str]:
    """Compare the data's clock with this machine's; empty if nothing is wrong.

    Args:
        as_of_ms: date from which plays age, epoch ms; None without plays.
        ahead: gigs that count whose statements are over a day ahead of this machine's clock.
        now_ms: this machine's clock, epoch ms.
    """
    found = []
    if as_of_ms is not None and as_of_ms > now_ms:
        hours = (as_of_ms - now_ms) / DAY_MS * 24
        found.append(
            f"as_of is {day(as_of_ms)}, {hours:,.1f} hours ahead of this machine's clock; "
            "plays age from there: compare the clocks of this machine and of the sources"
        )
    if ahead:
        found.append(
            f"{ahead:,} gigs count whose statements are dated over a day ahead of this machine's "
            "clock; as_of skips them: have their sources correct or cancel them"
        )
    return found
