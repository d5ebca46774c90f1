"""Dead letters: counted by source, field and reason, shown byte for byte, replayed after a fix."""

import base64
import json

from support.processes.running import until
from support.processes.serving import TOKEN
from support.processes.worked import BINARY


def test_kinds_are_by_source_field_and_reason(api):
    found = api.ask("/v1/dead-letters").json

    assert found["matching"] == 4
    kinds = {(each["source"], each["field"]): each for each in found["kinds"]}
    assert len(found["kinds"]) == 4
    assert kinds["box", "time"]["count"] == 1
    assert None in {each["source"] for each in found["kinds"]}
    assert api.ask("/v1/dead-letters", field="time").json["matching"] == 2
    assert len(api.ask("/v1/dead-letters", n=1).json["dead_letters"]) == 1


def test_one_is_shown_byte_for_byte_whatever_it_holds(api):
    letters = api.ask("/v1/dead-letters").json["dead_letters"]
    raw = [api.ask("/v1/dead-letters/one", id=each["id"]).json["value"] for each in letters]

    texts = [each["text"] for each in raw if each["text"]]
    (binary,) = [base64.b64decode(each["base64"]) for each in raw if each["text"] is None]
    assert any("<script>alert(1)</script>" in text for text in texts)
    assert binary == BINARY


def test_what_is_not_there_is_said(api):
    refused = api.ask("/v1/dead-letters/one", id="7/7")

    assert (refused.status, refused.json["field"]) == (404, "id")


def test_what_is_still_invalid_is_not_sent(act, audited):
    before = audited()
    tried = act("/v1/dead-letters/replay", dry_run=True)

    assert (tried["sent"], tried["valid"], len(tried["invalid"])) == (0, [], 4)
    assert audited() == before
    one = act("/v1/dead-letters/replay", source="box", dry_run=True)
    assert len(one["invalid"]) == 2


def test_a_corrected_value_is_sent_once(api, act, audited, installed):
    found = api.ask("/v1/dead-letters", field="time").json["dead_letters"][0]
    statement = {"event_id": "b-fixed", "artist_id": "artist-1", "venue_id": "venue-1"}
    corrected = json.dumps(statement | {"time": "2024-06-01T00:00:00Z", "source": "box"})
    value = base64.b64encode(corrected.encode()).decode()
    before = installed.status()["events"]

    done = act("/v1/dead-letters/replay", ids=[found["id"]], value_base64=value)

    assert done["sent"] == 1
    assert audited()[0]["facts"]["sent"] == 1
    assert "b-fixed" not in json.dumps(audited())
    until(lambda: installed.status()["events"] == before + 1)
    again = act("/v1/dead-letters/replay", ids=[found["id"]], value_base64=value)
    assert again["replayed_before"] == [found["id"]]
    assert api.ask("/v1/dead-letters", unresolved=True).json["matching"] == 3


def test_a_value_belongs_to_one_letter(api):
    refused = api.ask("/v1/dead-letters/replay", {"value_base64": "e30="}, token=TOKEN)
    garbled = api.ask(
        "/v1/dead-letters/replay", {"ids": ["0/0"], "value_base64": "{}"}, token=TOKEN
    )

    assert (refused.status, refused.json["field"]) == (409, "ids")
    assert (garbled.status, garbled.json["field"]) == (409, "value_base64")
