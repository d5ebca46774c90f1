"""What is known of venues and artists is in Redis, and follows statements as the lists do."""

import json

import msgspec

from support.processes.installation import event, season
from support.processes.running import stop, until

GIGS = 120


def described(gig, **more):
    """A gig whose statement says what its venue, or its artist, is."""
    return msgspec.structs.replace(gig, **more)


def infos(installation, side: str) -> dict[str, dict]:
    found = installation.client.hgetall(f"{installation.prefix}:{side}:info")
    return {
        field.decode(): json.loads(value)
        for field, value in found.items()
        if not field.startswith(b"_")
    }


def changes(installation) -> list[dict[bytes, bytes]]:
    return [fields for _, fields in installation.client.xrange(f"{installation.prefix}:events")]


def test_infos_follow_statements_restarts_and_erasure(installation):
    commands = installation.commands
    commands.start("consume")
    placed = described(event(900, "artist-1", "venue-1"), venue='{"capacity":300,"city":"Hamburg"}')
    genres = described(
        event(901, "artist-2", "venue-2", venue_name="Werft"), artist='{"genres":["jazz"]}'
    )
    installation.send(*season(GIGS), placed, genres)
    installation.stored(GIGS + 2)
    trainer = commands.start("train")
    until(installation.generation)

    assert infos(installation, "venue") == {
        "venue-1": {"capacity": 300, "city": "Hamburg"},
        "venue-2": {"name": "Werft"},
    }
    assert infos(installation, "artist")["artist-2"] == {"name": "Artist 2", "genres": ["jazz"]}

    # A cancelled gig changes no play, and yet says where the venue is.
    moved = described(
        event(902, "artist-1", "venue-1", status="cancelled"), venue='{"city":"Bremen"}'
    )
    installation.send(moved)
    until(lambda: infos(installation, "venue")["venue-1"] == {"city": "Bremen"})
    assert b'"venue-1"' in changes(installation)[-1][b"venues"]

    stop(trainer)
    installation.send(described(event(903, "artist-3", "venue-3"), venue='{"lat":53.5,"lng":10.0}'))
    installation.stored(GIGS + 4)
    commands.start("train")
    until(lambda: infos(installation, "venue").get("venue-3") == {"lat": 53.5, "lng": 10.0})
    assert infos(installation, "venue")["venue-1"] == {"city": "Bremen"}

    commands.json("erase", "venue", "venue-1", "--yes")
    until(lambda: "venue-1" not in infos(installation, "venue"))
    assert "venue-3" in infos(installation, "venue")


def test_a_quarantined_source_s_descriptions_go(installation):
    commands = installation.commands
    commands.start("consume")
    wrong = described(event(900, "artist-1", "venue-1", source="wrong"), venue='{"city":"Hamburg"}')
    installation.send(*season(GIGS), wrong)
    installation.stored(GIGS + 1)
    commands.start("train")
    until(lambda: infos(installation, "venue") == {"venue-1": {"city": "Hamburg"}})

    commands.json("source", "quarantine", "wrong", "--yes")
    until(lambda: infos(installation, "venue") == {})
    commands.json("source", "release", "wrong")
    until(lambda: infos(installation, "venue") == {"venue-1": {"city": "Hamburg"}})
