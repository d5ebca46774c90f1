"""Who is let in, and what is refused, as problem details with a field and a remedy."""

import pytest

from support.processes.running import stop, until
from support.processes.serving import TOKEN, served

EVENT = {"event_id": "T-1", "artist_id": "a", "venue_id": "v", "time": "2024-01-01T00:00:00Z"}
EVERYWHERE = "0.0.0.0"  # noqa: S104 - with a token
LIST = "/v1/artists/artist-1/venues"


def problem(reply, status):
    """The problem of a refusal of this status."""
    assert reply.status == status, reply
    assert reply.headers["content-type"] == "application/problem+json"
    told = reply.json
    assert told["status"] == status
    assert told["title"]
    assert told["detail"]
    assert told["remedy"]
    return told


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong-token"}])
def test_events_take_the_token(api, headers):
    reply = api.ask("/v1/events", EVENT, headers=headers)

    assert "GIGSTREAM_SERVE_TOKEN" in problem(reply, 401)["remedy"]
    assert reply.headers["www-authenticate"] == "Bearer"
    assert TOKEN.encode() not in reply.body


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"n": 0}, "n"),
        ({"n": 201}, "n"),
        ({"n": "many"}, "n"),
        ({"offset": -1}, "offset"),
        ({"not_played_days": -1}, "not_played_days"),
        ({"free_on": "tomorrow"}, "free_on"),
        ({"lat": 91, "lng": 0, "radius_km": 1}, "lat"),
        ({"lat": 9, "lng": 0}, "radius_km"),
    ],
)
def test_a_wrong_parameter_is_named(api, query, field):
    assert problem(api.ask(LIST, **query), 400)["field"] == field


def test_a_parameter_that_is_missing_is_named(api):
    assert problem(api.ask("/v1/search", q="a"), 400)["field"] == "side"
    assert problem(api.ask("/v1/search", side="venue"), 400)["field"] == "q"


@pytest.mark.parametrize(
    ("path", "name", "remedy"),
    [
        (LIST, "exlude", "did you mean exclude?"),
        (LIST, "N", "did you mean n?"),
        ("/v1/venues/v1/artists", "capacity_min", "leave it out; there is"),
        ("/v1/search", "zzz", "leave it out; there is side, q, n"),
    ],
)
def test_a_parameter_that_a_route_does_not_have_is_refused(api, path, name, remedy):
    refused = problem(api.ask(path, **{name: "1"}), 400)
    assert refused["field"] == name
    assert refused["remedy"].startswith(remedy)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"side": "both", "ids": ["a"]}, "side"),
        ({"side": "artist", "ids": []}, "ids"),
        ({"side": "artist", "ids": ["a"], "colour": 1}, "colour"),
        ({"side": "artist"}, "ids"),
        ([], "body"),
    ],
)
def test_a_wrong_member_of_a_body_is_named(api, body, field):
    assert problem(api.ask("/v1/lists", body), 400)["field"] == field


def test_what_is_not_there_is_said_with_where_to_look(api):
    assert "openapi" in problem(api.ask("/v1/nothing"), 404)["remedy"]
    assert problem(api.ask(LIST, {}), 405)
    assert problem(api.ask("/v1/lists", raw=b"{nonsense"), 400)["field"] == "body"


def test_a_browser_gets_a_page_where_no_route_is_and_all_others_a_problem(api):
    page = api.ask("/nothing/here", headers={"Accept": "text/html,application/xhtml+xml"})
    problem = api.ask("/nothing/here", headers={"Accept": "*/*"})

    assert (page.status, problem.status) == (404, 404)
    assert page.headers["content-type"].startswith("text/html")
    assert b"there is no page /nothing/here" in page.body
    assert b"openapi" not in page.body
    assert problem.headers["content-type"] == "application/problem+json"
    # At a route of the API everyone gets what the description says.
    refused = api.ask("/v1/artists/no-one/similar", headers={"Accept": "text/html"})
    assert refused.headers["content-type"] == "application/problem+json"


def test_the_icon_is_where_browsers_look_for_it(api):
    reply = api.ask("/favicon.ico")

    assert (reply.status, reply.headers["content-type"]) == (200, "image/svg+xml")
    assert len(reply.body) < 1000


def test_a_share_and_both_clocks_are_described(api):
    found = api.ask("/schema/openapi.json").json
    schemas = found["components"]["schemas"]

    assert "not a fraction of 1" in schemas["Share"]["properties"]["share"]["description"]
    for name in ("RankedList", "Reasons"):
        assert "/v1/status" in schemas[name]["properties"]["as_of"]["description"]
    assert "list" in found["paths"]["/v1/status"]["get"]["description"]


def test_a_request_meant_for_another_host_is_refused(api):
    refused = api.ask(LIST, headers={"Host": "evil.example"})

    assert "evil.example" in problem(refused, 400)["detail"]
    assert api.ask(LIST, headers={"Host": "localhost:1"}).status == 200


def test_bounds_hold_for_rate_and_size_and_not_for_health_checks(installed):
    api = served(installed, GIGSTREAM_SERVE_RATE="3", GIGSTREAM_SERVE_MAX_BODY="2048")
    try:
        until(api.ready, 90)
        large = api.ask("/v1/events", raw=b"[" + b" " * 4096 + b"]", token=TOKEN)
        assert "GIGSTREAM_SERVE_MAX_BODY" in problem(large, 413)["remedy"]
        replies = [api.ask(LIST) for _ in range(30)]
        problem(next(each for each in replies if each.status != 200), 429)
        assert {api.ask("/healthz").status for _ in range(10)} == {200}
    finally:
        assert stop(api.process) == 0


def test_beyond_loopback_readers_need_the_token_too(installed):
    api = served(installed, GIGSTREAM_SERVE_HOST=EVERYWHERE, GIGSTREAM_SERVE_NAMES="gigs.example")
    try:
        until(api.ready, 90)
        assert problem(api.ask(LIST), 401)
        assert api.ask(LIST, token=TOKEN).status == 200
        assert api.ask(LIST, token=TOKEN, headers={"Host": "gigs.example"}).status == 200
    finally:
        assert stop(api.process) == 0
