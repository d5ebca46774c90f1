"""What comes of files of an import: statements, what counts, what is doubtful."""

from pathlib import Path

import pytest

from consumer.imports.columns import Columns
from consumer.imports.file_set import FileSet
from consumer.imports.findings import Findings
from consumer.imports.problems import BadFile, Ignored
from consumer.imports.reading import Reading
from consumer.imports.source_names import source_names
from consumer.imports.status_column import own_words
from consumer.imports.survey import Survey

HEAD = "artist_id,venue_id,date\n"


def looked(*paths, **options):
    """What a look at files finds: what would count, by source, and the findings."""
    columns = options.pop("columns", None)
    files = FileSet([Path(path) for path in paths], columns=columns, **options)
    with Findings() as findings:
        survey = Survey(findings)
        files.look(survey, findings)
        return survey.finish(), findings


def listed(findings, kind):
    return [(problem.row, problem.text) for each, problem in findings.shown() if each == kind]


def stated(*paths, **options):
    files = FileSet([Path(path) for path in paths], **options)
    return list(files.statements(Ignored()))


def test_the_later_import_and_the_last_row_of_an_id_have_the_greatest_version(tmp_path):
    path = tmp_path / "cal.csv"
    path.write_text("gig,artist_id,venue_id,date\nG1,a,v,2026-10-03\nG1,a,w,2026-03-10\n")
    versions = [
        event.version for _ in range(2) for event in stated(path, columns=Columns(id="gig"))
    ]

    assert versions[0] < versions[1]
    assert versions[:2] == sorted(versions[:2])
    assert all(version < 2**63 for version in versions)


def test_rows_without_ids_and_statuses_have_no_version(tmp_path):
    (tmp_path / "gigs.csv").write_text(HEAD + "a,v,2026-01-01\n")

    assert [event.version for event in stated(tmp_path / "gigs.csv")] == [None]


def test_statuses_mean_what_the_contract_and_the_user_say(tmp_path):
    rows = (
        "a,v,2026-01-01,CANCELED\nb,v,2026-01-01,\nc,v,2026-01-01,Hold 2\nd,v,2026-01-01,storno\n"
    )
    (tmp_path / "gigs.csv").write_text(HEAD.replace("date", "date,Booking Status") + rows)
    options = {
        "reading": Reading(statuses=own_words({"hold 2": "postponed"})),
        "statuses": {"gigs": {"storno": "cancelled"}},
    }

    found = [event.status for event in stated(tmp_path / "gigs.csv", **options)]
    assert found == ["cancelled", "confirmed", "postponed", "cancelled"]
    seen, findings = looked(tmp_path / "gigs.csv", **options)
    assert (seen["import:gigs"].plays, seen["import:gigs"].cancelled) == (2, 2)
    assert not findings.counts


def test_an_unknown_status_is_a_bad_row_with_its_remedy(tmp_path):
    (tmp_path / "gigs.csv").write_text(
        HEAD.replace("date", "date,status") + "a,v,2026-01-01,Hold\n"
    )
    _, findings = looked(tmp_path / "gigs.csv")

    ((row, text),) = listed(findings, "bad")
    assert row == 2
    assert "say what it means with --status-means 'Hold=cancelled'" in text


def test_rows_of_one_id_are_repeated_or_outdone(tmp_path):
    rows = 2 * "G1,a,v,2026-01-01\n" + "G2,a,v,2026-01-02\nG2,a,w,2026-01-02\nG2,b,w,2026-01-02\n"
    (tmp_path / "gigs.csv").write_text("gig," + HEAD + rows)
    seen, findings = looked(tmp_path / "gigs.csv", columns=Columns(id="gig"))

    assert seen["import:gigs"].plays == 3
    assert listed(findings, "duplicate") == [(2, "repeats another row; counted once")]
    assert listed(findings, "outdone") == [(4, "is outdone by row 5 of the same id")]


