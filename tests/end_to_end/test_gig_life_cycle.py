"""The life of gigs as sources tell it, in any order, through the real store, against an oracle.

Records are made as producers make them, become rows by `rows.table`, are appended in batches by
a `Store`, read back by a `StoreReader` and settled by `Interactions`: commit by commit, and from
scratch.
"""

import os
import random
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from confluent_kafka import Message, Producer
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from consumer.errors import LostPartition
from consumer.events import MAX_MS, STATUSES
from consumer.ingest import rows
from consumer.kafka.topic import app_id
from consumer.settings import ConsumerSettings
from consumer.store.reader import StoreReader
from consumer.store.writer import Store
from consumer.table.delta_log import Span
from support.data.lives import ENCODINGS, Record, Said, encoded, heard, unframed
from support.data.records import until
from support.data.statements import Statement, as_of, settled
from support.processes.consume import KILLED, Consuming
from trainer.plays.interactions import COLUMNS, Interactions

LIVES = int(os.environ.get("GIGSTREAM_TEST_LIVES", "60"))
EPOCH_MS = 1_541_000_000_000
PLACES = [("T1", 0), ("T1", 1), ("T2", 0)]  # T2: the topic, deleted and made again
CREATE_TIME = 1

sources = st.sampled_from(["default", "box", "/box"])
event_ids = st.sampled_from(["e1", "e2", "é3"])  # the same in every source
artist_ids = st.sampled_from(["a1", "a2", "ä3"])
venue_ids = st.sampled_from(["v1", "v2", "v3"])
few = st.integers(0, 3)
starts = st.none() | st.integers(-3, 3).map(lambda day: EPOCH_MS + day * 86_400_000)
encodings = st.sampled_from(ENCODINGS)
places = st.sampled_from(PLACES)
confirmations = st.builds(
    Said,
    source=sources,
    event_id=event_ids,
    artist_id=artist_ids,
    venue_id=venue_ids,
    time_ms=few.map(lambda minute: EPOCH_MS + minute * 60_000),
    starts_at_ms=starts,
)


def plays(interactions: Interactions) -> list[tuple[str, str, int]]:
    found = interactions.plays()
    each = zip(found.artist.tolist(), found.venue.tolist(), found.at_ms.tolist(), strict=True)
    return sorted((interactions.artists[a], interactions.venues[v], at) for a, v, at in each)


