"""Files become statements whose ids and times do not depend on when or in which order."""

import datetime as dt
import itertools
import random

import pytest
from confluent_kafka import Consumer, TopicPartition

from consumer.errors import BrokerUnreachable, TopicMissing
from consumer.events import Event, decode
from consumer.imports import statements
from consumer.imports.files import BadFile, Columns, batches
from consumer.imports.row_counter import RowCounter
from consumer.imports.statements import events
from consumer.settings import ConsumerSettings

DAY_MS = 86_400_000
NOW_MS = 1_700_000_000_000  # 2023-11-14 22:13:20
ROWS = [
    "a,v,2015-01-01,Ada,Venue",
    "a,v,2015-01-01,Ada,Venue",
    "a,v,2015-01-02,Ada,Venue",
    "b,v,2015-01-01,,",
    "a,v,2015-01-01,Ada,Venue",
]


def said(path, rows=ROWS, *, header="artist_id,venue_id,date,artist,venue", **options):
    """The statements that a file of these rows becomes."""
    path = path / "gigs.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    columns = options.pop("columns", None)
    tables = batches(path, columns, **options)
    return list(events(tables, path, "import:gigs", NOW_MS, RowCounter()))


def test_a_row_becomes_a_statement_of_its_day(tmp_path):
    (event,) = said(tmp_path, ROWS[:1])
    day_ms = int(dt.datetime(2015, 1, 1, tzinfo=dt.UTC).timestamp() * 1000)

    assert event == Event(
        event_id=event.event_id,
        artist_id="a",
        venue_id="v",
        time_ms=day_ms,
        starts_at_ms=day_ms,
        source="import:gigs",
        artist_name="Ada",
        venue_name="Venue",
    )
    assert len(event.event_id) == 32


def test_equal_rows_are_gigs_of_their_own(tmp_path):
    assert len({event.event_id for event in said(tmp_path)}) == len(ROWS)


def test_a_re_sorted_copy_says_the_same(tmp_path):
    expected = set(map(repr, said(tmp_path)))
    for order in itertools.permutations(ROWS):
        assert set(map(repr, said(tmp_path, order))) == expected


def test_ids_depend_on_artist_venue_date_and_number_alone(tmp_path):
    renamed = [row.replace("Ada", "ADA").replace("Venue", "") for row in ROWS]

    assert [e.event_id for e in said(tmp_path, renamed)] == [e.event_id for e in said(tmp_path)]


def test_neighbouring_fields_do_not_run_into_each_other(tmp_path):
    one, other = said(tmp_path, ["ab,c,2015-01-01,,", "a,bc,2015-01-01,,"])

    assert one.event_id != other.event_id


def test_a_future_gig_is_stated_at_the_start_of_the_import(tmp_path):
    (event,) = said(tmp_path, ["a,v,2024-05-01,,"])

    assert event.time_ms == NOW_MS
    assert event.starts_at_ms > NOW_MS


def test_the_files_own_ids_are_kept(tmp_path):
    found = said(
        tmp_path,
        ["a,v,2015-01-01,gig1", "b,v,2015-01-01,gig1"],
        header="artist_id,venue_id,date,gig",
        columns=Columns(id="gig"),
    )

    assert [event.event_id for event in found] == ["gig1", "gig1"]


def test_undated_gigs_take_the_assumed_date(tmp_path):
    (event,) = said(
        tmp_path,
        ["a,v"],
        header="artist_id,venue_id",
        assume_date=dt.date(1970, 1, 2),
    )

    assert event.starts_at_ms == event.time_ms == DAY_MS


def test_a_date_beyond_five_years_is_refused_with_its_row(tmp_path):
    with pytest.raises(BadFile, match=r"2104-01-01 is more than 5 years ahead \(artist a, venue v"):
        said(tmp_path, ["a,v,2104-01-01,,"])


