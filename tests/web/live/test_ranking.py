"""Lists on request, held against all of what would be published, filtered in plain Python."""

import math
from datetime import UTC, date, datetime, timedelta
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.events.statement import Venue
from serving.contract import rounded
from support.data.gigs import world
from support.data.pools import World, columns
from trainer.plays.matrix import DAY_MS
from web.live.filters import Circle, Filters
from web.live.ranking import Asked, known_subject, popular, ranked

DAYS = 365
CITIES = ["Hamburg", "Berlin", None]
FACTS = [
    Venue(
        lat=None if number % 5 == 4 else 50 + number / 2,
        lng=None if number % 5 == 4 else 10 + number % 3,
        city=CITIES[number % 3],
        country=["DE", None][number % 2],
        capacity=None if number % 7 == 6 else 100 * number,
    )
    for number in range(15)
]


@cache
def made(seed: int) -> World:
    plays, artists, venues = world(seed=seed)
    return World(plays, artists, venues, DAYS * DAY_MS)


@cache
def whole(seed: int, side: str) -> dict[str, list[tuple[str, float]]]:
    """Every candidate of every subject, pairs that met included, best first."""
    made_world = made(seed)
    lists = made_world.lists(200)
    if side == "artist":
        found = lists.complete("artist:returns")
        return {name: list(zip(each.ids, each.scores, strict=True)) for name, each in found}
    # No view has artists who played there already: the formula itself, without anything left out.
    from trainer.ranking.score import artists_for_venues  # noqa: PLC0415
    from trainer.ranking.topn import top_n  # noqa: PLC0415

    rows = np.arange(len(made_world.venues))
    score = artists_for_venues(made_world.model, made_world.plays, rows, lists.artist_rows)
    best = top_n(score, len(lists.artist_rows))
    names = [made_world.artists[row] for row in lists.artist_rows.tolist()]
    return {
        made_world.venues[row]: [
            (names[at], value)
            for at, value in zip(best.cols[row].tolist(), best.scores[row].tolist(), strict=True)
        ]
        for row in rows.tolist()
    }


def facts_of(name: str) -> Venue:
    return FACTS[int(name.removeprefix("v"))]


def distance_km(venue: Venue, circle: Circle) -> float:
    """By the law of cosines, another formula than the one under test."""
    one, other = math.radians(venue.lat), math.radians(circle.lat)
    cosine = math.sin(one) * math.sin(other) + math.cos(one) * math.cos(other) * math.cos(
        math.radians(venue.lng - circle.lng)
    )
    return 6371.0088 * math.acos(max(-1.0, min(1.0, cosine)))


def fits(venue: Venue, filters: Filters) -> bool:
    circle = filters.circle
    return (
        (circle is None or (venue.lat is not None and distance_km(venue, circle) <= circle[2]))
        and (filters.city is None or (venue.city or "").lower() == filters.city.lower())
        and (filters.country is None or (venue.country or "").lower() == filters.country.lower())
        and all(
            bound is None or (venue.capacity is not None and sign * venue.capacity <= sign * bound)
            for sign, bound in ((-1, filters.capacity_min), (1, filters.capacity_max))
        )
    )


def expected(seed: int, side: str, row: int, asked: Asked) -> list[tuple[str, float, int | None]]:
    """What must come out, candidate by candidate."""
    made_world, filters = made(seed), asked.filters
    plays = made_world.plays
    own, others = (plays.artist, plays.venue) if side == "artist" else (plays.venue, plays.artist)
    subject, letter = (f"a{row}", "v") if side == "artist" else (f"v{row}", "a")
    kept = []
    for name, score in whole(seed, side)[subject]:
        other = int(name.removeprefix(letter))
        pair = plays.at_ms[(own == row) & (others == other)]
        nights = {_day(at_ms) for at_ms in plays.at_ms[others == other].tolist()}
        recent = filters.not_played_days is not None and any(
            at_ms > (DAYS - filters.not_played_days) * DAY_MS for at_ms in pair.tolist()
        )
        met = filters.not_played_days is None and not asked.returns and len(pair) > 0
        unfit = side == "artist" and not fits(facts_of(name), filters)
        if not (name in filters.exclude or recent or met or unfit or filters.free_on in nights):
            kept.append((name, rounded(score), len(pair) if asked.shows_plays else None))
    return kept[asked.offset : asked.offset + asked.n]


