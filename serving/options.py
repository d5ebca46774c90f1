"""redis-py options that our settings do not name: given as text, handed on typed."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import redis
from redis.connection import URL_QUERY_ARGUMENT_PARSERS
from redis.exceptions import RedisError

_REFUSED = {
    r"decode_responses|encoding|encoding_errors|legacy_responses|parser_class": (
        "answers are read as UTF-8 bytes"
    ),
    r"retry|retry_on_error|retry_on_timeout": "how often a call is repeated is ours",
    r"cache|cache_config|command_packer|connection_pool|credential_provider|driver_info"
    r"|event_dispatcher|himport_registry|maint_notifications_config|redis_connect_func"
    r"|(maint_notifications_pool|oss_cluster_maint_notifications)_handler"
    r"|socket_keepalive_options|ssl_ocsp_context": "it takes an object of Python, not a text",
}
"""Options by name, as patterns, and why they cannot be set."""


def typed(options: Mapping[str, str]) -> dict[str, Any]:
    """As redis-py would read them from a URL's query.

    Raises:
        ValueError: a value is not of its option's type.
    """
    return {name: _typed(name, value) for name, value in options.items()}


def check(url: str, options: Mapping[str, str]) -> None:
    """Build a connection, without opening it.

    Args:
        url: the server's, with what its query asks for.
        options: beside it.

    Raises:
        ValueError: redis-py does not know an option, or not its value, or we cannot live with it.
    """
    for name in [*options, *(name for name, _ in parse_qsl(urlsplit(url).query))]:
        for pattern, reason in _REFUSED.items():
            if re.fullmatch(pattern, name):
                raise ValueError(f"the option {name!r} is not yours to set ({reason}); remove it")
    try:
        redis.ConnectionPool.from_url(url, **typed(options)).make_connection()
    except (RedisError, ValueError) as error:
        raise ValueError(f"{_line(error)}; see redis-py's options of a connection") from None
    except TypeError as error:
        name = str(error).rpartition("argument ")[2]
        raise ValueError(f"redis-py has no option {name}: see its Connection class") from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


def _typed(name: str, value: str) -> Any:  # noqa: ANN401 - redis-py's own types
    parsers: Mapping[str, Callable[[str], Any]] = URL_QUERY_ARGUMENT_PARSERS  # type: ignore[assignment]
    try:
        return parsers.get(name, str)(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {value!r} cannot be read ({error})") from None
