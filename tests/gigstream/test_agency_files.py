"""Three agencies' files, each looked at and then imported by one command."""

import time
from contextlib import closing

import pytest
from confluent_kafka import Consumer, TopicPartition

from consumer.errors import ConsumerError
from consumer.imports import sender
from consumer.settings import ConsumerSettings
from support.data.workbooks import Day, workbook
from support.processes.commands import gigstream
from support.processes.consume import Consuming
from trainer.plays.read import settled

GERMAN = (
    "Künstler;Spielstätte;Datum;Status;Vertrag\r\n"
    "Die Füchse;Übel & Gefährlich;14.03.2026;bestätigt;V1\r\n"
    "Die Füchse;Café Größenwahn;15.3.2026;Abgesagt;V2\r\n"
    "Björn Blau;Übel & Gefährlich;02.04.2026;Option;V3\r\n"
    "Björn Blau;Werft;3. April 2026;bestätigt;V4\r\n"
    "Björn Blau;Turm;4.4.2026;CANCELLED;V4\r\n"
).encode("latin-1")
AMERICAN = (
    b'"Act","Venue","Show Date","Fee"\n'
    b'"Tin, Harbor & Sons","The Hall, SF","03/04/2026","1,200"\n'
    b'"Tin, Harbor & Sons","Room ""9""","09/25/2026","1,000"\n'
    b'"Nova","The Hall, SF","TBA","300"\n'
    b'"TOTAL","","","2,500"\n'
)
# 46143 is 2026-05-01.
BLANKS = [
    ["Shows, spring", None, None, None],
    [],
    ["Artist", "Venue", "Date", "No"],
    ["Lina ", "Saal 1", Day(46143), 1],
    ["Lina", "Saal 1", Day(46144), 2],
    [None, None, None, None],
    ["Lina", "Saal 2", "2026-05-03", 3],
    ["Lina", "Saal 2", "2026-05-03", 3],
    ["lina", "Saal 3", "May 4, 2026", 4],
    ["#REF!", "Saal 3", Day(46147), 5],
]
FILES = {"agentur.csv": GERMAN, "us.csv": AMERICAN, "spring.xlsx": workbook(BLANKS)}
COMMANDS = {
    "agentur.csv": [
        "--artist", "Künstler", "--venue", "Spielstätte", "--date", "Datum", "--id", "Vertrag",
        "--status-means", "bestätigt=confirmed", "--status-means", "option=postponed",
    ],
    "us.csv": ["--artist", "Act", "--date", "Show Date", "--skip-bad", "bad.csv"],
    "spring.xlsx": ["--id", "No"],
}  # fmt: skip
LISTED = {
    "agentur.csv": ["outdone: agentur.csv row 5: is outdone by row 6 of the same id"],
    "us.csv": [
        "bad: us.csv row 4, column 'Show Date': 'TBA' is no date; write it as YYYY-MM-DD",
        "left out: us.csv row 5: has no artist and no venue, or is a total; it is left out",
    ],
    "spring.xlsx": [
        (
            "look-alike id: spring.xlsx row 4: artists 'Lina ', 'Lina', 'lina' look alike "
            "and count as 3 (5 rows)"
        ),
        "duplicate: spring.xlsx row 7: repeats another row; counted once",
        (
            "look-alike id: spring.xlsx row 10: artist '#REF!' is what a spreadsheet makes of "
            "an id (1 rows)"
        ),
    ],
}
PLAYS = {
    ("Die Füchse", "Übel & Gefährlich", "2026-03-14"),
    ("Björn Blau", "Übel & Gefährlich", "2026-04-02"),
    ("Tin, Harbor & Sons", "The Hall, SF", "2026-03-04"),
    ("Tin, Harbor & Sons", 'Room "9"', "2026-09-25"),
    ("Lina ", "Saal 1", "2026-05-01"),
    ("Lina", "Saal 1", "2026-05-02"),
    ("Lina", "Saal 2", "2026-05-03"),
    ("lina", "Saal 3", "2026-05-04"),
    ("#REF!", "Saal 3", "2026-05-05"),
}


