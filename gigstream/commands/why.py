"""`--why` of `artist` and `venue`: the reasons of a list, in words and as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gigstream.reasons import Explained, Reason
from gigstream.terminal import plain
from serving.lookup import Item, Lookup, Recommendation, Side

Names = Mapping[Side, Mapping[str, str]]

SHOWN = 3
"""Reasons of an entry in words; JSON has all."""
LEAST_SHOWN = 0.05
"""Of the sum of all shares above 0."""
NO_REASON = "nothing sets it apart: it is as good as the average"

WORDS: Mapping[Side, Mapping[str, tuple[str, str]]] = {
    "artist": {
        "popularity": ("many artists play here these months", ""),
        "liveness": ("there were gigs here lately", ""),
        "mates": ("artists you shared a bill with play here now", ", above all {}"),
        "als": ("artists like you play here", ", as your gigs at {} show"),
        "own": ("you played here before", ""),
        "rp3": ("artists who play your venues play here too", ", above all those of {}"),
    },
    "venue": {
        "popularity": ("plays at many venues these months", ""),
        "liveness": ("had gigs lately", ""),
        "als": ("is like artists who play here", ", above all {}"),
        "own": ("has played here before", ""),
    },
}
"""By term: what it says to people, and what its cause adds."""


def names_of(lookup: Lookup, side: Side, found: Recommendation, explained: Explained) -> Names:
    """Names of the entries and of all causes.

    Args:
        lookup: where names are.
        side: for whom the list is.
        found: the list.
        explained: its reasons.
    """
    wanted: dict[Side, list[str]] = {"artist": [], "venue": []}
    wanted["venue" if side == "artist" else "artist"] += [item.id for item in found.items]
    for reason in (each for entry in explained.entries for each in entry):
        wanted[reason.cause_of] += [] if reason.cause is None else [reason.cause]
    # An artist and a venue may have the same id.
    return {of: lookup.names(ids, of=of) for of, ids in wanted.items()}


def lines(side: Side, found: Recommendation, explained: Explained, names: Names) -> Iterator[str]:
    """The list, with the main reasons below each entry.

    Args:
        side: for whom it is.
        found: the list.
        explained: its reasons.
        names: of entries and causes.
    """
    called = names["venue" if side == "artist" else "artist"]
    for rank, (item, reasons) in enumerate(zip(found.items, explained.entries, strict=True), 1):
        yield f"{rank:>2}  {_entry(item, called)}"
        yield from (f"      {line}" for line in main_reasons(side, reasons, names))


def main_reasons(side: Side, reasons: Sequence[Reason], names: Names) -> list[str]:
    """What raises an entry most, each with its part of all that raises it.

    Args:
        side: for whom the list is.
        reasons: of the entry, greatest share first.
        names: of causes.
    """
    # Parts of the sum of all shares would exceed 100 % where others lower the entry.
    raised = sum(max(each.share, 0) for each in reasons)
    shown = [each for each in reasons[:SHOWN] if each.share > LEAST_SHOWN * raised]
    said = [f"{each.share / raised:4.0%}  {_words(side, each, names)}" for each in shown]
    return said or [NO_REASON]


def as_json(reasons: Sequence[Reason], names: Names) -> list[dict[str, Any]]:
    """All shares of one entry; `cause` is null where a term has none.

    Args:
        reasons: of the entry.
        names: of causes.
    """
    return [
        {"term": each.term, "share": each.share, "cause": _cause(each, names)} for each in reasons
    ]


def _entry(item: Item, called: Mapping[str, str]) -> str:
    name = f"  {plain(called[item.id])}" if item.id in called else ""
    plays = f", played {item.plays} times" if item.plays else ""
    return f"{item.id}{name}  (score {item.score:.3f}{plays})"


def _words(side: Side, reason: Reason, names: Names) -> str:
    said, more = WORDS[side][reason.term]
    if reason.cause is None:
        return said
    return said + more.format(plain(names[reason.cause_of].get(reason.cause, reason.cause)))


def _cause(reason: Reason, names: Names) -> dict[str, str | None] | None:
    if reason.cause is None:
        return None
    name = names[reason.cause_of].get(reason.cause)
    return {"side": reason.cause_of, "id": reason.cause, "name": name}
