"""The pages for operators, in a real browser: open to all, and each action done by its form."""

import pytest

from support.processes.browsing import PHONE, Visitor
from support.processes.installation import event
from support.processes.running import until

PAGES = (
    "/stream",
    "/stream/event?event_id=e5",
    "/dead-letters",
    "/dead-letters?field=time&unresolved=true",
    "/dead-letters/try?field=time",
    "/generations",
    "/generations/compare?one=1&other=1",
    "/sources",
    "/sources/preview?source=default",
    "/store",
    "/store/preview?deed=merge&side=artist&id=artist-5&into=artist-6",
    "/store/preview?deed=erase&side=artist&id=artist-5",
    "/settings",
    "/settings/check",
    "/audit",
)


def confirm(operator, word, button):
    """Type a word in the form with this button, and send it."""
    form = operator.page.locator("form", has=operator.page.get_by_role("button", name=button))
    sending = form.get_by_role("button", name=button)
    operator.page.wait_for_load_state()  # the script disables it
    assert sending.is_disabled()
    form.locator("[name=typed]").fill(word)
    with operator.page.expect_navigation():
        sending.click()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_open_to_all_in_light_and_dark_and_on_a_phone(browser, api, path):
    for options in ({}, {"color_scheme": "dark", "viewport": PHONE}):
        with Visitor(browser, api.base, **options) as visitor:
            assert visitor.open(path).status == 200
            assert visitor.findings() == []
            assert not visitor.is_wider_than_the_screen()
            assert visitor.bytes < 300_000
            assert visitor.page.locator("form[method=post]").count() == 0
            assert visitor.amiss == []


def test_the_navigation_leads_to_every_page(visitor):
    visitor.open("/generations")
    links = visitor.page.get_by_role("navigation", name="Pages").get_by_role("link").all()

    wanted = {"/stream", "/dead-letters", "/generations", "/sources", "/store", "/settings"}
    assert wanted <= {link.get_attribute("href") for link in links}


def test_what_is_stored_appears_while_one_looks(visitor, installed):
    visitor.open("/stream")
    installed.send(event(9_400, "artist-1", "venue-2", event_id="seen-live"))

    visitor.page.get_by_role("cell", name="seen-live", exact=True).first.wait_for()


def test_an_event_is_found_by_its_id_with_its_whole_life(visitor):
    visitor.open("/stream")
    visitor.page.get_by_label("or event id").fill("e7")
    visitor.page.get_by_role("button", name="Find", exact=True).click()

    visitor.page.get_by_role("heading", name="One event's life").wait_for()
    visitor.page.wait_for_load_state()
    assert visitor.page.get_by_role("cell", name="Received", exact=True).count() == 1


def test_a_hostile_dead_letter_is_shown_as_text_with_its_field_marked(visitor, api):
    for letter in api.ask("/v1/dead-letters").json["dead_letters"]:
        visitor.open(f"/dead-letters/one?id={letter['id']}")
        raw = visitor.page.locator("pre.raw")

        assert visitor.page.locator("main script, main img").count() == 0
        text = raw.text_content() or ""
        if "script" in text:
            assert "<script>alert(1)</script>" in text
            assert visitor.page.locator("mark").text_content() == '"artist_id": ""'
        assert visitor.findings() == []


def test_a_letter_is_replayed_with_a_corrected_value(operator, api, audited):
    found = api.ask("/v1/dead-letters", field="artist_id").json["dead_letters"][0]
    operator.open(f"/dead-letters/one?id={found['id']}")
    value = operator.page.get_by_label("Corrected value")
    received = operator.page.locator("pre.raw").text_content()
    assert value.input_value() == received
    value.fill(
        '{"event_id": "by-console", "artist_id": "artist-2", "venue_id": "venue-2",'
        ' "time": "2024-05-01T00:00:00Z"}'
    )
    confirm(operator, "replay", "Replay")

    operator.page.get_by_role("heading", name="Audit").wait_for()
    line = audited()[0]
    assert (line["who"], line["via"], line["what"]) == ("Olga", "console", "dead-letters replay")
    assert line["facts"]["sent"] == 1
    until(
        lambda: api.ask("/v1/events/by-id", event_id="by-console", source="default").status == 200
    )


