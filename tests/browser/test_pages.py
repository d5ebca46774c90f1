"""Every page in a real browser: no error, nothing from outside, for everyone, on every screen."""

import os
from urllib.parse import quote

import pytest

from support.processes.browsing import DESK, PHONE, Visitor
from support.processes.serving import TOKEN
from web.live.profile import MOST_MET

BROKEN_WORDS = """() => {
  const broken = [];
  for (const cell of document.querySelectorAll("td")) {
    const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const text = walker.currentNode.textContent;
      for (const found of text.matchAll(/[A-Za-z]{2,12}/g)) {
        const range = document.createRange();
        range.setStart(walker.currentNode, found.index);
        range.setEnd(walker.currentNode, found.index + found[0].length);
        // Of an id or a place in Kafka any letter may be the last one of its line.
        const isWord = /^[\\s\\w,.:;()]*$/.test(text) && !/\\S{13}/.test(text);
        if (isWord && range.getClientRects().length > 1) broken.push(found[0]);
      }
    }
  }
  return broken;
}"""
"""Words of tables that stand on two lines."""
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
    "stream": "/stream",
    "dead letters": "/dead-letters",
    "generations": "/generations",
    "sources": "/sources",
    "settings": "/settings",
    "audit": "/audit",
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


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_the_words_of_a_table_are_whole(visitor, path):
    for size in (PHONE, DESK):
        visitor.page.set_viewport_size(size)
        visitor.open(path)
        assert visitor.page.evaluate(BROKEN_WORDS) == [], size


def test_on_a_phone_the_pages_are_behind_a_button(browser, console):
    with Visitor(browser, console.base, viewport=PHONE) as visitor:
        visitor.open("/generations")
        pages = visitor.page.get_by_role("navigation", name="Pages")
        assert visitor.page.locator("h1").bounding_box()["y"] < 150
        assert pages.get_by_role("link").count() == 0
        visitor.page.get_by_role("button", name="Pages").click()
        assert visitor.findings() == []
        pages.get_by_role("link", name="Sources").click()

        visitor.page.get_by_role("heading", name="Sources").wait_for()
        visitor.page.wait_for_load_state()
        # What one acts by is there on a phone too.
        assert visitor.page.get_by_role("link", name="Quarantine, preview first").count() > 0


def test_a_count_is_the_true_one_where_not_all_are_shown(visitor):
    visitor.open(f"/venues/{VENUE}")
    said = visitor.page.locator(".facts").inner_text().split()
    artists = int(said[said.index("Artists") + 1])

    assert artists > MOST_MET
    assert f"(50 of {artists})" in visitor.page.locator("summary").last.inner_text()


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
    with visitor.page.expect_response(lambda reply: reply.url.endswith("q=rolling")):
        visitor.page.keyboard.type("rolling")
    visitor.page.locator("#found a", has_text="Rolling").first.wait_for(timeout=60_000)
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
            visitor.log_in(TOKEN, "Ada")
            visitor.page.get_by_text("Ada").wait_for()
            visitor.open(path)
            visitor.page.screenshot(path=f"{folder}/console-{name}.png")


SHOWN = [
    ("now", "/", "light"),
    ("artist", f"/artists/{quote(ARTIST)}", "light"),
    ("what-if", PAGES["what if, ranked"], "dark"),
    ("quality", "/quality", "light"),
    ("generations", "/generations", "light"),
]
