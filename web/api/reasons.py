"""Why a list is what it is: the share of each term in the score of each entry, and its cause."""

from typing import Annotated

import msgspec
from litestar import get
from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation

from serving.lookup import Side
from trainer.live.reasons import Reason
from web.api.answers import AsOf, Entry, Origin
from web.api.lists import Identity
from web.api.problems import documented
from web.api.queries import both, pairs_asked, venue_filters
from web.api.services import Answering, Services
from web.live.filters import Filters
from web.live.ranking import Asked
from web.live.why import Names, Why, why


class Cause(msgspec.Struct):
    """What contributes most to a share: a played venue, an artist, or a bill-mate."""

    side: Side
    id: str
    name: str | None


class Share(msgspec.Struct):
    """One term of a score."""

    term: str
    share: Annotated[
        float,
        msgspec.Meta(
            description="The part of the score that the term adds, in units of the score and not a "
            "fraction of 1: weight * z[term]. 0 is what the average candidate has; below 0 it "
            "lowers the entry. All shares of an entry add up to its score."
        ),
    ]
    cause: Annotated[Cause | None, msgspec.Meta(description="Null where the term has none.")]


class Explained(Entry):
    """An entry of the list, with its reasons."""

    shares: Annotated[
        list[Share],
        msgspec.Meta(
            description="Greatest first; none for an entry that is no candidate any more."
        ),
    ]


class Reasons(msgspec.Struct):
    """The asked part of a list, explained."""

    id: str
    generation: int
    as_of: AsOf
    source: Origin
    is_current: Annotated[
        bool,
        msgspec.Meta(
            description="Whether the shares add up to the scores. Otherwise plays or vectors "
            "changed since the list was published, and the shares are as of now."
        ),
    ]
    items: list[Explained]


@get(
    "/artists/{identity:str}/why",
    dependencies={
        "asked": Provide(pairs_asked, sync_to_thread=False),
        "filters": Provide(venue_filters, sync_to_thread=False),
    },
    responses=documented(503),
    summary="Why these venues",
    tags=["lists"],
    sync_to_thread=True,
)
def of_artist(
    services: Answering,
    identity: Identity,
    asked: NamedDependency[SkipValidation[Asked]],
    filters: NamedDependency[SkipValidation[Filters]],
) -> Reasons:
    """The list of an artist with its reasons: what each term adds to each score."""
    return _explained(services, "artist", identity, both(asked, filters))


@get(
    "/venues/{identity:str}/why",
    dependencies={"asked": Provide(pairs_asked, sync_to_thread=False)},
    responses=documented(503),
    summary="Why these artists",
    tags=["lists"],
    sync_to_thread=True,
)
def of_venue(
    services: Answering, identity: Identity, asked: NamedDependency[SkipValidation[Asked]]
) -> Reasons:
    """The list of a venue with its reasons."""
    return _explained(services, "venue", identity, asked)


def _explained(services: Services, side: Side, identity: str, asked: Asked) -> Reasons:
    found = why(services.live, services.lists, side, identity, asked)
    answer = found.answer
    return Reasons(
        id=identity,
        generation=answer.generation,
        as_of=answer.as_of,
        source=answer.source,
        is_current=found.explained.current,
        items=[
            Explained(*item, shares=shares)
            for item, shares in zip(answer.items or (), all_shares(found), strict=True)
        ],
    )


def all_shares(found: Why) -> list[list[Share]]:
    """The shares of each entry of a list, greatest first."""
    entries = found.explained.entries
    return [[_share(reason, found.names) for reason in reasons] for reasons in entries]


def _share(reason: Reason, names: Names) -> Share:
    return Share(reason.term, reason.share, _cause(reason, names))


def _cause(reason: Reason, names: Names) -> Cause | None:
    if reason.cause is None:
        return None
    return Cause(reason.cause_of, reason.cause, names[reason.cause_of].get(reason.cause))
