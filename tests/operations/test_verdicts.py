"""What became of a record, by all that is stored of its bill."""

from datetime import UTC, datetime

import pytest

from operations.verdicts import of_bill, place


def row(offset, **values):
    at = datetime.fromtimestamp(1_700_000_000 + offset, UTC)
    return {
        "kind": "event",
        "topic_id": "T",
        "partition": 0,
        "offset": offset,
        "recorded_at": at,
        "digest": offset,
        "source": "default",
        "event_id": "e",
        "artist_id": "a",
        "venue_id": "v",
        "time": at,
        "status": "confirmed",
        "version": None,
        "starts_at": None,
    } | values


FIRST = row(1)
AGAIN = FIRST | {"offset": 5, "recorded_at": row(5)["recorded_at"]}
CANCELLED = row(2, status="cancelled")
OTHER_ARTIST = row(3, artist_id="b")
DELETED = row(4, status="deleted", artist_id=None)
NUMBERED = row(0, version=1)


@pytest.mark.parametrize(
    ("of", "bill", "name", "by"),
    [
        (FIRST, [FIRST], "stored", None),
        (FIRST, [FIRST, OTHER_ARTIST], "stored", None),
        (FIRST, [FIRST, CANCELLED], "superseded", "T/0/2"),
        (CANCELLED, [FIRST, CANCELLED], "stored", None),
        (AGAIN, [AGAIN, FIRST], "duplicate", "T/0/1"),
        (FIRST, [AGAIN, FIRST], "stored", None),
        (FIRST, [FIRST, NUMBERED], "superseded", "T/0/0"),
        (FIRST, [FIRST, DELETED], "deleted", "T/0/4"),
        (DELETED, [FIRST, DELETED], "stored", None),
    ],
)
def test_a_verdict_follows_from_the_bill(of, bill, name, by):
    assert of_bill(of, bill) == (name, by)


def test_a_place_has_the_form_of_a_dead_letter_s_id():
    assert place(FIRST) == "T/0/1"
