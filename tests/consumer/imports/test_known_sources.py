"""Files of one name, imported by commands of their own: whose gigs the name is."""

import pytest
from confluent_kafka import Message

from consumer.events import encode
from consumer.imports.columns import Columns
from consumer.imports.file_set import FileSet
from consumer.imports.known_sources import Overlap, choose
from consumer.imports.problems import Ignored
from consumer.ingest import rows
from consumer.store.writer import Span, Store
from trainer.plays.read import settled

HEAD = "id,artist_id,venue_id,date\n"
# One artist, as in the case that was seen.
NORTH = HEAD + "1,kante,nordhalle,2025-01-01\n2,kante,nordbar,2025-01-02\n"
SOUTH = HEAD + "1,kante,suedhalle,2025-01-03\n2,kante,suedbar,2025-01-04\n"
EXPORT, OTHER = "import:export", "import:south/export"


class Office:
    """A store, and files that are imported into it one by one."""

    def __init__(self, folder) -> None:
        self.folder, self.path, self.next = folder, folder / "store", 0
        self.store = Store.open(self.path)

    def imports(self, *files: tuple[str, str], own_ids: bool = True) -> tuple[list[str], list[str]]:
        """Import files in one command. Returns their sources, and what it remarks."""
        paths = [self.folder / name for name, _ in files]
        for path, (_, content) in zip(paths, files, strict=True):
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)
        columns = Columns(id="id") if own_ids else Columns()
        chosen = FileSet(paths, columns=columns)
        remarks = chosen.keep_sources(self.path)
        self._append([encode(event) for event in chosen.statements(Ignored())])
        return chosen.sources, remarks

    def _append(self, values: list[bytes]) -> None:
        messages = [
            Message(
                partition=0, offset=self.next + at, value=value, timestamp=(1, 2_000_000_000_000)
            )
            for at, value in enumerate(values)
        ]
        spans = {"c/T/0": Span(self.next or None, self.next + len(values))}
        self.store.append(rows.table(messages, topic_id="T"), spans)
        self.next += len(values)

    def venues(self) -> list[str]:
        """The venues of all plays."""
        interactions, _ = settled(self.path)
        return sorted(interactions.venues[row] for row in interactions.plays().venue.tolist())


ALL = ["nordbar", "nordhalle", "suedbar", "suedhalle"]


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


def test_a_second_office_s_file_gets_a_source_of_its_own(office):
    assert office.imports(("north/export.csv", NORTH)) == ([EXPORT], [])
    sources, (remark,) = office.imports(("south/export.csv", SOUTH))

    assert sources == [OTHER]
    assert "import:export states other gigs for 2 of its first 2 ids" in remark
    assert "give --name export if it corrects them" in remark
    assert office.venues() == ALL


def test_importing_each_again_changes_nothing_alone_or_together(office):
    north, south = ("north/export.csv", NORTH), ("south/export.csv", SOUTH)
    office.imports(north)
    office.imports(south)

    assert office.imports(south)[0] == [OTHER]
    assert office.imports(north) == ([EXPORT], [])
    assert office.imports(north, south)[0] == [EXPORT, OTHER]
    assert office.venues() == ALL


def test_files_imported_together_keep_their_sources_alone(office):
    north, south = ("north/export.csv", NORTH), ("south/export.csv", SOUTH)
    together = office.imports(north, south)[0]

    assert together == ["import:north/export", OTHER]
    assert office.imports(north)[0] == together[:1]
    assert office.imports(south)[0] == together[1:]
    assert office.venues() == ALL


def test_a_correction_in_another_folder_is_the_same_file(office):
    office.imports(("north/export.csv", NORTH))
    for old, new in (("nordbar", "nordklub"), ("01-01", "03-04"), ("1,kante", "1,kante-b")):
        moved = NORTH.replace(old, new)
        assert office.imports(("corrected/export.csv", moved)) == ([EXPORT], []), new

    assert "nordklub" not in office.venues(), "the last correction is of the first file"


def test_the_next_month_s_file_continues_the_source(office):
    office.imports(("one/export.csv", NORTH))
    later = HEAD + "3,kante,nordhalle,2025-02-01\n"

    assert office.imports(("two/export.csv", later)) == ([EXPORT], [])


def test_files_without_ids_never_meet(office):
    head = "artist_id,venue_id,date\n"
    north, south = (head + text.split("\n", 1)[1].replace("1,", "").replace("2,", "")
                    for text in (NORTH, SOUTH))  # fmt: skip
    for _ in range(2):
        assert office.imports(("north/export.csv", north), own_ids=False) == ([EXPORT], [])
        assert office.imports(("south/export.csv", south), own_ids=False) == ([EXPORT], [])

    assert office.venues() == ALL


def test_a_third_file_of_folder_and_name_takes_a_digest():
    names = ["a", "f/a", "f/a#1"]
    taken = Overlap(known=5, same=1)

    assert choose(names, "a", {"a": taken, "f/a": taken}) == "f/a#1"
    assert choose(names, "a", {"a": taken}) == "f/a"
    assert choose(names, "a", {"a": taken, "f/a": Overlap(5, 5)}) == "f/a"
    assert choose(names, "f/a", {}) == "f/a"
    assert choose(names, "a", dict.fromkeys(names, taken)) == "f/a#1"
