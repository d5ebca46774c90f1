"""The lists, for an app on asyncio: `Lookup` with `await`.

found = await AsyncLookup(redis.asyncio.Redis()).artist("radiohead", n=5)
"""

from collections.abc import Iterable
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

from .errors import ServingError
from .reader.answers import Info, Match, Recommendation
from .reader.reading import Answer, Commands, Reader, Side, Steps
from .redis_errors import translate


class AsyncLookup(Reader[redis.asyncio.Redis]):
    """What `Lookup` does, for a client of `redis.asyncio`.

    Args:
        client: of redis-py's asyncio part; it belongs to the caller.
        prefix: of the keys.
        clock: epoch seconds, for ages.
        cache: see `Lookup`.
    """

    async def artist(self, artist_id: str, n: int = 10, *, returns: bool = False) -> Recommendation:
        """The best venues for an artist; see `Lookup.artist`."""
        return await self._run(self._reading.artist(artist_id, n, returns=returns))

    async def venue(self, venue_id: str, n: int = 10, *, returns: bool = False) -> Recommendation:
        """The best artists for a venue; see `Lookup.venue`."""
        return await self._run(self._reading.venue(venue_id, n, returns=returns))

    async def artists(
        self, artist_ids: Iterable[str], n: int = 10, *, returns: bool = False
    ) -> dict[str, Recommendation]:
        """Lists of many artists by id, in one round trip; see `Lookup.artists`."""
        return await self._run(self._reading.artists(artist_ids, n, returns=returns))

    async def venues(
        self, venue_ids: Iterable[str], n: int = 10, *, returns: bool = False
    ) -> dict[str, Recommendation]:
        """Lists of many venues by id, in one round trip; see `Lookup.venues`."""
        return await self._run(self._reading.venues(venue_ids, n, returns=returns))

    async def names(self, ids: Iterable[str], *, of: Side) -> dict[str, str]:
        """Display names by id; ids without a name are left out."""
        return await self._run(self._reading.names(ids, of))

    async def infos(self, ids: Iterable[str], *, of: Side) -> dict[str, Info]:
        """Names, places, capacities and genres by id; see `Lookup.infos`."""
        return await self._run(self._reading.infos(ids, of))

    async def search(self, text: str, *, of: Side, limit: int = 20) -> list[Match]:
        """Ids whose name contains a text; see `Lookup.search`."""
        return await self._run(self._reading.search(text, of, limit))

    async def _run(self, steps: Steps[Answer]) -> Answer:
        try:
            commands = next(steps)
            while True:
                try:
                    found = await self._send(commands)
                except ServingError as error:
                    commands = steps.throw(error)
                else:
                    commands = steps.send(found)
        except StopIteration as done:
            answer: Answer = done.value
            return answer

    async def _send(self, commands: Commands) -> list[Any]:
        """One round trip."""
        try:  # not `translated`: a context manager would cost each look-up a microsecond
            if len(commands) == 1:
                command = commands[0]
                return [await self._client.execute_command(*command)]  # type: ignore[no-untyped-call]
            async with self._client.pipeline(transaction=False) as pipe:
                for command in commands:
                    pipe.execute_command(*command)
                return await pipe.execute()
        except RedisError as error:
            raise translate(error, self._client, self._reading.prefix) from error
