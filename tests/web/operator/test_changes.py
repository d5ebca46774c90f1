"""Changes since a generation: against the lists that a roll-back to it publishes."""

from hypothesis import given
from hypothesis import strategies as st

from support.processes.installation import event
from support.processes.running import until
from web.live.changes import compared

IDS = [f"artist-{number}" for number in range(0, 12, 2)]
IDS += [f"venue-{number}" for number in (0, 1, 4, 9)]
"""They get gigs: lists of others are published as they were before these are folded in."""
LISTS = st.lists(st.integers(0, 20), unique=True, max_size=10).map(lambda ids: [*map(str, ids)])


def undone(now, changes):
    """The earlier list, from the list of now and what changed."""
    before = {each["was"]: each["id"] for each in changes if each["was"]}
    changed = {each["id"] for each in changes}
    before |= {rank: name for rank, name in enumerate(now, 1) if name not in changed}
    return [before[rank] for rank in sorted(before)]


@given(LISTS, LISTS)
def test_two_lists_and_what_changed_between_them(now, before):
    found = [each._asdict() for each in compared(now, before)]

    assert undone(now, found) == before
    assert all(each["rank"] != each["was"] for each in found)
    kinds = {each["id"]: each["kind"] for each in found}
    assert {name for name, kind in kinds.items() if kind == "entered"} == {*now} - {*before}
    assert {name for name, kind in kinds.items() if kind == "left"} == {*before} - {*now}


def lists_of(api):
    paths = {name: f"/v1/{name.partition('-')[0]}s/{name}" for name in IDS}
    other = {"artist": "venues", "venue": "artists"}
    return {
        name: api.ask(f"{path}/{other[name.partition('-')[0]]}").ids for name, path in paths.items()
    }


def test_they_are_those_that_a_rollback_would_bring(api, act, installed):
    first = installed.generation()
    # Another taste, so that the next model is another one.
    known = installed.status()["events"]
    newest = [event(90_000 + n, f"artist-{n % 30}", f"venue-{n * n % 12}") for n in range(150)]
    installed.send(*newest)
    installed.stored(known + len(newest))
    second = act("/v1/generations/refit")["generation"]
    # A filtered list is of the live model: once it is of this generation, all gigs are read.
    live = "/v1/artists/artist-2/venues"
    until(lambda: api.ask(live, exclude="x").json["generation"] == second)
    now = lists_of(api)

    found = {
        name: api.ask(f"/v1/{name.partition('-')[0]}s/{name}/changes", since=first).json
        for name in IDS
    }

    assert {each["since"] for each in found.values()} == {first}
    assert any(each["items"] for each in found.values())
    act("/v1/generations/rollback", generation=first)
    rolled = lists_of(api)
    act("/v1/generations/unpin")
    assert {name: undone(now[name], each["items"]) for name, each in found.items()} == rolled
    for name, each in found.items():
        assert each["unchanged"] + sum(1 for i in each["items"] if i["rank"]) == len(now[name])


def test_a_generation_that_is_not_kept_is_refused_with_those_that_are(api, installed):
    kept = [
        each["generation"]
        for each in api.ask("/v1/generations").json["generations"]
        if each["stored"] and each["verdict"] == "published"
    ]

    refused = api.ask("/v1/venues/venue-1/changes", since=9_999)

    assert (refused.status, refused.json["field"]) == (404, "since")
    assert str(kept[0]) in refused.json["detail"] + refused.json["remedy"]
    assert api.ask("/v1/venues/venue-1/changes").status == 400
    assert api.ask("/v1/artists/no-one/changes", since=kept[0]).status == 200


def test_the_page_compares_with_a_chosen_generation(visitor, act, api):
    act("/v1/generations/refit")
    known = [each["generation"] for each in api.ask("/v1/generations").json["generations"]]
    visitor.open("/artists/artist-2?show=changes")
    visitor.page.get_by_label("Since generation").select_option(str(known[-1]))
    visitor.page.get_by_role("button", name="Compare").click()
    visitor.page.wait_for_url(f"**since={known[-1]}*", timeout=60_000)

    assert f"generation {known[-1]}" in visitor.page.locator(".note").last.inner_text()
    assert visitor.findings() == []
    assert visitor.open(f"/venues/venue-1?since={known[-1]}").status == 200
    assert visitor.page.locator(".tabs [aria-current]").inner_text() == "Changes"