@pytest.fixture
def settings(kafka, tmp_path, monkeypatch):
    """Settings of a store of its own, for this process and its commands."""
    topic = kafka.create_topic(partitions=2)
    found = ConsumerSettings(
        home=tmp_path / "home",
        kafka_bootstrap=kafka.bootstrap,
        kafka_topic=topic,
        kafka_group=topic,
    )
    for name in ("home", "kafka_bootstrap", "kafka_topic", "kafka_group"):
        monkeypatch.setenv(f"GIGSTREAM_{name.upper()}", str(getattr(found, name)))
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    return found


def plays(settings) -> set[tuple[str, str, str]]:
    interactions, _ = settled(settings.store)
    found = interactions.plays()
    columns = found.artist.tolist(), found.venue.tolist(), found.at_ms.tolist()
    return {
        (
            interactions.artists[artist],
            interactions.venues[venue],
            time.strftime("%Y-%m-%d", time.gmtime(at_ms / 1000)),
        )
        for artist, venue, at_ms in zip(*columns, strict=True)
    }


def stored(settings, count: int) -> None:
    """Runs a consumer until it has stored what was sent."""
    deadline = time.monotonic() + 60
    with Consuming(settings) as consumer:
        while consumer.stored < count:
            assert time.monotonic() < deadline, consumer.said
            time.sleep(0.05)
        consumer.stop()


def test_agencies_files_are_imported_as_they_are(settings):
    sent = 0
    for name, options in COMMANDS.items():
        looked = gigstream("import", "--dry-run", "--json", name, *options)
        done = gigstream("import", "--json", name, *options)
        assert (looked.code, done.code) == (0, 0), done.err
        assert looked.data["known_ids"] == 0
        assert sorted(looked.data["first_doubtful"]) == sorted(LISTED[name])
        assert done.data["first_doubtful"] == looked.data["first_doubtful"]
        assert done.data["plays"] == looked.data["plays"]
        sent += done.data["events"]
    stored(settings, sent)

    assert plays(settings) == PLAYS
    again = [gigstream("import", "--json", name, *COMMANDS[name]) for name in FILES]
    assert [done.data["changed"] for done in again] == [False] * len(again)
    stored(settings, sum(done.data["events"] for done in again))
    assert plays(settings) == PLAYS
    said = gigstream("import", "spring.xlsx", "--id", "No").out
    assert "import:spring: 5 of its ids are known, and this file replaces what they stated" in said
    assert "nothing changed: the store has all of these gigs already" in said
    for name, options in COMMANDS.items():
        looked = gigstream("import", "--dry-run", "--json", name, *options).data
        assert looked["new_ids"] == 0
        assert looked["known_ids"] > 0


def test_an_import_that_stops_midway_tells_how_far_it_came(settings, monkeypatch):
    send, count = sender.Sender.send, 0

    def failing(self, event):
        nonlocal count
        count += 1
        if count > 2:
            raise ConsumerError("the broker is gone")
        send(self, event)

    monkeypatch.setattr(sender.Sender, "send", failing)
    done = gigstream("import", "spring.xlsx", "--id", "No")

    assert done.code == 1
    assert done.err.splitlines() == [
        "gigstream: 2 of 6 rows were sent; import again: nothing counts twice",
        "gigstream: the broker is gone",
    ]


def test_nothing_is_sent_where_the_second_file_is_bad(settings, kafka, tmp_path):
    (tmp_path / "bad.csv").write_text("artist_id,venue_id,date\na,v,2026-01-01\nb,v,never\n")
    done = gigstream("import", "spring.xlsx", "bad.csv")

    assert done.code == 2
    assert done.line.startswith("bad.csv row 3, column 'date': 'never' is no date; ")
    with closing(Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "end"})) as consumer:
        for number in (0, 1):
            where = TopicPartition(settings.kafka_topic, number)
            assert consumer.get_watermark_offsets(where, timeout=30) == (0, 0)
