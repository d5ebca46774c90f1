"""Decisions about ids: tried dry, done, on the audit, and refused with the field to blame."""

import pytest

from operations.audit import FILE
from support.processes.installation import event
from support.processes.running import until
from support.processes.serving import TOKEN


def listed(installed, identity):
    """The venues of an artist's list, as apps see them."""
    return installed.lists()["artist"].get(identity, ((),))[0]


def test_a_merge_is_tried_then_done_then_ended(api, act, audited, installed):
    asked = {"side": "artist", "id": "artist-1", "into": "artist-2"}
    tried = act("/v1/ids/merge", **asked, dry_run=True)
    assert tried["changes"]
    assert tried["touches"]["statements"] > 0
    assert api.ask("/v1/ids").json["merges"] == []

    done = act("/v1/ids/merge", **asked)
    again = act("/v1/ids/merge", **asked)
    (repeated, line) = audited(2)

    assert (done["changed"], again["changed"]) == (True, False)
    assert api.ask("/v1/ids").json["merges"] == [
        {"kind": "artist", "from": "artist-1", "into": "artist-2"}
    ]
    assert (line["who"], line["via"], line["what"]) == ("serve_token", "api", "merge")
    assert line["arguments"] == asked
    assert line["facts"]["store_version"] == done["store_version"]
    assert repeated["facts"]["changed"] is False
    until(lambda: listed(installed, "artist-1") == listed(installed, "artist-2"))
    assert act("/v1/ids/unmerge", side="artist", id="artist-1")["changed"]
    assert api.ask("/v1/ids").json["merges"] == []


def test_a_hidden_venue_leaves_the_lists_and_returns(api, act, installed):
    tried = act("/v1/ids/hide", side="venue", id="venue-1", dry_run=True)
    act("/v1/ids/hide", side="venue", id="venue-1")

    def shown():
        return any("venue-1" in entry[0] for entry in installed.lists()["artist"].values())

    assert tried["touches"]["plays"] > 0
    until(lambda: not shown())
    assert api.ask("/v1/ids").json["hidden"] == [{"kind": "venue", "id": "venue-1"}]
    act("/v1/ids/show", side="venue", id="venue-1")
    until(shown)


def test_an_erasure_takes_the_id_once_more_and_leaves_the_audit(api, act, audited, installed):
    installed.send(event(9_001, "artist-leaving", "venue-2"))
    until(lambda: listed(installed, "artist-leaving"))
    act("/v1/ids/hide", side="artist", id="artist-leaving")
    asked = {"side": "artist", "id": "artist-leaving"}
    tried = act("/v1/ids/erase", **asked, dry_run=True)
    unsure = api.ask("/v1/ids/erase", asked, token=TOKEN)

    receipt = act("/v1/ids/erase", **asked, confirm="artist-leaving")

    assert tried["touches"]["statements"] == 1
    assert (unsure.status, unsure.json["field"]) == (409, "confirm")
    assert receipt["store"]["rows"] == 1
    assert not listed(installed, "artist-leaving")
    assert "artist-leaving" not in (installed.commands.home / FILE).read_text()
    assert audited()[0]["what"] == "erase"
    (noted,) = api.ask("/v1/ids/receipts").json["receipts"]
    assert (noted["status"], noted["facts"]["rows"]) == ("complete", 1)
    assert b"artist-leaving" not in api.ask("/v1/ids/receipts").body


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("merge", {"side": "artist", "id": "artist-3", "into": "artist-3"}, 409, "into"),
        ("merge", {"side": "artist", "id": "missing-1", "into": "artist-3"}, 404, "id"),
        ("unmerge", {"side": "artist", "id": "artist-3"}, 404, "id"),
        ("hide", {"side": "venue", "id": "nowhere"}, 404, "id"),
        ("erase", {"side": "venue", "id": "nowhere", "confirm": "nowhere"}, 404, "id"),
        ("hide", {"side": "both", "id": "venue-1"}, 400, "side"),
        ("hide", {"side": "venue", "id": "venue-1", "colour": 1}, 400, "colour"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(api, path, body, status, field):
    refused = api.ask(f"/v1/ids/{path}", body, token=TOKEN)

    assert (refused.status, refused.json["field"]) == (status, field), refused.body
    assert refused.json["remedy"]


def test_without_the_token_nothing_is_done(api, audited):
    before = audited(1_000)
    for headers in ({}, {"Authorization": "Bearer wrong-token-of-tests"}):
        refused = api.ask("/v1/ids/hide", {"side": "venue", "id": "venue-5"}, headers=headers)
        assert refused.status == 401

    assert audited(1_000) == before
    assert api.ask("/v1/ids").json["hidden"] == []


def test_a_command_is_on_the_same_audit(installed, audited):
    done = installed.commands.run("hide", "venue", "venue-7")
    assert done.returncode == 0, done.stderr
    assert installed.commands.run("show", "venue", "venue-7").returncode == 0

    last, first = audited(2)
    assert (first["via"], first["what"], first["outcome"]) == ("command", "hide", "done")
    assert last["what"] == "show"
    assert installed.commands.json("audit", "-n", "2")["audit"] == [last, first]
    assert "venue-7" in installed.commands.run("audit").stdout
