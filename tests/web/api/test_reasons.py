"""Reasons over HTTP: those of the command line, adding up to the scores."""

import pytest

from support.processes.running import until


@pytest.mark.parametrize(
    ("side", "identity", "path", "query"),
    [
        ("artist", "artist-3", "/v1/artists/artist-3/why", {}),
        ("artist", "artist-3", "/v1/artists/artist-3/why", {"returns": "true"}),
        ("artist", "artist-3", "/v1/artists/artist-3/why", {"city": "Hamburg"}),
        ("venue", "venue-5", "/v1/venues/venue-5/why", {}),
        ("artist", "no-one", "/v1/artists/no-one/why", {}),
    ],
)
def test_the_shares_of_each_entry_add_up_to_its_score(own_api, side, identity, path, query):
    # A list that changes now is explained by the next look.
    found = until(lambda: (now := own_api.ask(path, **query).json)["is_current"] and now)

    assert found["id"] == identity
    assert found["items"]
    for item in found["items"]:
        shares = [each["share"] for each in item["shares"]]
        assert sum(shares) == pytest.approx(item["score"], rel=1e-3, abs=1e-3)
        assert shares == sorted(shares, reverse=True)


def test_they_are_those_of_the_command_line(own_api, own_installed):
    said = own_installed.commands.json("artist", "artist-3", "-n", "4", "--why")["items"]
    found = own_api.ask("/v1/artists/artist-3/why", n=4).json["items"]

    assert [item["id"] for item in found] == [item["id"] for item in said]
    for item, other in zip(found, said, strict=True):
        mine = {each["term"]: each["cause"] for each in item["shares"]}
        assert mine == {each["term"]: each["cause"] for each in other["why"]}


def test_a_filtered_list_explains_only_what_it_shows(own_api):
    found = own_api.ask("/v1/artists/artist-3/why", city="Hamburg", n=2).json
    listed = own_api.ask("/v1/artists/artist-3/venues", city="Hamburg", n=2).json

    assert [item["id"] for item in found["items"]] == [item["id"] for item in listed["items"]]
    assert found["source"] == "live"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("artist", {"plays": [{"venue_id": "venue-1"}, {"venue_id": "venue-4"}], "returns": True}),
        ("artist", {"plays": [{"venue_id": "venue-1"}], "city": "Hamburg"}),
        ("artist", {"plays": []}),
        ("venue", {"plays": [{"artist_id": "artist-1", "date": "2018-05-01"}]}),
    ],
)
def test_what_if_explains_its_scores_where_it_is_asked(api, path, body):
    plain = api.ask(f"/v1/what-if/{path}", body).json
    found = api.ask(f"/v1/what-if/{path}", {**body, "why": True}).json

    assert {each["shares"] for each in plain["items"]} == {None} != set()
    assert [each["id"] for each in found["items"]] == [each["id"] for each in plain["items"]]
    for item in found["items"]:
        shares = [each["share"] for each in item["shares"]]
        assert sum(shares) == pytest.approx(item["score"], abs=1e-4 * (1 + sum(map(abs, shares))))
    causes = [share["cause"] for item in found["items"] for share in item["shares"]]
    assert any(causes) == bool(body["plays"])
    if path == "artist" and body["plays"]:
        played = {each["venue_id"] for each in body["plays"]}
        assert {each["id"] for each in causes if each and each["side"] == "venue"} <= played
