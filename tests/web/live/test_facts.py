"""What is known of venues, from a store."""

import json
import math

import numpy as np
import pytest

from consumer.ids import quarantines
from consumer.ids.quarantines import ALL, QUARANTINED, RELEASED, Quarantine
from consumer.ingest import rows
from consumer.store.writer import Span, Store
from support.data.records import message
from trainer.plays.ids import Ids, Names
from trainer.plays.merged_rows import Merged
from web.live.facts import VenueFacts
from web.live.pool import IdTable

APP = "c/t/0"
AT_MS = 1_541_000_000_000


class Told:
    """A store, what was said into it, and the facts that follow."""

    def __init__(self, home):
        self._store = Store.open(home / "store")
        self._next = 0
        self.facts = VenueFacts(home / "store")

    def say(self, *statements):
        """Store (venue, facts, minute) of each, and further fields."""
        values = [self._value(*each) for each in statements]
        messages = [message(self._next + at, value) for at, value in enumerate(values)]
        span = Span(self._next or None, self._next + len(messages))
        self._next += len(messages)
        self._store.append(rows.table(messages, topic_id="t"), {APP: span})

    def _value(self, venue, facts, minute, source="s"):
        event = {"event_id": f"{venue}{minute}", "artist_id": "a", "venue_id": venue}
        event |= {"time": AT_MS + 60_000 * minute, "source": source}
        return json.dumps(event | ({"venue": facts} if facts else {})).encode()

    def decide(self, minute, source, status):
        decision = Quarantine((AT_MS + minute) * 1000, source, status, ALL)
        self._store.append(quarantines.table(decision), {})

    def columns(self, *names):
        self.facts.follow()
        ids = Ids(names)
        table = IdTable(ids, Merged("venue", ids), Names())
        return self.facts.columns(table, np.arange(len(names), dtype=np.int32))


@pytest.fixture
def told(tmp_path):
    return Told(tmp_path)


def test_the_latest_statement_about_a_venue_applies_as_a_whole(told):
    told.say(("v1", {"city": "Kiel", "capacity": 9}, 2), ("v1", {"city": "Bonn", "lat": 1}, 1))
    told.say(("v2", {"city": " HAMBURG ", "lat": 53.5, "lng": 10}, 0), ("v1", None, 3))
    found = told.columns("v1", "v2", "v3")

    assert found.city.tolist() == ["kiel", "hamburg", ""]
    assert found.capacity.tolist()[0] == 9
    assert math.isnan(found.lat[0])
    assert found.lat.tolist()[1] == 53.5
    assert np.isnan(found.capacity[1:]).all()


def test_a_later_commit_changes_what_is_known(told):
    told.say(("v1", {"city": "Kiel"}, 5))
    assert told.columns("v1").city.tolist() == ["kiel"]
    told.say(("v1", {"city": "Bonn"}, 4))
    assert told.columns("v1").city.tolist() == ["kiel"]
    told.say(("v1", {"city": "Bonn"}, 6))
    assert told.columns("v1").city.tolist() == ["bonn"]


def test_whether_anything_changed_is_told(told):
    told.say(("v1", {"city": "Kiel"}, 1))
    assert told.facts.follow()
    told.say(("v1", {"city": "Kiel"}, 2), ("v2", None, 2))
    assert not told.facts.follow()
    assert not told.facts.follow()


def test_a_quarantined_source_says_nothing(told):
    told.say(("v1", {"city": "Kiel"}, 1), ("v1", {"city": "Rome"}, 2, "liar"))
    assert told.columns("v1").city.tolist() == ["rome"]
    told.decide(3, "liar", QUARANTINED)
    assert told.columns("v1").city.tolist() == ["kiel"]
    told.decide(4, "liar", RELEASED)
    assert told.columns("v1").city.tolist() == ["rome"]


def test_an_empty_store_knows_nothing(told):
    assert not told.facts.follow()
    assert len(told.facts) == 0
    assert told.columns("v1").city.tolist() == [""]
