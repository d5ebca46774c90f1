"""Events by HTTP: judged, in Kafka once they are answered, and counted."""

import json

import pytest
from confluent_kafka import Consumer, TopicPartition

from support.processes.running import until
from support.processes.serving import TOKEN

AT = "2024-02-01T00:00:00Z"


def gig(number, **more):
    return {
        "event_id": f"web-{number}",
        "artist_id": f"web-artist-{number % 3}",
        "venue_id": "venue-1",
        "time": AT,
        **more,
    }


def in_kafka(installed) -> dict[bytes, bytes]:
    """Values of all records by their keys."""
    options = {"bootstrap.servers": installed.kafka.bootstrap, "group.id": "looks"}
    consumer = Consumer({**options, "enable.auto.commit": False, "log_level": 2})
    found = {}
    for number in range(3):
        place = TopicPartition(installed.topic, number, 0)
        _, end = consumer.get_watermark_offsets(place, timeout=30)
        consumer.assign([place])
        while end and (message := consumer.poll(30)) and message.offset() < end:
            found[message.key()] = message.value()
            if message.offset() == end - 1:
                break
    consumer.close()
    return found


def test_one_event_is_in_kafka_as_it_was_written_once_it_is_answered(api, installed):
    raw = b'{"time": "2024-02-01T00:00:00Z", "event_id":"raw-1", "artist_id":"a", '
    raw += b'"venue_id":"venue-1", "fee": 1.10}'
    reply = api.ask("/v1/events", raw=raw, token=TOKEN)

    assert reply.status == 202
    assert reply.json == {
        "accepted": 1,
        "refused": 0,
        "events": [{"index": 0, "verdict": "accepted"}],
    }
    assert in_kafka(installed)[b"raw-1"] == raw


def test_a_thousand_events_are_stored_counted_and_listed(api, installed):
    before, generation = installed.status()["events"], installed.generation()
    events = [gig(number) for number in range(1000)]
    reply = api.ask("/v1/events", events, token=TOKEN)

    assert (reply.status, reply.json["accepted"]) == (202, 1000)
    assert installed.stored(before + 1000)["events"] >= before + 1000
    path = "/v1/artists/web-artist-1/venues"
    until(lambda: api.ask(path).json["source"] in ("foldin", "model"))
    until(lambda: api.ask(path, returns="true", exclude="nothing").json["source"] == "live")
    # This many plays are a reason to fit again: the tests that follow compare one generation.
    until(lambda: installed.generation() > generation)
    until(lambda: api.ask(path, exclude="x").json["generation"] == installed.generation())


def test_each_event_is_judged_by_itself(api, installed):
    dead = installed.status()["dead_letters"]
    events = [gig(2001), gig(2002, venue_id=""), 7, gig(2003, time="soon"), gig(2004)]
    reply = api.ask("/v1/events", events, token=TOKEN)

    assert reply.status == 207
    assert [each["verdict"] for each in reply.json["events"]] == [
        "accepted", "refused", "refused", "refused", "accepted",
    ]  # fmt: skip
    assert [each.get("field") for each in reply.json["events"]] == [
        None, "venue_id", "value", "time", None,
    ]  # fmt: skip
    assert reply.json["events"][1]["remedy"].startswith("send a string")
    keys = in_kafka(installed)
    assert {b"web-2001", b"web-2004"} <= keys.keys()
    assert not {b"web-2002", b"web-2003"} & keys.keys()
    assert installed.status()["dead_letters"] == dead


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", 400),
        (b"7", 400),
        (b"[]", 400),
        (b"[1,", 400),
        (b"null", 400),
        (b"{}", 422),
        (b'{"event_id"', 422),
        (b'["\xff"]', 422),
        (json.dumps([{}] * 1001).encode(), 400),
    ],
)
def test_what_is_no_event_is_refused(api, raw, status):
    reply = api.ask("/v1/events", raw=raw, token=TOKEN)

    assert reply.status == status, reply
    if status == 400:
        assert reply.json["field"] == "body"
        assert "1000" in reply.json["remedy"].replace(",", "")
