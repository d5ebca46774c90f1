"""The part Changes of a page: what differs from the list of an earlier generation's model."""

from typing import NamedTuple

from serving.lookup import Side
from trainer.registry.generations import Record
from web.api.changes import MAX_GENERATION
from web.console.console import Asking, Console
from web.errors import BadQuery
from web.live.changes import Changes, changed
from web.live.ranking import Asked


class Compared(NamedTuple):
    """What the part shows.

    Attributes:
        kept: generations that can be chosen, newest first.
        since: the one that is shown; None: there is none.
        found: the comparison.
    """

    kept: list[Record]
    since: int | None
    found: Changes | None


def compared(
    console: Console, side: Side, identity: str, *, since: int | None, asked: Asked
) -> Compared:
    """The list compared with that of an earlier generation.

    Args:
        console: what it is made from.
        side: of the id.
        identity: whose list.
        since: number of the generation; None: the newest with another model.
        asked: how many entries.

    Raises:
        NotThere: no model of this generation is kept.
        ServingError, NotReady, TooMany: something does not answer.
    """
    services = console.services
    live = services.live.followed.generation
    kept = services.earlier.kept()
    others = [each for each in kept if each.number != live]
    if since is None:
        # The same model under another number would show nothing.
        models = {each.artifact for each in kept if each.number == live}
        older = [each.number for each in others if each.artifact not in models]
        since = next(iter(older), None)
    if since is None:
        return Compared(others, None, None)
    # Filters are of the list alone: both lists are compared as they were published.
    plain = Asked(asked.n, returns=asked.returns)
    lists, earlier = services.lists, services.earlier
    found = changed(lists, earlier, side, identity, since=since, asked=plain)
    return Compared(others, since, found)


def since_of(request: Asking) -> int | None:
    """The generation in the address; None: none is named.

    Raises:
        BadQuery: it is no number of a generation.
    """
    text = request.query_params.get("since", "")
    if not text:
        return None
    # Not `isdigit`: it takes figures that `int` refuses.
    if not text.isdecimal() or not 1 <= (number := int(text[:20])) <= MAX_GENERATION:
        raise BadQuery("since", f"{text[:40]!r} is no generation", "choose one of the list")
    return number
