"""redis-py options that our settings do not name: given as text, handed on typed."""

from collections.abc import Callable, Mapping
from typing import Any

import redis
from redis.connection import URL_QUERY_ARGUMENT_PARSERS


def typed(options: Mapping[str, str]) -> dict[str, Any]:
    """As redis-py would read them from a URL's query.

    Raises:
        ValueError: a value is not of its option's type.
    """
    return {name: _typed(name, value) for name, value in options.items()}


def check(url: str, options: Mapping[str, str]) -> None:
    """Build a connection, without opening it.

    Raises:
        ValueError: redis-py does not know an option, or not its value.
    """
    try:
        redis.ConnectionPool.from_url(url, **typed(options)).make_connection()
    except TypeError as error:
        said = str(error).rpartition("argument ")[2]
        raise ValueError(f"redis-py has no option {said}: see its Connection class") from error


def _typed(name: str, value: str) -> Any:  # noqa: ANN401 - redis-py's own types
    parsers: Mapping[str, Callable[[str], Any]] = URL_QUERY_ARGUMENT_PARSERS  # type: ignore[assignment]
    try:
        return parsers.get(name, str)(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {value!r} cannot be read ({error}); see redis-py") from error
