"""What a life leaves out, it says."""

import json

import pytest

from consumer.ingest import rows
from consumer.store.writer import Span, Store
from operations.life import MOST, MOST_IDS, Life, Moment, Stored, _some, by_event
from operations.settings import OperationSettings
from support.data.records import message


@pytest.mark.parametrize("count", [1, MOST, MOST + 1])
def test_of_many_records_of_a_bill_the_newest_are_shown(tmp_path, count):
    settings = OperationSettings(home=tmp_path, redis_url="redis://127.0.0.1:1/0")
    gig = {"event_id": "e", "artist_id": "a", "venue_id": "v"}
    records = [
        message(n, json.dumps({**gig, "time": 1_500_000_000_000 + n}).encode())
        for n in range(count)
    ]
    store = Store.open(settings.store)
    store.append(rows.table(records, topic_id="T"), {"c/T/0": Span(None, count)})

    lives = by_event(settings, "default", "e")

    left_out = f"what came before: the newest {MOST} of {count} are shown"
    assert len(lives) == min(count, MOST)
    assert (left_out in lives[-1]["unknown"]) == (count > MOST)
    assert not any(left_out in life["unknown"] for life in lives[:-1])


@pytest.mark.parametrize("count", [0, MOST_IDS, MOST_IDS + 1])
def test_of_many_changed_lists_the_first_are_named(count):
    ids = [str(number) for number in range(count)]
    life = Life("T", 0, 1, {}, None, Moment(), Stored(), "stored", None)

    assert _some(life, "venues", ids) == ids[:MOST_IDS]
    assert life.unknown == (
        [f"all venues: the first {MOST_IDS} of {count} are named"] if count > MOST_IDS else []
    )
    assert _some(life, "artists", None) is None
