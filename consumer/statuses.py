"""The statuses of a gig, and the other names under which sources send them."""

import re

STATUSES = ("confirmed", "rescheduled", "postponed", "performed", "cancelled")

_ALIASES = {name: name for name in STATUSES} | {
    "canceled": "cancelled",
    "eventcancelled": "cancelled",
    "eventpostponed": "postponed",
    "eventrescheduled": "rescheduled",
    "eventscheduled": "confirmed",
}
_SCHEMA_ORG = re.compile(r"^https?://schema\.org/")


def meaning(text: str) -> str | None:
    """The status that is meant; None where nobody knows."""
    return _ALIASES.get(text) or _ALIASES.get(_SCHEMA_ORG.sub("", text.strip().lower()))
