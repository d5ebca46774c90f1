"""Texts for people, and addresses of ids."""

import re
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gigstream.cli import cli
from project.tree import ROOT
from web.console import text
from web.console.login import inner


def test_a_count_of_which_only_some_are_shown_says_so():
    assert text.of(7, 7) == "7"
    assert text.of(200, 1234) == "200 of 1,234"


@example("..")
@example("a/..")
@example("\\\\evil")
@example("?a#b")
@given(st.text(min_size=1).filter(lambda s: s.isprintable()))
def test_a_link_leads_to_its_id_and_nowhere_else(identity):
    found = urlsplit(text.link("artist", identity, show="history"))
    path, query = found.path, parse_qs(found.query)

    assert not found.netloc
    assert query["show"] == ["history"]
    assert "id" in query or unquote(path) == f"/artists/{identity}"
    assert query.get("id", [identity]) == [identity]
    assert ".." not in path.split("/")


def test_a_redis_line_can_be_pasted():
    assert text.redis_line("{gig}", "artist:returns", "_a b'") == (
        """redis-cli HMGET '{gig}:artist:returns' '__a b'"'"'' _default _gen _meta"""
    )


@pytest.mark.parametrize(
    "path", ["//evil", "/\\evil", "https://evil", "", "/a\r\nb", "javascript:1"]
)
def test_a_login_leads_to_this_server_alone(path):
    assert inner(path) == "/"
    assert inner("/artists/a?n=3") == "/artists/a?n=3"


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "\N{EN DASH}"), (5, "5 B"), (2048, "2.0 KiB"), (3 << 30, "3.0 GiB")]
)
def test_sizes_are_for_people(value, shown):
    assert text.size(value) == shown


def test_every_command_that_a_page_names_exists():
    files = [*(ROOT / "web").rglob("*.html"), *(ROOT / "web").rglob("*.py")]
    named = {
        name
        for file in files
        for name in re.findall(r"\bgigstream ([a-z][a-z-]+)", file.read_text())
    }

    assert named - {"will"} <= set(cli.commands)
