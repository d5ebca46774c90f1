"""Files as they really come: each is imported as it is, or refused in one line with the remedy."""

import io
import json
import os
import re
import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from confluent_kafka import Message

from consumer.events import encode
from consumer.imports.columns import Columns
from consumer.imports.file_set import FileSet
from consumer.imports.problems import Ignored
from consumer.ingest import rows
from support.data import case_files as cases
from support.processes.commands import gigstream
from trainer.plays.interactions import Interactions


def saved(files: dict[str, bytes]) -> None:
    """Writes files into the working folder."""
    for name, content in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content)


def look(*arguments):
    return gigstream("import", "--dry-run", "--json", *arguments)


def settled(*sets: FileSet) -> set[tuple[str, str]]:
    """Artist and venue of the plays that count after imports."""
    events = [event for files in sets for event in files.statements(Ignored())]
    messages = [
        Message(partition=0, offset=at, value=encode(event), timestamp=(1, 2_000_000_000_000))
        for at, event in enumerate(events)
    ]
    interactions = Interactions()
    interactions.settle(rows.table(messages, topic_id="T"))
    plays = interactions.plays()
    pairs = zip(plays.artist.tolist(), plays.venue.tolist(), strict=True)
    return {(interactions.artists[a], interactions.venues[v]) for a, v in pairs}


def test_cancelled_rows_count_nothing_and_unknown_words_are_listed():
    saved(cases.CANCELLED_ROWS)
    refused = gigstream("import", "shows.csv", "--id", "gig")

    assert refused.code == 2
    assert "row 4, column 'status': 'Hold 2' is no known status" in refused.err
    assert "row 7, column 'status': 'Enquiry' is no known status" in refused.err
    assert "2 bad rows, so nothing was sent; correct them, or leave them out with" in refused.err
    said = ("--status-means", "Hold 2=postponed", "--status-means", "enquiry=cancelled")
    done = look("shows.csv", "--id", "gig", *said)
    assert (done.code, done.data["plays"], done.data["cancelled"]) == (0, 3, 3)
    done = look("shows.csv", "--id", "gig", "--skip-bad", "bad.csv")
    assert (done.code, done.data["plays"], done.data["listed_in"]) == (0, 2, "bad.csv")
    assert "Hold 2" in Path("bad.csv").read_text()
    assert look("shows.csv", "--id", "gig", "--status", "").data["plays"] == 6


def test_the_remedy_for_a_word_of_any_language_works_as_printed():
    words = ["bestätigt", "geplant für morgen"]
    rows = [f"g{n},a{n},v,2026-05-0{n + 1},{word}" for n, word in enumerate(words)]
    text = "\n".join(["gig,artist_id,venue_id,date,status", *rows])
    saved({"plan.csv": text.encode("cp1252")})

    refused = gigstream("import", "plan.csv", "--id", "gig")
    remedies = re.findall(r"(--status-means '.*?')", refused.err)
    done = look("plan.csv", "--id", "gig", *shlex.split(" ".join(dict.fromkeys(remedies))))

    assert refused.code == 2
    assert (done.code, done.data["cancelled"]) == (0, 2)


def test_a_corrected_date_wins_whichever_way_it_moved():
    saved(cases.CORRECTED)
    first, corrected = (
        FileSet([Path(path)], columns=Columns(id="gig"), name="cal")
        for path in ("first.csv", "corrected.csv")
    )

    expected = {("nils-ahorn", "speicher")}
    corrected._started_ms = first._started_ms + 1
    assert settled(first, corrected) == settled(corrected) == expected
    again = FileSet([Path("corrected.csv")], columns=Columns(id="gig"), name="cal")
    assert settled(first, corrected, again) == expected


@pytest.mark.parametrize("name", cases.SEPARATORS)
def test_separators_are_found(name):
    saved(cases.SEPARATORS)
    found = settled(FileSet([Path(name)]))

    assert found - {("lina", "saal-2")} == {("lina", "saal-1")}
    assert look(name).code == 0


ONE = {("lina", "saal-1")}
TWO = ONE | {("lina", "saal-2")}


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("blank-lines-before.csv", {}, ONE),
        ("break-crlf.csv", {"artist": "Act id"}, ONE),
        ("break-first.csv", {"artist": "Act\nid"}, ONE),
        ("break-in-other-column.csv", {}, ONE),
        ("break-in-title.csv", {}, ONE),
        ("ctrl-z.csv", {}, ONE),
        ("date-column-true.csv", {"date": "true"}, ONE),
        ("header-only-no-newline.csv", {}, set()),
        ("header-only.csv", {}, set()),
        ("id-column-007.csv", {"id": "007"}, ONE),
        ("index-column.csv", {}, TWO),
        ("mac-lines.csv", {}, TWO),
        ("price-column.csv", {"artist": "1.50"}, ONE),
        ("stray-quotes.csv", {}, {("4", "saal-4")}),
        ("totals-row.csv", {}, ONE),
        ("trailing-comma.csv", {}, ONE),
    ],
)
def test_headings_are_taken_as_they_are(name, options, expected):
    saved(cases.HEADINGS)

    assert settled(FileSet([Path(name)], columns=Columns(**options))) == expected


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["break-first.csv"],
            r"no column 'artist_id' (it has 'Act\nid', 'venue_id', 'date'); name",
        ),
        (["id-column-007.csv", "--id", "7"], "no column '7' (it has"),
        (
            ["number-names.csv"],
            "no column 'date' (it has 'artist_id', 'venue_id', '2026-01-01', '007'",
        ),
        (["stray-quotes.csv"], "row 2, column 'artist': 'Big\\n2,saal-2,2026-05-02,Small"),
    ],
)
def test_headings_that_do_not_fit_are_refused_in_one_line(arguments, said):
    saved(cases.HEADINGS)
    done = gigstream("import", *arguments)

    assert done.code == 2
    assert said in done.line


