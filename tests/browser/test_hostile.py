"""Ids and names that mean harm are text, wherever they are shown."""

import pytest

from support.data.stage import HOSTILE
from web.console.text import link

SIDES = ("artist", "venue")


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("show", ["list", "history", "similar"])
def test_what_senders_wrote_is_shown_as_they_wrote_it(visitor, side, show):
    for identity, name in HOSTILE.items():
        reply = visitor.open(link(side, identity, show=show))

        assert reply.status == 200, identity
        heading = visitor.page.get_by_role("heading", level=1).text_content()
        assert " ".join((heading or "").split()) == " ".join(name.split())
        assert visitor.page.locator("main script, main img, main table table").count() == 0
        assert not visitor.is_wider_than_the_screen()


def test_pages_with_what_senders_wrote_are_open_to_all(visitor):
    # A part of them: what differs for readers is length and direction, not what it would do.
    for identity in ("<script>alert('id')</script>", "\u202egnorw", "x" * 250):
        visitor.open(link("artist", identity))
        assert visitor.page.locator("h1").text_content() == HOSTILE[identity]
        assert visitor.findings() == []


@pytest.mark.parametrize("text", [*HOSTILE, "%00", "\N{PILE OF POO}" * 90])
def test_a_search_for_it_is_text_too(visitor, text):
    visitor.page.goto(f"{visitor.base}/")
    visitor.page.locator("#find").fill(text)
    visitor.page.locator("#find").press("Enter")
    visitor.page.wait_for_url("**/find*", timeout=60_000)

    assert text[:200].strip() in (visitor.page.locator("h1").text_content() or "")


def test_a_style_or_script_that_got_in_would_not_run(visitor):
    visitor.open("/")
    ran = visitor.page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.ran = true";
            document.body.append(script);
            return window.ran === true;
        }"""
    )

    assert not ran
    # The browser says that it refused it.
    assert len(visitor.amiss) == 1
    assert "Content Security Policy" in visitor.amiss.pop()
