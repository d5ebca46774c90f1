"""Numbers that are no milliseconds since 1970: which unit they look like.

As milliseconds, seconds and days of our time are all in January 1970, and dates written as
a number (20261205) too. Microseconds and nanoseconds are beyond the year 9999.
"""

import re

LEAST_MS = 100_000_000_000
"""The least milliseconds since 1970 that are read, before or after it: October 1966, March 1973."""

MIN_MS, MAX_MS = -62_135_596_800_000, 253_402_300_799_999
"""The first and the last millisecond of the years 1 to 9999: no time lies outside."""

IN_MILLISECONDS = "send milliseconds since 1970, or a text such as 2018-10-31T20:00:00Z"

_DATE = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")
_MOST_DAYS = 100_000
_MOST_MICROSECONDS = MAX_MS * 1_000
_MOST_NANOSECONDS = MAX_MS * 1_000_000


def other_unit(number: int) -> str | None:
    """What a number looks like that is not in milliseconds; None: it is, or is in no unit."""
    size = abs(number)
    if size < LEAST_MS:
        return _small(number)
    if size <= MAX_MS or size > _MOST_NANOSECONDS:
        return None
    return "microseconds" if size <= _MOST_MICROSECONDS else "nanoseconds"


def _small(number: int) -> str:
    if number == 0:
        return "a missing value"
    if _DATE.fullmatch(str(number)):
        return "a date"
    return "days" if abs(number) < _MOST_DAYS else "seconds"