class Lives(RuleBasedStateMachine):
    """Sources send, Kafka keeps, a consumer stores, a trainer settles; the oracle compares."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="gigstream-lives-"))
        self.store = Store.open(self.home / "store")
        self.zombie = Store.open(self.home / "store")
        self.kafka: dict[tuple[str, int], list[Message]] = {place: [] for place in PLACES}
        self.told: dict[tuple[str, int], list[Statement | None]] = {place: [] for place in PLACES}
        self.stored = dict.fromkeys(PLACES, 0)
        self.said: list[Said] = []
        self.numbered: Counter[tuple[str, str]] = Counter()
        self.tail = StoreReader(self.home / "store", columns=COLUMNS)
        self.interactions = Interactions()
        self.settled: list[tuple[str, str, int]] = []
        self.last: tuple[dict, list[Message]] | None = None

    def teardown(self) -> None:
        try:
            self.append_all()
            self.settle()
        finally:
            shutil.rmtree(self.home)

    # What sources say. `default` numbers its statements, the others do not.

    @rule(said=confirmations, how=encodings, place=places)
    def confirm(self, said, how, place) -> None:
        self.say(said, how, place)

    def followed(self, data: st.DataObject) -> Said:
        """Something said before of an artist, to be said otherwise."""
        return data.draw(st.sampled_from([said for said in self.said if said.artist_id]))

    @precondition(lambda self: any(said.artist_id for said in self.said))
    @rule(data=st.data(), start=starts, minute=few, how=encodings, place=places)
    def reschedule(self, data, start, minute, how, place) -> None:
        self.change(self.followed(data), how, place, minute, "rescheduled", starts_at_ms=start)

    @precondition(lambda self: any(said.artist_id for said in self.said))
    @rule(data=st.data(), minute=few, how=encodings, place=places)
    def postpone(self, data, minute, how, place) -> None:
        self.change(self.followed(data), how, place, minute, "postponed", starts_at_ms=None)

    @precondition(lambda self: any(said.artist_id for said in self.said))
    @rule(data=st.data(), venue=venue_ids, minute=few, how=encodings, place=places)
    def perform(self, data, venue, minute, how, place) -> None:
        self.change(self.followed(data), how, place, minute, "performed", venue_id=venue)

    @precondition(lambda self: any(said.artist_id for said in self.said))
    @rule(data=st.data(), minute=few, how=encodings, place=places)
    def cancel(self, data, minute, how, place) -> None:
        self.change(self.followed(data), how, place, minute, "cancelled")

    @precondition(lambda self: any(said.artist_id for said in self.said))
    @rule(data=st.data(), artist=artist_ids, minute=few, how=encodings, place=places)
    def change_the_bill(self, data, artist, minute, how, place) -> None:
        """One artist leaves by a cancelled of their own, another one comes."""
        left = self.followed(data)
        self.change(left, how, place, minute, "cancelled")
        self.change(left, how, place, minute, "confirmed", artist_id=artist)
        self.append_all()

    @rule(source=sources, event=event_ids, how=encodings, place=places, sure=st.integers(0, 3))
    def delete_the_bill(self, source, event, how, place, sure) -> None:
        if sure == 0:  # for good, so that other rules still have a gig to use
            self.say(Said(source, event), how, place)

    @precondition(lambda self: self.said)
    @rule(data=st.data(), how=encodings, place=places)
    def repeat(self, data, how, place) -> None:
        """The very same statement once more: a retry, or another bridge."""
        self.say(data.draw(st.sampled_from(self.said)), how, place)

    @rule(place=places, value=st.sampled_from([b"", b"{", b'{"event_id":"e1"}', b"\0\0\0\0\1"]))
    def babble(self, place, value) -> None:
        self.produce(Record(value, b"e1", []), None, place)

    def change(self, before: Said, how, place, minute, status, **fields) -> None:
        after = {**vars(before), "time_ms": EPOCH_MS + minute * 60_000, "status": status, **fields}
        self.say(Said(**{**after, "version": None}), how, place)

    def say(self, said: Said, how: str, place: tuple[str, int]) -> None:
        bill = (said.source, said.event_id)
        if said.source == "default" and said.artist_id and said.version is None:
            # Numbers are given in the order of speaking, and arrive in any.
            self.numbered[bill] += 1
            said = Said(**{**vars(said), "version": self.numbered[bill] % 4})
        self.said.append(said)
        self.produce(encoded(said, how), said, place)

    def produce(self, record: Record, said: Said | None, place: tuple[str, int]) -> None:
        topic_id, partition = place
        offset = len(self.kafka[place])
        recorded_ms = EPOCH_MS + (offset * 7919) % 3  # stamps are of producers, in no order
        message = Message(
            topic="gigs",
            partition=partition,
            offset=offset,
            key=record.key,
            value=record.value,
            headers=[*record.headers],
            timestamp=(CREATE_TIME, recorded_ms),
        )
        self.kafka[place].append(message)
        where = {"topic_id": topic_id, "partition": partition, "offset": offset}
        told = said and heard(said, record.value, recorded_ms=recorded_ms, **where)
        self.told[place].append(told)

    # What the consumer does.

    @rule(
        counts=st.fixed_dictionaries({place: st.integers(0, 6) for place in PLACES}),
        watched=st.booleans(),
    )
    def append(self, counts, watched) -> None:
        """Store the next few of each partition as one batch, under a trainer's eyes or not."""
        ends = {
            place: min(self.stored[place] + count, len(self.kafka[place]))
            for place, count in counts.items()
        }
        moved = {place: end for place, end in ends.items() if end > self.stored[place]}
        if not moved:
            return
        messages = {
            place: self.kafka[place][self.stored[place] : end] for place, end in moved.items()
        }
        tables = [self.table(place, found) for place, found in messages.items()]
        spans = {name(place): Span(self.stored[place], end) for place, end in moved.items()}
        self.store.append(pa.concat_tables(tables), spans)
        self.last = spans, tables
        self.stored |= moved
        if watched:
            self.settle()

    def table(self, place: tuple[str, int], messages: list[Message]):
        return rows.table(messages, topic_id=place[0], unframe=unframed)

    def append_all(self) -> None:
        self.append(dict.fromkeys(PLACES, 10**6), watched=True)

    @precondition(lambda self: self.last)
    @rule(who=st.sampled_from(["restarted", "zombie", "zombie that looked"]))
    def append_again(self, who) -> None:
        """A consumer that died after its commit, or a zombie that woke up, is refused."""
        spans, tables = self.last
        store = Store.open(self.home / "store") if who == "restarted" else self.zombie
        if who == "zombie that looked":
            store.refresh()
        with pytest.raises(LostPartition):
            store.append(pa.concat_tables(tables), spans)

    # What the trainer does.

    @rule()
    def settle(self) -> None:
        chunk = self.tail.read()
        if chunk is not None:
            before = Counter(self.settled)
            if chunk.reset:
                self.interactions = Interactions()
            touched = self.interactions.settle(chunk.events)
            self.settled = plays(self.interactions)
            after = Counter(self.settled)
            if not chunk.reset:
                self.covers(touched, (before - after) + (after - before))
        assert self.settled == settled(self.oracle())
        assert self.interactions.events == len(self.oracle())

    def covers(self, touched, changed: Counter) -> None:
        artists = {self.interactions.artists[row] for row in touched.artists}
        venues = {self.interactions.venues[row] for row in touched.venues}
        assert artists >= {artist for artist, _, _ in changed}
        assert venues >= {venue for _, venue, _ in changed}

    @rule()
    def settle_anew(self) -> None:
        """A trainer that has just started, and so reads everything at once."""
        chunk = StoreReader(self.home / "store", columns=COLUMNS).read()
        fresh = Interactions()
        fresh.settle(chunk.events)
        oracle = self.oracle()

        assert plays(fresh) == settled(oracle)
        assert fresh.clock(MAX_MS).as_of_ms == as_of(oracle)
        assert chunk.events.num_rows + chunk.dead == sum(self.stored.values())

    def oracle(self) -> list[Statement]:
        return [s for place in PLACES for s in self.told[place][: self.stored[place]] if s]

    @invariant()
    def positions_are_what_was_appended(self) -> None:
        held = self.store.positions(map(name, PLACES))
        assert {place: held[name(place)] or 0 for place in PLACES} == self.stored


