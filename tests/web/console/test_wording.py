"""Texts of the API, in the words of the console."""

import pytest

from web.api.wording import _ROUTES
from web.console.navigation import GROUPS
from web.console.wording import _PAGES, paged, remedy


def test_a_route_is_the_page_that_does_the_same():
    assert paged("POST /v1/sources/retract takes it back") == "the page Sources takes it back"
    assert (
        paged("find one with /v1/search?side=venue&q=NAME") == "find one with the field Find above"
    )
    assert paged("(see /v1/status).") == "(see the page Now)."
    assert paged('look at /v1/generations, then /v1/generations/refit with "force": true') == (
        "look at the page Generations, then `gigstream train --once --force`"
    )


def test_no_route_is_left_and_every_page_is_one():
    titles = {link.title for group in GROUPS for link in group.links}

    assert [route for route in _ROUTES.values() if "/v1/" in paged(route)] == []
    assert {each.removeprefix("the page ") for each in _PAGES.values()} <= titles | {
        "the field Find above"
    }


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405])
def test_no_reader_of_pages_is_sent_to_a_header_or_the_description(status):
    said = remedy(status, "send the header Authorization, see /schema/openapi.json")

    assert "header" not in said
    assert "openapi" not in said
