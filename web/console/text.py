"""Values as people read them: the filters of the templates, and links to ids."""

import shlex
import time
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from serving.contract import field_of
from serving.lookup import Side
from web.watch.promises import duration

NOTHING = "\N{EN DASH}"
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_KIB = 1024


def number(value: float | None, digits: int = 0) -> str:
    """A number with thousands separated.

    Args:
        value: None: not known.
        digits: after the point.
    """
    return NOTHING if value is None else f"{value:,.{digits}f}"


def of(shown: int, total: int) -> str:
    """A count; where not all are shown, how many of it.

    Args:
        shown: how many.
        total: how many there are.
    """
    return number(total) if shown >= total else f"{number(shown)} of {number(total)}"


def seconds(value: float | None) -> str:
    """A duration."""
    return NOTHING if value is None else duration(value)


def size(value: float | None) -> str:
    """A number of bytes."""
    if value is None:
        return NOTHING
    power = 0
    while value >= _KIB and power < len(_UNITS) - 1:
        value, power = value / _KIB, power + 1
    return f"{value:,.0f} {_UNITS[power]}" if power == 0 else f"{value:,.1f} {_UNITS[power]}"


def percent(value: float | None, digits: int = 0) -> str:
    """A share, of 1."""
    return NOTHING if value is None else f"{value:.{digits}%}"


def day(epoch_ms: float | None) -> str:
    """A date (UTC)."""
    return NOTHING if epoch_ms is None else _utc(epoch_ms / 1000).strftime("%Y-%m-%d")


def instant(epoch_s: float | None) -> str:
    """A date and time (UTC)."""
    return NOTHING if epoch_s is None else _utc(epoch_s).strftime("%Y-%m-%d %H:%M:%S")


def clock(epoch_s: float | None) -> str:
    """A time of the day (UTC)."""
    return NOTHING if epoch_s is None else _utc(epoch_s).strftime("%H:%M:%S")


def ago(epoch_s: float | None) -> str:
    """How long something is over."""
    return NOTHING if epoch_s is None else f"{duration(time.time() - epoch_s)} ago"


def _utc(epoch_s: float) -> datetime:
    return datetime.fromtimestamp(epoch_s, UTC)


def link(side: Side, identity: str, **query: str) -> str:
    """The page of an id.

    Args:
        side: of the id.
        identity: any text.
        query: parameters of the page.
    """
    # Browsers read dots and slashes of a path as folders, whether they are quoted or not.
    if set(identity) <= {"."} or "/" in identity or "\\" in identity:
        return f"/{side}s?{urlencode({'id': identity, **query})}"
    return f"/{side}s/{quote(identity, safe='')}" + (f"?{urlencode(query)}" if query else "")


def redis_line(prefix: str, view: str, identity: str) -> str:
    """The command that prints a list as apps get it.

    Args:
        prefix: of the keys.
        view: of the list.
        identity: whose list.
    """
    key, field = shlex.quote(f"{prefix}:{view}"), shlex.quote(field_of(identity))
    return f"redis-cli HMGET {key} {field} _default _gen _meta"
