"""The one rule of what may be printed of options that are handed through to a library.

A value is printed only where the option's name says that it is harmless: a number, a place, a
protocol. Everything else is masked, so that the password under a misspelt name is masked too.
"""

import re
from collections.abc import Mapping

MASK = "***"

_SECRET = re.compile(
    r"pass|secret|token|credential|jaas|keystore|user\.?info|\bkey\b|key[._]?pem|private",
    re.IGNORECASE,
)
_HARMLESS = re.compile(
    r"(^|[._])(id|ids|ms|s|seconds|timeout|interval|bytes|kb|kbytes|messages|max|min|size|num|count"
    r"|retries|memory|cores|partitions|protocol|mechanisms?|method|location|path|dir|file|certfile"
    r"|ca[._]certs|cert[._]reqs|username|name|host|port|db|level|type|version|policy|strategy|family"
    r"|acks|linger|enable|enabled|keepalive|check[._]hostname)$",
    re.IGNORECASE,
)


def is_secret(name: str) -> bool:
    """Whether an option's name says that its value is not for the eyes of others."""
    return bool(_SECRET.search(name))


def masked(options: Mapping[str, str]) -> dict[str, str]:
    """The options as they may be printed."""
    return {name: value if _is_shown(name) else MASK for name, value in options.items()}


def _is_shown(name: str) -> bool:
    return bool(_HARMLESS.search(name)) and not is_secret(name)
