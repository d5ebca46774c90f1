"""The lists, for an app: one call, one round trip, never an empty answer.

    lookup = Lookup(redis.Redis("localhost"))
    for venue in lookup.artist("radiohead", n=5).items:
        print(venue.id, venue.score)

Needs `redis` and nothing else of gigstream's dependencies. Any client of redis-py's will do,
whether it decodes responses or not; it belongs to the caller. `AsyncLookup` is the same for
asyncio.
"""

from collections.abc import Iterable
from typing import Any

import redis
from redis.exceptions import RedisError

from .errors import ServingError
from .reader.answers import Info, Item, Match, Recommendation
from .reader.list_cache import Cache
from .reader.reading import Answer, Commands, Reader, Side, Steps
from .redis_errors import translate

__all__ = ["Cache", "Info", "Item", "Lookup", "Match", "Recommendation", "Side"]


class Lookup(Reader[redis.Redis]):
    """Reads what the publisher of `prefix` wrote.

    All methods raise `serving.errors.ServingError`s, whose text is one line with the remedy:
    `NotPublished`, `RedisUnreachable`, `LoginRefused`, `RedisUnfit`, `Unreadable`. An id that is
    not text is a TypeError.

    Args:
        client: of redis-py.
        prefix: of the keys.
        clock: epoch seconds, for ages.
        cache: holds lists in memory and drops those that change events name; for this object
            alone. None: each answer is read from Redis.
    """

    def artist(self, artist_id: str, n: int = 10, *, returns: bool = False) -> Recommendation:
        """The best venues for an artist.

        Args:
            artist_id: known or not: an unknown one gets the popular list.
            n: how many, at least 1.
            returns: venues that the artist has played count too.
        """
        return self._run(self._reading.artist(artist_id, n, returns=returns))

    def venue(self, venue_id: str, n: int = 10, *, returns: bool = False) -> Recommendation:
        """The best artists for a venue.

        Args:
            venue_id: known or not: an unknown one gets the popular list.
            n: how many, at least 1.
            returns: artists who have played there count too.
        """
        return self._run(self._reading.venue(venue_id, n, returns=returns))

    def artists(
        self, artist_ids: Iterable[str], n: int = 10, *, returns: bool = False
    ) -> dict[str, Recommendation]:
        """The same for many artists by id, in one round trip and of one generation.

        Args:
            artist_ids: see `artist`.
            n: how many for each.
            returns: see `artist`.
        """
        return self._run(self._reading.artists(artist_ids, n, returns=returns))

    def venues(
        self, venue_ids: Iterable[str], n: int = 10, *, returns: bool = False
    ) -> dict[str, Recommendation]:
        """The same for many venues by id, in one round trip and of one generation.

        Args:
            venue_ids: see `venue`.
            n: how many for each.
            returns: see `venue`.
        """
        return self._run(self._reading.venues(venue_ids, n, returns=returns))

    def names(self, ids: Iterable[str], *, of: Side) -> dict[str, str]:
        """Display names by id, in one round trip; ids without a name are left out."""
        return self._run(self._reading.names(ids, of))

    def infos(self, ids: Iterable[str], *, of: Side) -> dict[str, Info]:
        """Names, places, capacities and genres by id; unknown ids are left out."""
        return self._run(self._reading.infos(ids, of))

    def search(self, text: str, *, of: Side, limit: int = 20) -> list[Match]:
        """Ids whose name contains a text, whatever its case and accents; closest first.

        Reads every name (100k take some 0.6 s): for people, not for every request.

        Args:
            text: part of a name.
            of: whose names.
            limit: most matches.
        """
        return self._run(self._reading.search(text, of, limit))

    def _run(self, steps: Steps[Answer]) -> Answer:
        try:
            commands = next(steps)
            while True:
                try:
                    found = self._send(commands)
                except ServingError as error:
                    commands = steps.throw(error)
                else:
                    commands = steps.send(found)
        except StopIteration as done:
            answer: Answer = done.value
            return answer

    def _send(self, commands: Commands) -> list[Any]:
        """One round trip."""
        try:  # not `translated`: a context manager would cost each look-up a microsecond
            if len(commands) == 1:
                command = commands[0]
                return [self._client.execute_command(*command)]  # type: ignore[no-untyped-call]
            with self._client.pipeline(transaction=False) as pipe:
                for command in commands:
                    pipe.execute_command(*command)  # type: ignore[no-untyped-call]
                return pipe.execute()
        except RedisError as error:
            raise translate(error, self._client, self._reading.prefix) from error