def test_evaluate_reads_the_same_files():
    saved(cases.HEADINGS | cases.KINDS)
    for arguments in (["break-first.csv"], ["page.csv"], ["shows.xlsx"]):
        done = gigstream("evaluate", *arguments)
        assert done.code == 2
        assert done.line.startswith(arguments[0])


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("latin1-in-header.csv", {"lína": "Lína Ö"}),
        ("latin1-in-row.csv", {"lína": "Lína Ö"}),
        ("latin1-unused-column.csv", {"lina": None}),
        ("mojibake.csv", {"lina": "LÃ\xadna"}),
        ("nul-padded.csv", {"lina": None}),
        ("utf16-tabs.txt", {"lína": "Lína Ö"}),
        ("utf16.csv", {"lína": "Lína Ö"}),
        ("utf16be-nobom.csv", {"lína": "Lína Ö"}),
        ("utf8-bom-quoted.csv", {"lina": None}),
        ("utf8-bom.csv", {"lína": "Lína Ö"}),
        ("utf8-bom-noheader.csv", {"lina": None}),
    ],
)
def test_encodings_are_found(name, names):
    saved(cases.ENCODINGS)
    columns = Columns(header="noheader" not in name)
    if "header" in name and columns.header:
        columns = Columns(artist_name="Künstler")
    found = FileSet([Path(name)], columns=columns).statements(Ignored())

    assert {event.artist_id: event.artist_name for event in found} == names


def test_an_encoding_can_be_named():
    Path("gigs.csv").write_bytes("artist_id,venue_id,date\nŁ,v,2026-01-01\n".encode("cp1250"))

    assert "--encoding" in look("gigs.csv", "--encoding", "utf-8").line
    assert look("gigs.csv", "--encoding", "cp1250").code == 0
    assert "'kirk' is no encoding; name one such as" in look("gigs.csv", "--encoding", "kirk").line


@pytest.mark.parametrize(
    "name",
    ["gz-without-suffix.csv", "plain-named.csv.gz", "shows.csv.xz", "shows.json", "shows.ndjson"],
)
def test_a_kind_is_found_by_its_first_bytes(name):
    saved(cases.KINDS)

    assert settled(FileSet([Path(name)])) == ONE


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("page.csv", "is a web page; download the file itself"),
        ("shows.ics", "is a calendar (iCalendar); export its events as CSV"),
        ("shows.zip", "is a zip archive (shows.csv); unpack it and give its files"),
        ("shows.xlsx", "is a workbook (Excel, OpenDocument) that cannot be read"),
        ("shows-xlsx-renamed.csv", "save its sheet as CSV"),
    ],
)
def test_a_kind_that_is_not_read_is_named_in_one_line(name, said):
    saved(cases.KINDS)
    done = gigstream("import", name)

    assert done.code == 2
    assert done.line.startswith(name)
    assert said in done.line


def test_ids_that_look_alike_are_listed():
    saved(cases.LOOK_ALIKES)
    done = look("ids.csv")

    assert done.code == 2
    assert done.data["rows"] == 10
    listed = "\n".join(done.data["first_doubtful"])
    assert (
        r"artists 'bj\xf6rk-\xfc', 'bjo\u0308rk-u\u0308' look alike and count as 2 (2 rows)"
        in listed
    )
    assert r"artists 'abc', 'abc ', 'ABC', 'abc\u200b', '\xa0abc' look alike" in listed
    assert "artists '007', '7', '7.0' look alike" in listed
    assert "row 12, column 'artist_id': ' ' is empty; every row needs an id" in listed


def test_ids_that_a_spreadsheet_spoilt_are_listed():
    saved(cases.SPREADSHEET)
    done = look("shows.csv")

    listed = "\n".join(done.data["first_doubtful"])
    for word in ("1.23457E+11", "8.96529E+19", "#REF!", "#N/A", "#####", "NaN", "NULL", "None"):
        assert f"{word!r} is what a spreadsheet makes of an id" in listed
    assert "row 2: artist '1.23457E+11' is what a spreadsheet makes of an id (3 rows)" in listed


