"""Lists over HTTP, beside those in Redis."""

from urllib.parse import quote, unquote

import pytest
from redis import Redis

from serving.lookup import Lookup
from support.processes.installation import event
from support.processes.running import until

ARTISTS = [f"artist-{number}" for number in (0, 7, 13, 29)]
ALL = 200


@pytest.fixture
def lookup(installed):
    with Redis.from_url(installed.redis.url) as client:
        yield Lookup(client, installed.prefix)


def shown(found):
    return [(item.id, item.score, item.plays) for item in found.items]


def told(reply):
    return [(item["id"], item["score"], item["plays"]) for item in reply.json["items"]]


@pytest.mark.parametrize("artist", [*ARTISTS, "unknown", "_", "Ä ß?&#"])
@pytest.mark.parametrize("returns", [False, True])
def test_without_filters_an_artist_s_list_is_the_one_in_redis(api, lookup, artist, returns):
    found = lookup.artist(artist, 5, returns=returns)
    reply = api.ask(f"/v1/artists/{artist}/venues", n=5, returns=str(returns).lower())

    assert reply.status == 200
    assert told(reply) == shown(found)
    assert reply.json["source"] == found.source
    assert reply.json["generation"] == found.generation


@pytest.mark.parametrize("venue", ["venue-0", "venue-11", "unknown"])
@pytest.mark.parametrize("returns", [False, True])
def test_without_filters_a_venue_s_list_is_the_one_in_redis(api, lookup, venue, returns):
    found = lookup.venue(venue, 5, returns=returns)
    reply = api.ask(f"/v1/venues/{venue}/artists", n=5, returns=str(returns).lower())

    assert told(reply) == shown(found)
    assert reply.json["source"] == found.source


@pytest.mark.parametrize(
    "path", ["/v1/artists/artist-4/venues", "/v1/venues/venue-2/artists", "/v1/venues/new/artists"]
)
def test_pages_continue_beyond_the_stored_list(api, path):
    pages = [api.ask(path, n=3, offset=offset) for offset in range(0, 36, 3)]
    whole = api.ask(path, n=ALL)

    assert [each for page in pages for each in page.ids] == whole.ids
    assert len(set(whole.ids)) == len(whole.ids) > 5
    assert whole.json["next_offset"] is None
    assert pages[0].json["next_offset"] == 3


def test_a_filtered_list_is_the_whole_one_without_what_the_filters_leave_out(api):
    path = "/v1/artists/artist-4/venues"
    whole = api.ask(path, n=ALL, returns="true")
    (best, second, *_), played = whole.ids, {i["id"]: i["plays"] for i in whole.json["items"]}
    hamburg = {f"venue-{number}" for number in (0, 6, 9)}  # see FACTS; venue-3 is not described

    assert api.ask(path, n=ALL, returns="true", exclude=[best, "nowhere"]).ids == whole.ids[1:]
    assert api.ask(path, n=ALL, exclude=[best, second]).ids == [
        each for each in whole.ids if each not in {best, second} and not played[each]
    ]
    assert api.ask(path, n=ALL, returns="true", city="HAMBURG").ids == [
        each for each in whole.ids if each in hamburg
    ]
    near = api.ask(path, n=ALL, returns="true", lat=53.5, lng=10, radius_km=30)
    assert near.ids == [each for each in whole.ids if each in hamburg]
    large = api.ask(path, n=ALL, returns="true", capacity_min=400, capacity_max=404)
    assert large.ids == [each for each in whole.ids if each in {"venue-1", "venue-4"}]
    assert api.ask(path, n=ALL, not_played_days=0).ids == whole.ids
    assert api.ask(path, n=2, country="de", returns="true").json["source"] == "live"


def test_a_batch_has_each_list_in_the_order_asked(api):
    names = [*ARTISTS, "unknown", "with/slash"]
    reply = api.ask("/v1/lists", {"side": "artist", "ids": names, "n": 4})

    assert [each["id"] for each in reply.json["lists"]] == names
    for name, each in zip(ARTISTS, reply.json["lists"], strict=False):
        assert each == api.ask(f"/v1/artists/{name}/venues", n=4).json
    many = api.ask("/v1/lists", {"side": "artist", "ids": ["a"] * 101})
    assert (many.status, many.json["field"]) == (400, "ids")


