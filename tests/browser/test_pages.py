"""Every page in a real browser: no error, nothing from outside, for everyone, on every screen."""

import os
from urllib.parse import quote

import pytest

from support.processes.browsing import PHONE, Visitor
from support.processes.serving import TOKEN

HEAVY = 300_000
"""Bytes of a page over the wire, at most."""
ARTIST, VENUE = "4472", "20"
PAGES = {
    "now": "/",
    "artists": "/artists",
    "artist": f"/artists/{ARTIST}",
    "artist filtered": f"/artists/{ARTIST}?returns=true&city=Seoul&exclude={VENUE}",
    "artist history": f"/artists/{ARTIST}?show=history",
    "artist similar": f"/artists/{ARTIST}?show=similar",
    "unknown artist": "/artists/no%20such%20one",
    "venues": "/venues",
    "venue": f"/venues/{VENUE}",
    "venue history": f"/venues/{VENUE}?show=history",
    "what if": "/what-if",
    "what if, ranked": f"/what-if?side=artist&plays={VENUE}+2018-05-01%0A84",
    "quality": "/quality",
    "find": "/find?q=a",
    "login": "/login",
}


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_a_page_is_light_and_keeps_no_one_out(visitor, path):
    reply = visitor.open(path)

    assert reply.status == 200
    assert visitor.page.title().endswith("gigstream")
    assert visitor.findings() == []
    assert visitor.bytes <= HEAVY
    print(f"{path}: {visitor.bytes:,} bytes, first paint {visitor.first_paint_ms():.0f} ms")


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_a_page_is_as_good_in_the_dark_and_on_a_phone(browser, console, path):
    options = {"color_scheme": "dark", "viewport": PHONE}
    with Visitor(browser, console.base, **options) as visitor:
        visitor.open(path)

        assert visitor.findings() == []
        assert not visitor.is_wider_than_the_screen()
        assert visitor.amiss == []


def test_every_page_of_the_navigation_is_there(visitor):
    visitor.open("/")
    links = visitor.page.get_by_role("navigation", name="Pages").get_by_role("link").all()
    paths = [link.get_attribute("href") for link in links]

    assert {"/", "/artists", "/venues", "/what-if", "/quality"} <= set(paths)
    assert [path for path in paths if visitor.open(path).status != 200] == []


def test_now_follows_the_stack_by_itself(visitor, stage):
    visitor.open("/")
    first = visitor.page.locator(".card time").first.inner_text()

    visitor.page.wait_for_function(
        "first => document.querySelector('.card time').textContent !== first",
        arg=first,
        timeout=60_000,
    )
    assert "generation" in visitor.page.get_by_role("heading", level=1).inner_text()


def test_slash_goes_to_the_search_and_arrows_to_what_is_found(visitor):
    visitor.open("/quality")
    visitor.page.keyboard.press("/")
    visitor.page.keyboard.type("rolling")
    visitor.page.locator("#found a").first.wait_for(timeout=60_000)
    visitor.page.keyboard.press("ArrowDown")
    visitor.page.keyboard.press("Enter")
    visitor.page.wait_for_url("**/venues/*", timeout=60_000)

    assert "Rolling" in visitor.page.get_by_role("heading", level=1).inner_text()


def test_escape_closes_what_is_found(visitor):
    visitor.open("/quality")
    visitor.page.locator("#find").fill("rolling")
    visitor.page.locator("#found a").first.wait_for(timeout=60_000)
    visitor.page.keyboard.press("Escape")

    assert visitor.page.locator("#found").is_hidden()


def test_a_filter_is_in_the_address_and_empty_fields_are_not(visitor):
    visitor.open(f"/artists/{ARTIST}")
    visitor.page.get_by_text("Filters").click()
    visitor.page.get_by_role("textbox", name="City").fill("Seoul")
    visitor.page.get_by_role("button", name="Show").click()
    visitor.page.wait_for_url("**city=Seoul*", timeout=60_000)

    assert "country" not in visitor.page.url
    assert visitor.page.locator("tbody tr").count() > 0


def test_a_list_says_why_and_how_to_read_it(visitor):
    visitor.open(f"/artists/{ARTIST}")

    assert visitor.page.locator(".bar rect").count() > 10
    assert "%" in visitor.page.locator(".because").first.inner_text()
    assert "HMGET" in visitor.page.locator("code", has_text="HMGET").inner_text()
    assert visitor.page.locator(".map circle.listed").count() > 5


def test_what_if_says_why_as_a_list_does(visitor):
    visitor.open(PAGES["what if, ranked"])

    assert visitor.page.locator(".legend span").count() >= 3
    assert visitor.page.locator(".bar rect").count() > 10
    assert "%" in visitor.page.locator(".because").first.inner_text()
    assert visitor.page.locator("th", has_text="Mirrored").count() == 0


def test_quality_shows_a_judged_generation(visitor):
    visitor.open("/quality")

    assert "NDCG@10" in visitor.page.locator(".lead").inner_text()
    assert visitor.page.locator(".interval").count() >= 2


def test_login_and_logout_leave_no_token_behind(visitor, console):
    visitor.log_in(TOKEN, "Ada")

    assert "Ada" in visitor.page.locator(".who").inner_text()
    (cookie,) = visitor.page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert TOKEN not in visitor.page.content() + cookie["value"]
    visitor.page.get_by_role("button", name="Log out").click()
    visitor.page.get_by_role("link", name="Log in").wait_for(timeout=60_000)
    assert visitor.page.context.cookies() == []
    assert TOKEN not in console.installation.commands.logs()


def test_pictures_for_the_docs(browser, console):
    folder = os.environ.get("GIGSTREAM_TEST_SCREENSHOTS")
    if not folder:
        pytest.skip("set GIGSTREAM_TEST_SCREENSHOTS to a folder, such as docs/images")
    for name, path, scheme in SHOWN:
        with Visitor(browser, console.base, color_scheme=scheme) as visitor:
            visitor.open(path)
            visitor.page.screenshot(path=f"{folder}/console-{name}.png")


SHOWN = [
    ("now", "/", "light"),
    ("artist", f"/artists/{quote(ARTIST)}", "light"),
    ("what-if", PAGES["what if, ranked"], "dark"),
    ("quality", "/quality", "light"),
]