REFUSED_DATES = {
    "date-dmy.csv": "--date-format",
    "date-epoch.csv": "--date-format epoch",
    "date-month.csv": "is no date",
    "date-range.csv": "is no date",
    "date-range2.csv": "is no date",
    "date-sec.csv": "has a time that no clock shows",
    "date-t.csv": "is no date",
    "date-tba.csv": "is no date",
    "date-zero.csv": "is no date",
    "dates.csv": "--date-format excel",
}


@pytest.mark.parametrize("name", [name for name in cases.SPREADSHEET if name != "shows.csv"])
def test_a_date_is_read_or_refused_with_the_remedy(name):
    saved(cases.SPREADSHEET)
    done = gigstream("import", "--dry-run", name)

    assert done.code == (2 if name in REFUSED_DATES else 0)
    assert REFUSED_DATES.get(name, "1 plays") in done.out


def test_all_rows_without_a_date_are_listed_and_can_be_left_out():
    saved(cases.SEASON)
    refused = gigstream("import", "season.csv")

    assert refused.code == 2
    for row in (3, 4, 5):
        assert f"season.csv row {row}, column 'date': " in refused.err
    assert look("season.csv", "--assume-date", "2026-12-31").data["plays"] == 5
    assert look("season.csv", "--skip-bad", "bad.csv").data["plays"] == 2


def test_offices_that_number_from_1_keep_their_gigs():
    saved(cases.ONE_NAME)
    paths = [Path("north/export.csv"), Path("south/export.csv")]
    years = [Path("shows.2025.csv"), Path("shows.2026.csv")]

    found = settled(FileSet(paths, columns=Columns(id="id")))
    assert {venue for _, venue in found} == {"nordhalle", "nordbar", "suedhalle", "suedbar"}
    each = [FileSet([path], columns=Columns(id="id")) for path in years]
    assert {venue for _, venue in settled(*each)} == {"alte-halle", "neue-halle"}
    done = gigstream("import", "--dry-run", *paths, "--id", "id")
    assert "north/export.csv (utf-8, commas): source import:north/export" in done.out


def test_names_that_are_not_utf8_are_read_or_refused_in_one_line():
    name = os.fsdecode(b"K\xfcnstler.csv")
    Path(name).write_text("artist_id,venue_id,date\na,v,2026-01-01\n")

    assert look(name).data["sources"][0]["source"] == "import:Künstler"
    assert "--name" in look(name, "--name", "x" * 300).line
    typed = os.fsdecode(b"K\xfc")
    for command in (
        ["artist", typed],
        ["merge", "artist", typed, "into", "b"],
        ["similar", "artist", typed],
        ["import", name, "--name", typed],
    ):
        done = gigstream(*command)
        assert done.code == 2
        assert "is not UTF-8" in done.line


def test_standard_input_is_read(monkeypatch):
    text = io.TextIOWrapper(io.BytesIO(b"artist_id;venue_id;date\na;v;2026-01-01\n"))
    monkeypatch.setattr("sys.stdin", text)

    assert look("-", "--name", "feed").data["sources"][0]["source"] == "import:feed"


def test_a_pipe_is_read_and_a_folder_is_refused():
    os.mkfifo("pipe.csv")
    content = b"artist,venue,date\na,v,2026-01-01\n"
    with ThreadPoolExecutor() as pool:
        writing = pool.submit(Path("pipe.csv").write_bytes, content)
        assert look("pipe.csv").data["plays"] == 1
        assert writing.result(60) == len(content)
    assert ". cannot be read: Is a directory; check" in look(".").line


def test_more_problems_than_20_are_in_a_file():
    Path("gigs.csv").write_text("artist_id,venue_id,date\n" + "a,v,no\n" * 50)
    done = look("gigs.csv")

    assert (done.code, len(done.data["first_doubtful"])) == (2, 20)
    assert done.data["listed_in"] == "gigs.problems.csv"
    assert len(Path("gigs.problems.csv").read_text().splitlines()) == 51


def test_words_beyond_the_rows_shown_are_named_too():
    rows = "a,v,2026-01-01,hold\n" * 30 + "a,v,2026-01-01,pencil\n"
    Path("gigs.csv").write_text("artist_id,venue_id,date,status\n" + rows)

    listed = "bad values: status 'hold' (30 rows), status 'pencil' (1 rows)"
    assert listed in gigstream("import", "gigs.csv").err
    assert listed in gigstream("import", "--dry-run", "gigs.csv").out


def test_validate_judges_records_of_the_contract():
    good = {"event_id": "e", "artist_id": "a", "venue_id": "v", "time": "2026-01-01T00:00:00Z"}
    lines = [good, good | {"status": "hold"}, good | {"time": 5}, {"event_id": "x"}]
    Path("events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + "no\n")
    done = gigstream("validate", "events.jsonl", "--json")

    assert done.code == 2
    assert (done.data["valid"], done.data["invalid"]) == (1, 4)
    assert [each["row"] for each in done.data["problems"]] == [2, 3, 4, 5]
    Path("events.jsonl").write_text(json.dumps(good))
    assert gigstream("validate", "events.jsonl").out == "1 valid, 0 invalid\n"