def test_ids_are_merged_hidden_shown_and_erased(operator, api, audited, installed):
    installed.send(event(9_401, "artist-going", "venue-2"))
    decide(operator, "merge", "artist-7", into="artist-8")
    confirm(operator, "artist-7", "Merge")
    assert api.ask("/v1/ids").json["merges"][0]["into"] == "artist-8"
    confirm(operator, "artist-7", "End the merge")
    assert api.ask("/v1/ids").json["merges"] == []
    decide(operator, "hide", "artist-7")
    confirm(operator, "artist-7", "Hide")
    confirm(operator, "artist-7", "Show it again")
    assert api.ask("/v1/ids").json["hidden"] == []
    until(lambda: installed.lists()["artist"].get("artist-going"))
    decide(operator, "erase", "artist-going")
    confirm(operator, "artist-going", "Erase")

    assert operator.page.get_by_role("region", name="Receipts of erasures").count() == 1
    assert [line["what"] for line in audited(5)] == ["erase", "show", "hide", "unmerge", "merge"]
    assert "artist-going" not in installed.lists()["artist"]


def decide(operator, deed, identity, into=""):
    """Ask for the preview of a decision."""
    operator.open("/store")
    operator.page.locator("[name=deed]").select_option(deed)
    operator.page.locator("main [name=id]").fill(identity)
    operator.page.locator("main [name=into]").fill(into)
    operator.page.get_by_role("button", name="Preview").click()
    operator.page.get_by_role("rowheader", name="Statements").wait_for()


def test_a_source_is_quarantined_after_a_preview_and_released(operator, api, installed):
    installed.send(event(9_402, "artist-1", "venue-2", source="desk"))
    until(lambda: "desk" in str(api.ask("/v1/sources").json))
    operator.open("/sources/preview?source=desk")
    confirm(operator, "desk", "Quarantine")

    found = {each["source"]: each["state"] for each in api.ask("/v1/sources").json["sources"]}
    assert found["desk"] == "quarantined"
    confirm(operator, "desk", "Release")
    found = {each["source"]: each["state"] for each in api.ask("/v1/sources").json["sources"]}
    assert found["desk"] == "counts"


def test_generations_are_refitted_pinned_unpinned_and_rolled_back(operator, audited, installed):
    before = installed.generation()
    operator.open("/generations")
    confirm(operator, "refit", "Refit now")
    assert installed.generation() > before
    confirm(operator, "pin", "Pin the live model")
    confirm(operator, "unpin", "Unpin")
    confirm(operator, "roll back", "Roll back")

    assert [line["what"] for line in audited(4)] == ["rollback", "unpin", "pin", "refit"]
    confirm(operator, "unpin", "Unpin")


def test_another_word_a_foreign_form_and_no_login_do_nothing(operator, api, audited):
    before = audited(1_000)
    fields = {"deed": "pin", "typed": "pin"}
    origin = {"Origin": api.base}
    post = operator.page.request.post
    secret = operator.page.locator("[name=csrf]").first.get_attribute("value")

    answers = [
        post(f"{api.base}/generations/act", form=fields, headers=origin).status,
        post(f"{api.base}/generations/act", form=fields | {"csrf": secret}).status,
        post(
            f"{api.base}/generations/act",
            form=fields | {"csrf": secret, "typed": "yes"},
            headers=origin,
        ).status,
        post(
            f"{api.base}/store/decide",
            form={"csrf": secret, "deed": "hide", "side": "venue", "id": "venue-3", "typed": ""},
            headers=origin,
        ).status,
        api.ask("/generations/act", raw=b"deed=pin&typed=pin").status,
    ]

    assert answers == [403, 403, 400, 400, 403]
    assert audited(1_000) == before