def test_a_known_answer_is_not_sent_again_until_something_changes(api, installed):
    paths = ["/v1/artists/artist-5/venues", "/v1/artists/artist-5/venues?city=hamburg"]
    replies = [api.ask_raw(path) for path in paths]
    tags = [reply.headers["etag"] for reply in replies]
    known = [api.ask_raw(p, {"If-None-Match": t}) for p, t in zip(paths, tags, strict=True)]

    assert [(reply.status, reply.body) for reply in known] == [(304, b"")] * 2
    installed.send(event(9001, "artist-5", "venue-0"))
    for path, tag in zip(paths, tags, strict=True):
        until(lambda p=path, t=tag: api.ask_raw(p, {"If-None-Match": t}).status == 200)


def test_a_gig_changes_the_filtered_list_too(api, installed):
    path = "/v1/artists/artist-6/venues"
    assert "venue-11" in api.ask(path, exclude="venue-1", n=ALL).ids
    installed.send(event(9002, "artist-6", "venue-11"))

    until(lambda: "venue-11" not in api.ask(path, exclude="venue-1", n=ALL).ids)


def test_similar_ones_and_names_are_found(api):
    alike = api.ask("/v1/artists/artist-3/similar", n=4)
    named = api.ask("/v1/search", side="artist", q="ARTIST 3", n=3)

    assert len(alike.ids) == 4
    assert "artist-3" not in alike.ids
    assert named.json["items"][0] == {"id": "artist-3", "name": "Artist 3"}
    unknown = api.ask("/v1/venues/nowhere/similar")
    assert (unknown.status, unknown.json["field"]) == (404, "id")


def test_what_if_answers_and_stores_nothing(api, installed):
    before = installed.status()["events"]
    plays = [{"venue_id": "venue-1"}, {"venue_id": "venue-5", "date": "2024-05-01"}]
    found = api.ask("/v1/what-if/artist", {"plays": plays, "n": 50})
    local = api.ask("/v1/what-if/artist", {"plays": plays, "n": 50, "city": "hamburg"})
    artists = api.ask("/v1/what-if/venue", {"plays": [{"artist_id": "artist-1"}], "n": 50})
    empty = api.ask("/v1/what-if/artist", {"plays": [], "n": 50})

    assert found.json["source"] == "live"
    assert not {"venue-1", "venue-5"} & set(found.ids)
    assert len(found.ids) == 10
    assert local.ids == [each for each in found.ids if each in {"venue-0", "venue-6", "venue-9"}]
    assert "artist-1" not in artists.ids
    assert {f"artist-{number}" for number in range(2, 30)} <= set(artists.ids)
    assert empty.json["source"] == "popular"
    unknown = api.ask("/v1/what-if/artist", {"plays": [{"venue_id": "nowhere"}]})
    assert (unknown.status, unknown.json["field"]) == (404, "plays[0].venue_id")
    assert installed.status()["events"] == before


@pytest.mark.parametrize("identity", ["AC/DC", "/", "x//y/", "a%2Fb", "a b/\u00fc?", "%", "+/+"])
@pytest.mark.parametrize(
    "path", ["/v1/artists/{}/venues", "/v1/venues/{}/artists", "/v1/artists/{}/why"]
)
def test_an_id_is_any_text_also_with_a_slash(api, path, identity):
    reply = api.at(path.format(quote(identity, safe="")))

    assert (reply.status, reply.json.get("id")) == (200, identity)


@pytest.mark.parametrize("side", ["artist", "venue"])
def test_an_unknown_id_with_a_slash_is_named_in_full(api, side):
    reply = api.at(f"/v1/{side}s/no%2Fone%2f/similar")

    assert reply.status == 404
    assert "no/one/" in reply.json["detail"]


@pytest.mark.parametrize("path", ["/v1/no%2Fsuch", "/no%2Fsuch/", "/%2F", "/v1%2Fartists/a/venues"])
def test_a_path_that_is_no_route_is_not_found(api, path):
    assert api.at(path).status == 404
    page = api.at(path, headers={"Accept": "text/html"})
    assert page.status == 404
    assert f"there is no page {unquote(path)}".encode() in page.body
