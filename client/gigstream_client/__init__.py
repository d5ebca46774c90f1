"""Lists and events of gigstream for apps and booking systems, without its server packages.

    from gigstream_client import Lookup      # needs redis: extra `lookup`
    from gigstream_client import Event, encode      # needs msgspec: extra `events`

A name is imported when it is first used, so that either half works without the other's library.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .events import Event, InvalidEvent, Tombstone, decode, encode
    from .lists.async_lookup import AsyncLookup
    from .lists.errors import NotPublished, RedisUnreachable, ServingError
    from .lists.lookup import Cache, Info, Item, Lookup, Match, Recommendation

_HOMES = {
    "events": ("Event", "InvalidEvent", "Tombstone", "decode", "encode"),
    "lists.async_lookup": ("AsyncLookup",),
    "lists.errors": ("NotPublished", "RedisUnreachable", "ServingError"),
    "lists.lookup": ("Cache", "Info", "Item", "Lookup", "Match", "Recommendation"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}
_EXTRAS = {"redis": "lookup", "msgspec": "events"}

__all__ = [
    "AsyncLookup",
    "Cache",
    "Event",
    "Info",
    "InvalidEvent",
    "Item",
    "Lookup",
    "Match",
    "NotPublished",
    "Recommendation",
    "RedisUnreachable",
    "ServingError",
    "Tombstone",
    "decode",
    "encode",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        found = getattr(import_module(f".{_HOME[name]}", __name__), name)
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get(error.name or "")
        if extra is None:
            raise
        raise ModuleNotFoundError(
            f"{name} needs {error.name}: pip install 'gigstream-client[{extra}]'", name=error.name
        ) from error
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
