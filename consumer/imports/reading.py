"""How files are read, where the user names it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a file is read; None is found out.

    Attributes:
        encoding: By Python's name.
        delimiter: One character.
        date_format: See `consumer.imports.dates.DateReader`.
        timezone: Where the days of instants are counted; as they are written where None.
        statuses: What words of the status column mean, by `consumer.events.statuses.key`.
    """

    encoding: str | None = None
    delimiter: str | None = None
    date_format: str | None = None
    timezone: ZoneInfo | None = None
    statuses: Mapping[str, str] = field(default_factory=dict)
