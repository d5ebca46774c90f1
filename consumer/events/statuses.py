"""The statuses of a gig, and the other words by which sources send them.

A word is compared without capitals, spaces, hyphens, underscores, and without the address of
schema.org. A source's own words (setting ``statuses``) come first, then the table below, then
phrases that plainly say that the gig is cancelled (``CANCELLED_BY_ARTIST``). A word that none of
them knows is refused by `codec._status`.
"""

import re
from collections.abc import Mapping

STATUSES = ("confirmed", "rescheduled", "postponed", "performed", "cancelled")

Words = Mapping[str, Mapping[str, str]]
"""By source, the status that each of its own words means; keys as `key` makes them."""

_MEANINGS = {
    "confirmed": "scheduled eventscheduled tentative planned announced active ok onsale presale "
    "offsale soldout",
    "rescheduled": "eventrescheduled moved eventmovedonline movedonline",
    "postponed": "eventpostponed",
    "performed": "completed finished ended played past done",
    "cancelled": "canceled eventcancelled eventcanceled cancel calledoff withdrawn declined "
    "rejected deleted removed",
}
_ALIASES = {name: name for name in STATUSES} | {
    word: status for status, words in _MEANINGS.items() for word in words.split()
}
_MAX_LENGTH = 200
"""Characters; a longer text is no status."""

_SCHEMA_ORG = re.compile(r"^(?:(?:https?://)?(?:www\.)?schema\.org[/#]|schema:)")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NO_LETTER = re.compile(r"[\W\d_]+")
_CANCELLED = re.compile(r"cancel(?:l?ed|l?ad[oa]|lat[oa])|annul(?:e|é|ee|ée|lat[oa])|abgesagt")
_DOUBTFUL = {
    "not",
    "no",
    "never",
    "un",
    "non",
    "maybe",
    "partially",
    "pending",
    "requested",
    "reinstated",
}


def key(text: str) -> str:
    """What is compared of a word: without capitals, spaces, hyphens, underscores, address."""
    plain = _SCHEMA_ORG.sub("", text.strip().casefold()).rstrip("/#")
    return plain.translate({ord(each): None for each in " _-"})


def meaning(text: str, own: Mapping[str, str] | None = None) -> str | None:
    """The status that a word means; None: unknown.

    Args:
        text: as it was sent.
        own: the words of its source, by `key`.
    """
    if len(text) > _MAX_LENGTH:
        return None
    if own:
        found = own.get(key(text))
        if found:
            return found
    return _ALIASES.get(text) or _ALIASES.get(key(text)) or _of_phrase(text)


def speaks_of_cancelling(text: str) -> bool:
    """Whether an unknown status may mean that its gig is off."""
    return "cancel" in text[:_MAX_LENGTH].casefold()


def _of_phrase(text: str) -> str | None:
    words = _NO_LETTER.sub(" ", _CAMEL.sub(" ", text)).casefold().split()
    # "Not cancelled" and "cancellation requested" must cancel nothing.
    says_so = any(_CANCELLED.fullmatch(word) for word in words)
    return "cancelled" if says_so and not _DOUBTFUL & set(words) else None
