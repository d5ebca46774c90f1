"""Lists as a request asks for them: stored ones where they answer it, scored ones where not."""

from collections.abc import Container, Sequence
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from serving.lookup import Recommendation, Side
from trainer.ranking.subject import Subject
from web.errors import BadQuery
from web.live.filters import Filters
from web.live.model import LiveModel, State
from web.live.pool import OTHER
from web.live.ranking import Asked, Item, known_subject, popular, ranked
from web.live.stored import StoredLists, tag
from web.live.what_if import Play, described

Source = Literal["model", "foldin", "popular", "live"]


class Answer(NamedTuple):
    """A part of a list, best first."""

    tag: str
    """What changes when the list may have changed."""
    generation: int
    as_of_s: int
    """The data's clock, epoch seconds."""
    source: Source
    items: Sequence[Item] | None = None
    """None: the asker knows them."""

    @property
    def as_of(self) -> datetime:
        """The data's clock (UTC)."""
        return datetime.fromtimestamp(self.as_of_s, UTC)


class ListReader:
    """Reads lists of known, unknown and described artists and venues.

    Its methods raise `serving.errors.ServingError`s where Redis fails, and `NotReady` where the
    live model is needed and not there.

    Args:
        stored: the lists in Redis.
        live: the live model.
    """

    def __init__(self, stored: StoredLists, live: LiveModel) -> None:
        self._stored, self._live = stored, live

    def read(self, side: Side, identity: str, asked: Asked, known: Container[str] = ()) -> Answer:
        """The asked part of the list of one id; an unknown one gets the popular list.

        Args:
            side: of the id.
            identity: known or not.
            asked: which part.
            known: tags of answers that the asker has.
        """
        if asked.filters:
            return self._scored(side, identity, asked, known)
        until = asked.offset + asked.n
        found = self._stored.read(side, identity, until, returns=asked.returns)
        answer = Answer(tag(found), found.generation, int(found.as_of.timestamp()), found.source)
        # A list below the stored size ends because its candidates do.
        if until > len(found.items) >= self._stored.size:
            beyond = self._beyond(side, found, asked)
            # A page that is made from both has the tags of both.
            answer = answer._replace(tag=f"{answer.tag}+{beyond.tag}")
            items = [*self._named(side, found, asked), *(beyond.items or ())]
        elif answer.tag in known:
            return answer
        else:
            items = self._named(side, found, asked)
        return answer if answer.tag in known else answer._replace(items=items)

    def described(self, side: Side, plays: Sequence[Play], asked: Asked) -> Answer:
        """The asked part of the list of one that is described by its plays alone.

        Args:
            side: of the described one.
            plays: of the other side; none: the popular list.
            asked: which part.

        Raises:
            UnknownId: a play names an unknown id.
        """
        with self._live.reading() as state:
            return of_described(state, side, plays, asked).answer

    def names(self, side: Side, ids: list[str]) -> dict[str, str]:
        """Display names of entries of a list.

        Args:
            side: for whom the list is.
            ids: of the other side.
        """
        # Redis has the same names: asked where the live model is busy or not there.
        names = self._live.names(OTHER[side], ids)
        return self._stored.names(OTHER[side], ids) if names is None else names

    def _scored(
        self, side: Side, identity: str, asked: Asked, known: Container[str] = ()
    ) -> Answer:
        _check(side, asked.filters)
        with self._live.reading() as state:
            if state.tag in known:
                return _answer(state, "live", None)
            return _of_id(state, side, identity, asked)

    def _named(self, side: Side, found: Recommendation, asked: Asked) -> list[Item]:
        part = found.items[asked.offset : asked.offset + asked.n]
        names = self.names(side, [item.id for item in part])
        return [Item(item.id, names.get(item.id), item.score, item.plays) for item in part]

    def _beyond(self, side: Side, found: Recommendation, asked: Asked) -> Answer:
        """What follows a stored list, which may have been made before later fold-ins.

        Its own entries are left out, so that no page repeats or loses one.
        """
        size, until = len(found.items), asked.offset + asked.n
        further = Asked(
            n=until - max(size, asked.offset),
            offset=max(0, asked.offset - size),
            returns=asked.returns,
            filters=Filters(exclude=frozenset(item.id for item in found.items)),
        )
        return self._scored(side, found.id, further)


class OfDescribed(NamedTuple):
    """A list for one that is only described.

    Attributes:
        answer: the list.
        subject: whom it is for; None: without a play it is the popular list.
    """

    answer: Answer
    subject: Subject | None


def of_described(state: State, side: Side, plays: Sequence[Play], asked: Asked) -> OfDescribed:
    """The asked part of the list of one that is described by its plays alone.

    Args:
        state: the live model.
        side: of the described one.
        plays: of the other side; none: the popular list.
        asked: which part.

    Raises:
        UnknownId: a play names an unknown id.
    """
    _check(side, asked.filters)
    pool = state.pools[side]
    # Without a play there is no vector, and the formula would rank by popularity alone.
    if not plays:
        return OfDescribed(_answer(state, "popular", popular(pool, asked, state.columns)), None)
    subject = described(pool, state.generation.current, plays)
    return OfDescribed(_answer(state, "live", ranked(pool, subject, asked, state.columns)), subject)


def _of_id(state: State, side: Side, identity: str, asked: Asked) -> Answer:
    pool = state.pools[side]
    row = pool.subjects.row(identity)
    subject = None if row is None or row >= pool.plays.n_artists else known_subject(pool, row)
    if subject is None or not len(subject.plays):
        return _answer(state, "popular", popular(pool, asked, state.columns))
    return _answer(state, "live", ranked(pool, subject, asked, state.columns))


def _answer(state: State, source: Source, items: Sequence[Item] | None) -> Answer:
    return Answer(state.tag, state.generation.number, state.as_of_s, source, items)


def _check(side: Side, filters: Filters) -> None:
    if side == "venue" and filters.asks_for_facts:
        raise BadQuery(
            "filters",
            "position, city, country and capacity are filters of venues",
            "leave them out where artists are ranked for a venue",
        )
