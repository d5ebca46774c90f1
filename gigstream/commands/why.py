"""`--why` of `artist` and `venue`: the reasons of a list, in words and as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gigstream.texts import plain
from serving.lookup import Item, Lookup, Recommendation, Side
from trainer.live.reasons import Explained, Reason
from trainer.ranking.words import NO_REASON, WORDS, raising

Names = Mapping[Side, Mapping[str, str]]


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
    said = [f"{each.part:4.0%}  {_words(side, each.reason, names)}" for each in raising(reasons)]
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
