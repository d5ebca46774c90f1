"""The audit: a line for each deed, whatever became of it, and none with an erased id."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from consumer.ids import merges
from consumer.ids.merges import Merge
from consumer.settings import StoreSettings
from consumer.store.erase import Erasing
from consumer.store.writer import Store
from operations.audit import ERASED, FILE, Actor, lines, noted, os_user, redact
from operations.errors import AuditUnwritable, OperationError, Refused

ACTOR = Actor("alice", "command", "host-1")


@pytest.fixture
def settings(tmp_path):
    return StoreSettings(home=tmp_path)


def deed(settings, what="merge", **arguments):
    with noted(settings, ACTOR, what, **arguments) as done:
        done.facts = {"changed": True}


def test_a_line_tells_who_did_what_when_with_what_outcome(settings):
    deed(settings, side="artist", id="a-1", into="a-2", since=None)

    (line,) = lines(settings.home, 10)
    assert line.pop("at").endswith("Z")
    assert line == {
        "who": "alice",
        "via": "command",
        "origin": "host-1",
        "what": "merge",
        "arguments": {"side": "artist", "id": "a-1", "into": "a-2"},
        "outcome": "done",
        "facts": {"changed": True},
        "detail": "",
    }


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(Refused("no; name another"), "refused"), (OperationError("it broke; again"), "failed")],
)
def test_what_was_refused_or_failed_is_a_line_too(settings, error, outcome):
    with pytest.raises(OperationError), noted(settings, ACTOR, "merge"):
        raise error

    (line,) = lines(settings.home, 10)
    assert (line["outcome"], line["detail"]) == (outcome, str(error))


def test_what_was_interrupted_is_a_line_too(settings):
    with pytest.raises(KeyboardInterrupt), noted(settings, ACTOR, "erase"):
        raise KeyboardInterrupt

    (line,) = lines(settings.home, 10)
    assert line["outcome"] == "failed"
    assert "interrupted" in line["detail"]


def test_the_newest_come_first_and_pages_continue(settings):
    for number in range(5):
        deed(settings, n=number)

    assert [each["arguments"]["n"] for each in lines(settings.home, 2)] == [4, 3]
    assert [each["arguments"]["n"] for each in lines(settings.home, 9, skip=2)] == [2, 1, 0]


def test_lines_of_many_at_once_stay_whole(settings):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: deed(settings, n=n, text="x" * 5000), range(40)))

    assert sorted(each["arguments"]["n"] for each in lines(settings.home, 99)) == list(range(40))


def test_a_text_cannot_make_a_second_line(settings):
    deed(settings, id='a\n{"who": "bob"}\u2028x')

    assert len((settings.home / FILE).read_text().splitlines()) >= 1
    (line,) = lines(settings.home, 10)
    assert line["who"] == "alice"


def test_nothing_is_done_where_no_line_can_be_written(settings):
    (settings.home / FILE).mkdir()

    with pytest.raises(AuditUnwritable, match="nothing was done"), noted(settings, ACTOR, "merge"):
        pytest.fail("it was done")


def test_a_home_that_is_not_there_is_not_made(tmp_path):
    with noted(StoreSettings(home=tmp_path / "typo"), ACTOR, "merge"):
        pass

    assert not (tmp_path / "typo").exists()
    assert lines(tmp_path / "typo", 10) == []


def test_an_erased_id_leaves_the_lines_and_does_not_come_back(settings):
    Store.open(settings.store).append(merges.table(Merge(1, "gone-1", "b", "artist")), {})
    deed(settings, side="artist", id="gone-1", into="b")
    deed(settings, side="artist", id="kept-1", into="b")
    with pytest.raises(Refused), noted(settings, ACTOR, "hide"):
        raise Refused("no artist has the id 'gone-1'; find one")
    Erasing(path=settings.store, side="artist", identity="gone-1").run({})

    assert redact(settings) == 2
    assert redact(settings) == 0
    deed(settings, side="artist", id="gone-1")
    text = (settings.home / FILE).read_text()
    assert "gone-1" not in text
    assert "kept-1" in text
    assert lines(settings.home, 1)[0]["arguments"] == {"side": "artist", "id": ERASED}


def test_a_torn_line_is_passed_over(settings):
    deed(settings)
    with (settings.home / FILE).open("a") as file:
        file.write('{"at": "2026-')

    assert lines(settings.home, 10)[0] is not None


def test_the_user_of_this_process_has_a_name():
    found = os_user()

    assert found.who
    assert found.via == "command"
    assert json.dumps(found.origin)
