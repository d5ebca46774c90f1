"""A list as its page shows it: entries with bars, reasons in words, mirrored places and a map."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from consumer.events.statement import Venue
from serving.lookup import Side
from trainer.live.reasons import Reason
from trainer.ranking.words import NO_REASON, WORDS, raising
from web.console.bars import Bar, bars, legend
from web.console.console import Console
from web.console.maps import Map, Place, plotted
from web.console.text import link
from web.live.lists import Answer
from web.live.model import LiveModel, State
from web.live.pool import OTHER
from web.live.profile import profile
from web.live.ranking import Asked, Item
from web.live.why import Names, Why, why

REASONS = 2
"""Reasons of an entry in words."""


class Because(NamedTuple):
    """A reason in words; the cause, where there is one, stands between `before` and `after`."""

    part: float
    said: str
    before: str
    after: str
    side: Side
    cause: str | None
    name: str | None


class Row(NamedTuple):
    """An entry.

    Attributes:
        rank: from 1.
        item: of the list.
        bar: of its score; None: it is no candidate any more.
        because: its main reasons.
        mirrored: as which entry the subject stands in its list; None: not among those stored.
        facts: of a venue.
    """

    rank: int
    item: Item
    bar: Bar | None
    because: list[Because]
    mirrored: int | None = None
    facts: Venue | None = None


class Listing(NamedTuple):
    """A list.

    Attributes:
        answer: as the API gives it.
        rows: its entries.
        legend: colours of the terms.
        is_current: whether the reasons add up to the published scores.
        map: of its venues; None: nothing of them is known.
        no_reason: what an entry without a reason says.
    """

    answer: Answer
    rows: list[Row]
    legend: list[tuple[int, str]]
    is_current: bool
    map: Map | None
    no_reason: str = NO_REASON


def listing(console: Console, side: Side, identity: str, asked: Asked) -> Listing:
    """The asked part of a list, explained.

    Args:
        console: what it is made from.
        side: of the id.
        identity: whose list.
        asked: which part.

    Raises:
        ServingError: Redis does not answer.
        NotReady: the live model is not loaded.
    """
    services = console.services
    found = why(services.live, services.lists, side, identity, asked)
    ids = [item.id for item in found.answer.items or ()]
    mirrored = services.stored.places(OTHER[side], ids, identity) if ids else {}
    with services.live.reading() as state:
        places = [*_places(state, side, identity, found.answer)]
    made = shown(services.live, side, asked, found, places)
    return made._replace(
        rows=[row._replace(mirrored=mirrored.get(row.item.id)) for row in made.rows]
    )


def shown(
    live: LiveModel, side: Side, asked: Asked, found: Why, places: Sequence[Place]
) -> Listing:
    """A list that is explained already, as a page shows it.

    Args:
        live: the live model.
        side: for whom the list is.
        asked: which part.
        found: the list.
        places: for its map.
    """
    items, reasons = found.answer.items or (), found.explained.entries
    with live.reading() as state:
        # Of artists nothing is stated that could be shown.
        facts = {i.id: state.facts.of(i.id) for i in items} if side == "artist" else {}
    rows = [
        # An entry that is no candidate any more has no reasons, and no bar.
        Row(rank, item, bar if why_it else None, [*_because(side, why_it, found.names)])
        for rank, (item, why_it, bar) in enumerate(
            zip(items, reasons, bars(reasons), strict=True), asked.offset + 1
        )
    ]
    rows = [row._replace(facts=facts.get(row.item.id)) for row in rows]
    current, drawn = found.explained.current, plotted(places)
    return Listing(found.answer, rows, legend(reasons), current, drawn)


def _because(side: Side, reasons: Sequence[Reason], names: Names) -> Iterator[Because]:
    for part, reason in raising(reasons)[:REASONS]:
        said, more = WORDS[side][reason.term]
        before, _, after = more.partition("{}")
        name = names[reason.cause_of].get(reason.cause or "")
        yield Because(part, said, before, after, reason.cause_of, reason.cause, name)


def _places(state: State, side: Side, identity: str, answer: Answer) -> Iterator[Place]:
    """Where the listed venues are, and those that were played; of a venue, where it is."""
    if side == "venue":
        yield from place(state, identity, None, "•")
        return
    for each in profile(state, side, identity).met:
        yield from place(state, each.id, each.name, "")
    for rank, item in enumerate(answer.items or (), 1):
        yield from place(state, item.id, item.name, str(rank))


def place(state: State, identity: str, name: str | None, mark: str) -> Iterator[Place]:
    """Where a venue is, for a map; nothing where no statement says it.

    Args:
        state: the live model.
        identity: of the venue.
        name: for people.
        mark: its number in a list, or another mark.
    """
    facts = state.facts.of(identity)
    if facts and facts.lat is not None and facts.lng is not None:
        yield Place(facts.lat, facts.lng, name or identity, mark, link("venue", identity))