def records(kafka, topic, partitions=3):
    """Everything in a topic: partition, key, event."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": topic})
    where = [TopicPartition(topic, number, 0) for number in range(partitions)]
    ends = [consumer.get_watermark_offsets(each, timeout=10)[1] for each in where]
    consumer.assign(where)
    found = []
    while len(found) < sum(ends):
        for message in consumer.consume(500, timeout=0.2):
            event = decode(message.value(), record_ms=message.timestamp()[1])
            found.append((message.partition(), message.key().decode(), event))
    consumer.close()
    return found


def settings_of(kafka, topic, home):
    return ConsumerSettings(
        home=home,
        kafka_bootstrap=kafka.bootstrap,
        kafka_topic=topic,
        connect_timeout_s=5,
    )


def test_files_go_through_kafka_with_the_event_id_as_key(kafka, tmp_path):
    topic = kafka.create_topic(partitions=3)
    rows = [f"a{n % 50},v{n % 7},2015-01-{n % 28 + 1:02},," for n in range(3_000)]
    (tmp_path / "gigs.csv").write_text("\n".join(["artist_id,venue_id,date,artist,venue", *rows]))
    shares: list[float] = []
    done = statements.run(
        [tmp_path / "gigs.csv"],
        settings_of(kafka, topic, tmp_path),
        progress=lambda _path, share: shares.append(share),
    )

    found = records(kafka, topic)
    assert (done.files, done.events) == (1, 3_000)
    assert len(found) == len({key for _, key, _ in found}) == 3_000
    assert all(key == event.event_id for _, key, event in found)
    assert {event.source for _, _, event in found} == {"import:gigs"}
    assert {partition for partition, _, _ in found} == {0, 1, 2}
    assert shares[-1] == 1.0


def test_importing_again_re_sorted_says_the_same_of_the_same_gigs(kafka, tmp_path):
    topic = kafka.create_topic(partitions=3)
    rows = [f"a{n % 5},v{n % 3},2015-01-{n % 9 + 1:02}" for n in range(500)]
    for name in ("gigs.csv", "copy.csv"):
        (tmp_path / name).write_text("\n".join(["artist_id,venue_id,date", *rows]))
        random.Random(1).shuffle(rows)
        path = tmp_path / name
        statements.run([path], settings_of(kafka, topic, tmp_path), name="gigs")
    found = [repr(event) for _, _, event in records(kafka, topic)]

    assert len(found) == 1_000
    assert len(set(found)) == 500


def test_files_under_one_name_count_their_equal_rows_together(kafka, tmp_path):
    topic = kafka.create_topic(partitions=3)
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).write_text("artist_id,venue_id,date\na,v,2015-01-01\n")
    paths = [tmp_path / "one.csv", tmp_path / "two.csv"]
    statements.run(paths, settings_of(kafka, topic, tmp_path), name="both")

    assert len({key for _, key, _ in records(kafka, topic)}) == 2


def test_a_missing_topic_is_named(kafka, tmp_path):
    (tmp_path / "gigs.csv").write_text("artist_id,venue_id,date\na,v,2015-01-01\n")
    with pytest.raises(TopicMissing, match="'nowhere' does not exist"):
        statements.run([tmp_path / "gigs.csv"], settings_of(kafka, "nowhere", tmp_path))


def test_a_bad_file_is_found_before_any_broker_is_asked(tmp_path):
    settings = ConsumerSettings(home=tmp_path, kafka_bootstrap="127.0.0.1:1", connect_timeout_s=60)
    with pytest.raises(BadFile, match="no such file"):
        statements.run([tmp_path / "none.csv"], settings)


def test_a_broker_that_is_not_there_is_named(tmp_path):
    (tmp_path / "gigs.csv").write_text("artist_id,venue_id,date\na,v,2015-01-01\n")
    settings = ConsumerSettings(home=tmp_path, kafka_bootstrap="127.0.0.1:1", connect_timeout_s=0.5)
    with pytest.raises(BrokerUnreachable, match=r"127\.0\.0\.1:1"):
        statements.run([tmp_path / "gigs.csv"], settings)
