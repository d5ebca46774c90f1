"""Messages become rows: events, tombstones and what broke the contract."""

import datetime as dt
import json
from zlib import crc32

import pytest
from confluent_kafka import TIMESTAMP_NOT_AVAILABLE

from consumer.ingest import rows
from consumer.table import schema
from support.data.records import RECORDED_MS, gig, message

UTC = dt.UTC


def only(one) -> dict:
    table = rows.table([one], topic_id="T", now_ms=RECORDED_MS)
    assert table.schema == schema.SCHEMA
    (row,) = table.to_pylist()
    return {name: value for name, value in row.items() if value is not None}


def test_an_event_is_a_row_with_its_place_in_kafka():
    value = gig(7, version=3, starts_at="2018-11-02", artist_name="Foo", venue={"city": "x"}, q=1)

    assert only(message(41, value, partition=2)) == {
        "kind": "event",
        "topic_id": "T",
        "partition": 2,
        "offset": 41,
        "recorded_at": dt.datetime(2018, 10, 31, 15, 33, 20, tzinfo=UTC),
        "digest": crc32(value),
        "source": "default",
        "event_id": "e7",
        "artist_id": "a7",
        "venue_id": "v7",
        "time": dt.datetime(2018, 10, 31, 12, tzinfo=UTC),
        "status": "confirmed",
        "version": 3,
        "starts_at": dt.datetime(2018, 11, 2, tzinfo=UTC),
        "artist_name": "Foo",
        "venue": '{"city":"x"}',
        "extra": '{"q":1}',
    }


def test_a_tombstone_is_an_event_row_with_status_deleted():
    assert only(message(5, None, key=b"e1", headers=[("source", b"box")])) == {
        "kind": "event",
        "topic_id": "T",
        "partition": 0,
        "offset": 5,
        "recorded_at": dt.datetime(2018, 10, 31, 15, 33, 20, tzinfo=UTC),
        "digest": 0,
        "source": "box",
        "event_id": "e1",
        "status": "deleted",
    }


def test_an_invalid_message_is_a_dead_row_with_raw_bytes_reason_and_field():
    row = only(message(5, gig(1, artist_id=""), key=b"\xff"))

    assert row["kind"] == "dead"
    assert row["raw"] == gig(1, artist_id="")
    assert row["raw_key"] == b"\xff"
    assert row["field"] == "artist_id"
    assert row["reason"].startswith("artist_id: '' is empty; send ")
    assert not {"artist_id", "event_id", "time", "status"} & row.keys()


def test_a_dead_row_keeps_its_records_headers_in_their_order_bytes_and_doubles_too():
    headers = [("content-type", b"text/plain"), ("x", b"\xff\x00"), ("x", None), ("x", b"")]

    row = only(message(5, b"?", headers=headers))

    assert schema.raw_headers(row["raw_headers"]) == headers
    assert json.loads(row["raw_headers"])[1:] == [["x", "/wA="], ["x", None], ["x", ""]]


def test_only_dead_rows_keep_headers():
    assert "raw_headers" not in only(message(5, gig(1), headers=[("trace", b"1")]))
    assert "raw_headers" not in only(message(5, b"?"))
    assert list(schema.raw_headers(None)) == []


@pytest.mark.parametrize("value", [gig(1), None, b"?"], ids=["event", "tombstone", "dead"])
def test_a_row_of_a_record_that_was_sent_again_names_the_dead_one(value):
    headers = [("a", b"b"), ("gigstream-replay-of", b"bki4BWo2S+iq0C4PN/F9wQ/3/41")]

    row = only(message(5, value, key=b"e1", headers=headers))

    assert row["replay_of"] == "bki4BWo2S+iq0C4PN/F9wQ/3/41"


@pytest.mark.parametrize("value", [None, b"", b"T/3", b"T/3/x", b"T/3/-1", b"T/3/4\n", b"\xff/1/2"])
def test_a_header_that_names_no_place_says_nothing(value):
    row = only(message(5, gig(1), headers=[("gigstream-replay-of", value)]))

    assert "replay_of" not in row


def test_good_and_bad_ones_of_one_batch_come_out_together():
    messages = [message(0), message(1, b"?"), message(2, None, key=b"e0"), message(3)]

    table = rows.table(messages, topic_id="T")

    assert sorted(zip(table["offset"].to_pylist(), table["kind"].to_pylist(), strict=True)) == [
        (0, "event"),
        (1, "dead"),
        (2, "event"),
        (3, "event"),
    ]


def test_no_messages_are_no_rows():
    assert rows.table([], topic_id="T").num_rows == 0


def test_a_message_without_a_timestamp_was_recorded_now():
    row = only(message(0, timestamp=(TIMESTAMP_NOT_AVAILABLE, -1)))

    assert row["recorded_at"] == dt.datetime(2018, 10, 31, 15, 33, 20, tzinfo=UTC)


def test_a_timestamp_that_no_column_holds_is_brought_within_the_years_1_to_9999():
    last = only(message(0, timestamp=(1, 2**62)))
    first = rows.table([message(0, timestamp=(1, -(2**62)))], topic_id="T")

    assert last["recorded_at"] == dt.datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)
    assert first["recorded_at"].to_pylist() == [dt.datetime(1, 1, 1, tzinfo=UTC)]
    assert first["field"].to_pylist() == ["time"]
