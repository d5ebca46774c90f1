"""Avro that a few bytes of could fill any memory with."""

import json

import pytest

from consumer.registry.avro import Reader, Unreadable

EMPTY = {"type": "record", "name": "Nothing", "fields": [{"name": "n", "type": "null"}]}
FIXED = {"type": "fixed", "name": "F", "size": 0}
# 2**40 items, then the end of the array.
MANY = b"\x80\x80\x80\x80\x80\x40\x00"


def record(kind: object) -> str:
    return json.dumps({"type": "record", "name": "R", "fields": [{"name": "f", "type": kind}]})


@pytest.mark.parametrize(
    "items",
    ["null", {"type": "null"}, EMPTY, FIXED],
    ids=["null", "null in an object", "record", "fixed"],
)
@pytest.mark.parametrize("deep", [False, True])
def test_an_array_of_items_that_take_no_bytes_is_refused_before_anything_is_read(items, deep):
    kind: object = {"type": "array", "items": items}
    if deep:
        kind = ["null", {"type": "map", "values": kind}]

    with pytest.raises(Unreadable, match="take no bytes"):
        Reader(record(kind))


def test_a_name_that_takes_no_bytes_is_followed():
    with pytest.raises(Unreadable, match="take no bytes"):
        Reader(record({"type": "array", "items": "Nothing"}), [json.dumps(EMPTY)])


@pytest.mark.parametrize(
    ("items", "payload", "value"),
    [
        ("int", b"\x04\x02\x04\x00", [1, 2]),
        (["null", "int"], b"\x04\x00\x02\x04\x00", [None, 2]),
        ({"type": "array", "items": "int"}, b"\x02\x00\x00", [[]]),
    ],
)
def test_other_arrays_are_read(items, payload, value):
    found = Reader(record({"type": "array", "items": items}))(payload)

    assert json.loads(found) == {"f": value}


def test_a_count_of_items_that_are_not_there_is_refused():
    with pytest.raises(Unreadable):
        Reader(record({"type": "array", "items": "int"}))(MANY)
