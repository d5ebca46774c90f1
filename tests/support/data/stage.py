"""Gigs for the console: real ones, with made-up places, and ids and names that mean harm."""

import gzip
import json
from datetime import UTC, datetime
from itertools import islice

from consumer.events import Event
from support.data.indistreet import EVENTS

DAY_MS = 86_400_000
REAL = 6_000
"""The latest gigs of the shipped file."""
HOSTILE = {
    "<script>alert('id')</script>": "<script>alert('name')</script>",
    '"><img src=x onerror=alert(1)>': '"><img src=x onerror=alert(2)>',
    "' OR 1=1; --": "{{ 7 * 7 }} ${7*7} {% raw %}",
    "a/b\\c": "javascript:alert(3)",
    "..": "two dots",
    "_gen": "looks reserved",
    "\u202egnorw": "\u202egnorw \u05d0\u05d1\u05d2 mixed",
    "x" * 250: "long " * 40 + "w" * 300,
    "q?a=b&c=d#e": "&lt;b&gt; &amp;",
}
"""Names by id."""
SEOUL = 37.55, 126.93


def real() -> list[Event]:
    """The latest real gigs; every venue but one in five is described."""
    with gzip.open(EVENTS, "rt", encoding="utf-8") as lines:
        rows = [line.rstrip("\n").split("\t") for line in islice(lines, 1, None)]
    rows.sort(key=lambda row: row[2])
    return [_event(number, row) for number, row in enumerate(rows[-REAL:])]


def hostile(latest_ms: int) -> list[Event]:
    """Gigs of artists, and at venues, whose ids and names mean harm.

    Args:
        latest_ms: the newest gig of the others.
    """
    pairs = list(HOSTILE.items())
    return [
        Event(
            event_id=f"h-{number}-{step}",
            artist_id=artist,
            artist_name=name,
            venue_id=pairs[(number + step) % len(pairs)][0],
            venue_name=pairs[(number + step) % len(pairs)][1],
            time_ms=latest_ms - DAY_MS * (300 + step),
            status="cancelled" if step == 2 else "confirmed",
            source="<b>agency</b>",
        )
        for number, (artist, name) in enumerate(pairs)
        for step in range(3)
    ]


def _event(number: int, row: list[str]) -> Event:
    artist, venue, day, name, hall = row
    year, month, date = map(int, day.split("-"))
    return Event(
        event_id=f"e{number}",
        artist_id=artist,
        venue_id=venue,
        time_ms=_midnight_ms(year, month, date),
        artist_name=name,
        venue_name=hall,
        venue=_place(int(venue)),
    )


def _midnight_ms(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp()) * 1000


def _place(venue: int) -> str | None:
    """Made up: the file has no places."""
    if venue % 5 == 4:
        return None
    lat = SEOUL[0] + (venue * 37 % 101 - 50) / 1500
    lng = SEOUL[1] + (venue * 53 % 97 - 48) / 900
    capacity = 80 + venue * 61 % 900
    facts = {"lat": lat, "lng": lng, "city": "Seoul", "country": "KR", "capacity": capacity}
    return json.dumps(facts)