def name(place: tuple[str, int]) -> str:
    return app_id("C", *place)


@pytest.mark.timeout(3600)  # a thousand lives, or a failure made small, take their time
def test_gigs_settle_as_the_oracle_says_whatever_their_lives() -> None:
    how = settings(max_examples=LIVES, stateful_step_count=40, deadline=None)
    run_state_machine_as_test(Lives, settings=how)


def test_gigs_settle_as_the_oracle_says_through_kafka_and_a_killed_consumer(kafka, tmp_path):
    chance = random.Random(4)
    topic = kafka.create_topic(partitions=3)
    oracle: list[Statement] = []
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "linger.ms": 5})

    def send(said: Said, recorded_ms: int) -> None:
        record = encoded(said, chance.choice([how for how in ENCODINGS if "avro" not in how]))

        def delivered(error, message) -> None:
            assert error is None
            where = {"topic_id": "", "partition": message.partition(), "offset": message.offset()}
            oracle.append(heard(said, record.value, recorded_ms=recorded_ms, **where))

        producer.produce(
            topic,
            record.value,
            record.key,
            partition=chance.randrange(3),
            on_delivery=delivered,
            timestamp=recorded_ms,
            headers=[*record.headers],
        )

    def send_all() -> None:
        for _ in range(300):
            send(random_statement(chance), EPOCH_MS + chance.randrange(3))
        assert producer.flush(30) == 0

    send_all()
    consumer_settings = ConsumerSettings(
        home=tmp_path / "home",
        kafka_bootstrap=kafka.bootstrap,
        kafka_topic=topic,
        kafka_group=topic,
    )
    with Consuming(consumer_settings, fault=("after_commit", 1, "kill")) as consumer:
        assert consumer.code() == KILLED
    send_all()
    with Consuming(consumer_settings) as consumer:
        until(lambda: stored_rows(consumer_settings.store) >= len(oracle))
        consumer.stop()
    chunk = StoreReader(consumer_settings.store, columns=COLUMNS).read()
    interactions = Interactions()
    interactions.settle(chunk.events)

    assert (chunk.events.num_rows, chunk.dead) == (600, 0)
    assert plays(interactions) == settled(oracle)
    assert len(plays(interactions)) > 10


def stored_rows(store: Path) -> int:
    chunk = StoreReader(store, columns=["offset"]).read()
    return chunk.events.num_rows if chunk else 0


def random_statement(chance: random.Random) -> Said:
    source, event = chance.choice(["default", "box", "/box"]), f"e{chance.randrange(20)}"
    if chance.random() < 0.02:
        return Said(source, event)
    return Said(
        source,
        event,
        f"a{chance.randrange(5)}",
        f"v{chance.randrange(5)}",
        EPOCH_MS + chance.randrange(5),
        chance.choice(STATUSES),
        chance.randrange(4) if source == "default" else None,
        chance.choice([None, EPOCH_MS + 86_400_000 * chance.randrange(3)]),
    )
