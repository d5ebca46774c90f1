"""The stream: partitions with their lag, the live tail, and one event's whole life."""

import json
import threading
import urllib.error
import urllib.request

import msgspec
import pytest

from support.processes.installation import event
from support.processes.running import stop, until
from support.processes.serving import TOKEN, served


def watch(api, kept, opened):
    """Read the tail until it ends, or the server does."""
    with urllib.request.urlopen(f"{api.base}/v1/stream", timeout=120) as reply:  # noqa: S310
        kept.append(reply.headers["content-type"])
        opened.set()
        try:
            for line in reply:
                if line.startswith(b"data: "):
                    kept.append(json.loads(line.removeprefix(b"data: ")))
        except (OSError, ValueError):
            pass


@pytest.fixture
def watched(own_api):
    """What the tail has told so far, after what was there already."""
    kept, opened = [], threading.Event()
    threading.Thread(target=watch, args=(own_api, kept, opened), daemon=True).start()
    assert opened.wait(60)
    return kept


def verdict_of(watched, event_id):
    """The verdicts of an event's records, in the order in which they came."""
    return [each["verdict"] for each in watched[1:] if each.get("event_id") == event_id]


def life(api, **query):
    return api.ask("/v1/events/by-id", **query).json["events"]


def at(api, place):
    return api.ask("/v1/events/by-place", place=place)


def test_partitions_tell_offsets_and_lag(own_api, own_installed):
    found = own_api.ask("/v1/partitions").json

    assert found["topic"] == own_installed.topic
    assert [each["partition"] for each in found["partitions"]] == [0, 1, 2]
    assert sum(each["end"] - each["low"] for each in found["partitions"]) >= 400
    assert {(each["lag_events"], each["lag_s"]) for each in found["partitions"]} == {(0, 0.0)}


def test_the_tail_tells_each_record_with_its_verdict(watched, own_installed):
    sent = event(9_200, "artist-1", "venue-2", event_id="tail-1")
    own_installed.send(sent)
    until(lambda: verdict_of(watched, "tail-1") == ["stored"])
    own_installed.send(sent)
    until(lambda: verdict_of(watched, "tail-1") == ["stored", "duplicate"])
    late = msgspec.structs.replace(sent, time_ms=sent.time_ms - 1, venue_id="venue-3")
    own_installed.send(late)
    until(lambda: verdict_of(watched, "tail-1")[-1] == "superseded")
    own_installed.send_raw(b'{"event_id": "<b>tail-2</b>"}')
    own_installed.send()

    until(lambda: any(each["verdict"] == "dead" for each in watched[1:]))
    assert watched[0].startswith("text/event-stream")


def test_a_fold_in_s_event_has_its_whole_life(own_api, own_installed):
    own_installed.send(event(9_300, "artist-4", "venue-9", event_id="life-1"))
    (found,) = until(
        lambda: (
            (reply := own_api.ask("/v1/events/by-id", event_id="life-1", source="default")).status
            == 200
            and reply.json["events"][0]["listed"]
            and reply.json["events"]
        )
    )

    assert found["verdict"] == "stored"
    assert found["statement"]["venue_id"] == "venue-9"
    assert found["received"]["at"] < found["committed"]["at"] <= found["listed"]["at"]
    assert 0 < found["committed"]["after_ms"] <= found["listed"]["after_ms"] < 60_000
    assert "artist-4" in found["listed"]["artists"]
    assert found["listed"]["generation"] == own_installed.generation()
    assert found["unknown"] == []
    place = f"{own_installed.topic}/{found['partition']}/{found['offset']}"
    assert at(own_api, place).json["events"] == [found]
    assert at(own_api, f"{found['topic_id']}/{place.split('/', 1)[1]}").status == 200


def test_an_event_of_a_generation_names_it(own_api):
    assert own_api.ask("/v1/generations/refit", {}, token=TOKEN).status == 200
    (found,) = life(own_api, event_id="e5", source="default")

    assert found["listed"]["generation"] >= 1
    assert found["committed"]["version"] is not None


def test_a_dead_letter_has_a_life_too(own_api):
    letter = own_api.ask("/v1/dead-letters", n=1).json["dead_letters"][0]
    (found,) = at(own_api, letter["id"]).json["events"]

    assert found["verdict"] == "dead"
    assert found["dead"] == {"field": letter["field"], "reason": letter["reason"]}
    assert found["listed"] is None


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("gigs-of-others/0/1", "holds no record of gigs-of-others/0/1"),
        ("yjWk9fK8Rj6obn/VFT/0CQ/0/1", "holds no record of yjWk9fK8Rj6obn/VFT/0CQ/0/1"),
        ("{topic}/0/99999999", "not stored yet"),
    ],
)
def test_what_is_not_stored_is_told(own_api, own_installed, place, said):
    refused = at(own_api, place.format(topic=own_installed.topic))

    assert (refused.status, refused.json["field"]) == (404, "place")
    assert said in refused.json["detail"]


@pytest.mark.parametrize(
    ("place", "status"),
    [
        ("gigs", 400),
        ("gigs/0", 400),
        ("/0/1", 400),
        ("gigs/-1/0", 400),
        ("gigs/0/x", 400),
        (f"gigs/{1 << 31}/0", 409),
        (f"gigs/0/{1 << 63}", 409),
    ],
)
def test_what_is_no_place_is_refused(own_api, place, status):
    refused = at(own_api, place)

    assert (refused.status, refused.json["field"]) == (status, "place")


def test_watchers_are_bounded_and_do_not_keep_a_server(own_installed):
    own_api = served(own_installed, GIGSTREAM_SERVE_RATE="1000")
    until(own_api.ready, 90)
    stream = f"{own_api.base}/v1/stream"
    opened = [urllib.request.urlopen(stream, timeout=60) for _ in range(20)]  # noqa: S310

    assert own_api.ask("/v1/stream").status == 503
    opened.pop().close()
    until(lambda: next_stream(own_api))
    assert stop(own_api.process) == 0


def next_stream(api):
    """Whether one more may watch."""
    try:
        with urllib.request.urlopen(f"{api.base}/v1/stream", timeout=60) as reply:  # noqa: S310
            return reply.status == 200
    except urllib.error.HTTPError:
        return False