def test_equal_rows_without_ids_all_count_and_are_listed(tmp_path):
    (tmp_path / "gigs.csv").write_text(HEAD + "a,v,2026-01-01\nb,v,2026-01-01\na,v,2026-01-01\n")
    seen, findings = looked(tmp_path / "gigs.csv")

    assert seen["import:gigs"].plays == 3
    assert [row for row, _ in listed(findings, "duplicate")] == [4]


def test_a_row_without_artist_and_venue_is_left_out_and_listed(tmp_path):
    (tmp_path / "gigs.csv").write_text(HEAD + "a,v,2026-01-01\n,,Total: 1\n")
    seen, findings = looked(tmp_path / "gigs.csv")

    assert seen["import:gigs"].rows == 1
    assert [row for row, _ in listed(findings, "left out")] == [3]


def test_bad_rows_are_all_listed_each_once_with_the_right_numbers(tmp_path):
    rows = [
        "a,v,2026-01-01",
        "too,few",
        "x",
        ",v,never",
        "b,v,2026-01-02",
        "c,,2026-01-03,,",
        "d,v,no",
    ]
    (tmp_path / "gigs.csv").write_text(HEAD + "\n".join(rows) + "\n")
    seen, findings = looked(tmp_path / "gigs.csv")

    assert seen["import:gigs"].rows == 2
    assert [row for row, _ in listed(findings, "bad")] == [3, 4, 5, 7, 8]


def test_a_day_too_far_ahead_is_a_bad_row(tmp_path):
    (tmp_path / "gigs.csv").write_text(HEAD + "a,v,2104-01-01\nb,v,2015-01-01\n")
    seen, findings = looked(tmp_path / "gigs.csv")

    assert listed(findings, "bad") == [(2, "is more than 5 years ahead; correct it")]
    assert seen["import:gigs"].rows == 1


def test_lines_of_the_contract_are_stated_as_they_are(tmp_path):
    line = '{"event_id":"e","artist_id":"a","venue_id":"v","time":"2026-01-01T00:00:00Z"'
    lines = (
        line
        + "}\n"
        + line
        + ',"status":"cancelled","version":3,"source":"box"}\n{"event_id":"x"}\n'
    )
    (tmp_path / "gigs.jsonl").write_text(lines)
    events = stated(tmp_path / "gigs.jsonl")
    seen, findings = looked(tmp_path / "gigs.jsonl")

    assert [(each.source, each.status, each.version) for each in events] == [
        ("import:gigs", "confirmed", None),
        ("box", "cancelled", 3),
    ]
    assert {name: each.plays for name, each in seen.items()} == {"import:gigs": 1, "box": 0}
    assert listed(findings, "bad") == [(3, "artist_id: is missing; " + REMEDY)]


REMEDY = "send a string of 1 to 256 UTF-8 bytes without control characters"


def test_a_source_has_the_files_own_name(tmp_path):
    def names(*files):
        return source_names([tmp_path / file for file in files])

    assert names("shows.2025.csv.gz", "shows.2026.CSV") == [
        "import:shows.2025",
        "import:shows.2026",
    ]
    assert names("north/export.csv", "south/export.csv") == [
        "import:north/export",
        "import:south/export",
    ]
    assert names("gigs.xlsx") == ["import:gigs"]
    assert names(".csv") == ["import:.csv"]


def test_names_that_meet_in_one_folder_take_a_digest(tmp_path):
    (tmp_path / "a.csv").write_text("1")
    (tmp_path / "a.tsv").write_text("2")
    one, other = source_names([tmp_path / "a.csv", tmp_path / "a.tsv"])

    assert one != other
    assert one.startswith(f"import:{tmp_path.name}/a#")
    # The same file twice is one source.
    assert len(set(source_names([tmp_path / "a.csv"] * 2))) == 1


def test_a_name_that_no_event_may_have_is_refused(tmp_path):
    for name in ("x" * 300, "a\x07", "", "\udcfc"):
        with pytest.raises(BadFile, match="with --name"):
            source_names([tmp_path / "a.csv"], name)
    assert source_names([Path("K\udcfcnstler.csv")]) == ["import:Künstler"]
