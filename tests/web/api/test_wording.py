"""Texts of commands, in the words of the API."""

import pytest

from support.data.operator_routes import OPERATOR
from web.api.wording import _ROUTES, worded


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("`gigstream source list` shows all", "GET /v1/sources shows all"),
        ("`gigstream venue --name TEXT` finds one", "GET /v1/search?side=venue&q=TEXT finds one"),
        ("`gigstream dead-letters show 0/0/7`", "GET /v1/dead-letters/one"),
        ("`gigstream train --once --force`", 'POST /v1/generations/refit with "force": true'),
        ("start `gigstream train`", "start `gigstream train`"),
        ("`gigstream status --exact` reads all", "`gigstream status --exact` reads all"),
        ("`gigstream verify`, then gigstream", "`gigstream verify`, then gigstream"),
    ],
)
def test_a_command_is_its_route_where_one_does_the_same(text, expected):
    assert worded(text) == expected


def test_every_route_is_one():
    known = {f"{method} {path}" for method, path in OPERATOR}

    assert {" ".join(route.split()[:2]).partition("?")[0] for route in _ROUTES.values()} <= known