def _day(at_ms: int) -> date:
    return datetime.fromtimestamp(at_ms / 1000, UTC).date()


def optional(strategy):
    return st.none() | strategy


PAIRS = {
    "exclude": st.frozensets(st.integers(0, 60).map(str), max_size=12),
    "not_played_days": optional(st.integers(0, 400)),
    "free_on": optional(st.integers(0, 370).map(lambda n: date(1970, 1, 1) + timedelta(n))),
}
PLACES = {
    "circle": optional(st.builds(Circle, st.floats(48, 60), st.floats(8, 14), st.floats(0, 1500))),
    "city": optional(st.sampled_from(["hamburg", "Berlin", "Rome"])),
    "country": optional(st.sampled_from(["de", "FR"])),
    "capacity_min": optional(st.integers(0, 1500)),
    "capacity_max": optional(st.integers(0, 1500)),
}
PARTS = st.tuples(st.integers(1, 20), st.integers(0, 15), st.booleans())


def asked_for(letter: str, part: tuple[int, int, bool], **filters: object) -> Asked:
    named = frozenset(f"{letter}{number}" for number in filters.pop("exclude"))
    return Asked(*part, Filters(exclude=named, **filters))


@settings(max_examples=150)
@given(st.integers(1, 3), st.integers(0, 39), PARTS, st.fixed_dictionaries(PAIRS | PLACES))
def test_venues_for_an_artist_are_those_that_the_filters_keep_of_all(seed, row, part, filters):
    pool, asked = made(seed).pool("artist"), asked_for("v", part, **filters)
    known = columns([facts_of(made(seed).venues[at]) for at in pool.candidates.rows.tolist()])
    found = ranked(pool, known_subject(pool, row), asked, lambda _: known)

    assert [(item.id, item.score, item.plays) for item in found] == expected(
        seed, "artist", row, asked
    )


@settings(max_examples=80)
@given(st.integers(1, 3), st.integers(0, 14), PARTS, st.fixed_dictionaries(PAIRS))
def test_artists_for_a_venue_are_those_that_the_filters_keep_of_all(seed, row, part, filters):
    pool, asked = made(seed).pool("venue"), asked_for("a", part, **filters)
    found = ranked(pool, known_subject(pool, row), asked, lambda _: pytest.fail("no facts"))

    assert [(item.id, item.score, item.plays) for item in found] == expected(
        seed, "venue", row, asked
    )


@pytest.mark.parametrize("side", ["artist", "venue"])
def test_an_unknown_one_gets_the_popular_list_and_all_that_follows_it(side):
    pool = made(1).pool(side)
    default = made(1).lists(200).default(side)
    pages = [popular(pool, Asked(4, at), lambda _: pytest.fail("no facts")) for at in (0, 4, 8)]

    assert [item.id for page in pages for item in page] == list(default.ids)[:12]


def test_a_filter_that_nothing_fits_leaves_an_empty_list():
    pool = made(1).pool("artist")
    known = columns([Venue() for _ in pool.candidates.rows])
    asked = Asked(5, filters=Filters(city="Rome"))

    assert ranked(pool, known_subject(pool, 0), asked, lambda _: known) == []
    assert popular(pool, asked, lambda _: known) == []


def test_a_gig_of_just_that_many_days_ago_is_long_enough_ago():
    pool, plays = made(1).pool("artist"), made(1).plays
    own = plays.artist == 0
    venue = int(plays.venue[own][0])
    last = int(plays.at_ms[own & (plays.venue == venue)].max() // DAY_MS)
    lists = [
        ranked(
            pool,
            known_subject(pool, 0),
            Asked(20, filters=Filters(not_played_days=days)),
            lambda _: pytest.fail("no facts"),
        )
        for days in (DAYS - last, DAYS - last + 1)
    ]

    assert [f"v{venue}" in {item.id for item in found} for found in lists] == [True, False]
