"""Sources: listed, quarantined, released, retracted; tried dry first."""

import pytest

from support.processes.installation import event
from support.processes.running import until
from support.processes.serving import TOKEN


def of(api, name):
    """What the list says of a source."""
    found = api.ask("/v1/sources").json["sources"]
    return next((each for each in found if each["source"] == name), None)


def test_a_quarantine_is_tried_done_and_ended(api, act, audited, installed):
    installed.send(event(9_100, "artist-1", "venue-2", source="box-office"))
    until(lambda: of(api, "box-office"))

    tried = act("/v1/sources/quarantine", source="box-office", dry_run=True)
    assert (tried["changes"], tried["touches"]["statements"]) == (True, 1)
    assert of(api, "box-office")["state"] == "counts"
    done = act("/v1/sources/quarantine", source="box-office", since="2020-01-01T00:00:00Z")
    assert (done["state"], done["changed"]) == ("quarantined", True)
    assert of(api, "box-office")["since"] == "2020-01-01T00:00:00Z"
    assert audited()[0]["arguments"]["source"] == "box-office"
    assert act("/v1/sources/release", source="box-office")["state"] == "counts"
    assert act("/v1/sources/retract", source="box-office")["changed"]
    act("/v1/sources/release", source="box-office")
    assert [line["what"] for line in audited(3)] == ["source release", "retract", "source release"]


def test_inflow_and_dead_letters_are_counted(api):
    found = of(api, "box")

    assert found["dead_letters"] == 2
    assert sum(each["share"] for each in api.ask("/v1/sources").json["sources"]) > 0.99


@pytest.mark.parametrize("deed", ["quarantine", "retract", "release"])
@pytest.mark.parametrize("name", ["Box", "import:box", "gigs"])
def test_a_source_that_sent_nothing_is_refused_and_those_that_did_are_named(api, deed, name):
    refused = api.ask(f"/v1/sources/{deed}", {"source": name}, token=TOKEN)

    assert (refused.status, refused.json["field"]) == (404, "source")
    assert "'box'" in refused.json["remedy"]
    assert of(api, name) is None
