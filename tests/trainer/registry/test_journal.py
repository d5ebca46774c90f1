"""What is noted of a generation comes back as it was, and never stops a trainer."""

from dataclasses import replace

import pytest

from trainer.registry import journal
from trainer.registry.journal import History, Journal, Step
from trainer.registry.state import any_id

STAGED = Step(seq=0, positions={"c/t/0": 5, "c/t/1": 7}, events=12, merges=0)
SWAP = Step(seq=0, positions={"c/t/0": 6, "c/t/1": 7}, events=13, merges=0, artists=("Ä", "b"))
FOLD_IN = Step(seq=1, positions={"c/t/0": 6, "c/t/1": 9}, events=15, merges=0, venues=("v",))
HISTORY = History(3, "gen-3", 50, (STAGED, SWAP))


@pytest.fixture
def models(tmp_path):
    for name in ("gen-3", "gen-4"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "artists.json").write_text('["x"]')
        (tmp_path / name / "venues.json").write_text("[]")
    return tmp_path


def test_steps_come_back_with_all_their_positions(models):
    writer = Journal(models)
    writer.prepare(HISTORY)
    writer.begin()
    writer.add(FOLD_IN)

    assert journal.read(models, 3) == replace(HISTORY, steps=(STAGED, SWAP, FOLD_IN))
    assert journal.read(models, 4) is None


def test_a_line_without_its_end_is_not_read(models):
    writer = Journal(models)
    writer.prepare(HISTORY)
    writer.begin()
    writer.add(FOLD_IN)
    (path,) = models.glob("gen-3/journal-*")
    path.write_bytes(path.read_bytes()[:-3])

    assert journal.read(models, 3) == HISTORY


def test_the_journal_of_the_generation_before_goes(models):
    Journal(models).prepare(HISTORY)
    writer = Journal(models)
    writer.prepare(replace(HISTORY, generation=4, artifact="gen-4"))
    assert journal.read(models, 3) == HISTORY  # it may still be live

    writer.begin()

    assert journal.read(models, 3) is None
    assert journal.read(models, 4).artifact == "gen-4"


def test_a_generation_that_does_not_become_live_leaves_the_journal_before_it(models):
    writer = Journal(models)
    writer.prepare(HISTORY)
    writer.begin()
    writer.prepare(replace(HISTORY, generation=4, artifact="gen-4"))
    writer.withdraw()
    writer.add(FOLD_IN)

    assert journal.read(models, 3) == replace(HISTORY, steps=(STAGED, SWAP, FOLD_IN))
    assert journal.read(models, 4) == replace(HISTORY, generation=4, artifact="gen-4")


def test_a_journal_that_cannot_be_written_is_given_up_with_a_warning(models, caplog):
    writer = Journal(models)

    writer.prepare(replace(HISTORY, artifact="gone"))
    writer.begin()
    writer.add(FOLD_IN)

    assert "`verify` will not see the lists" in caplog.text
    assert journal.read(models, 3) is None


def test_a_trainer_that_goes_on_drops_what_is_not_live_any_more(models):
    first, resumed = Journal(models), replace(FOLD_IN, seq=1, resumed=True, artists=("b",))
    first.prepare(HISTORY)
    first.begin()
    first.add(FOLD_IN)
    first.add(replace(FOLD_IN, seq=2))
    second = Journal(models)
    second.resume(3, resumed)
    second.add(replace(FOLD_IN, seq=2))

    steps = (STAGED, SWAP, FOLD_IN, resumed, replace(FOLD_IN, seq=2))
    assert journal.read(models, 3) == replace(HISTORY, steps=steps)


def test_an_id_that_only_a_journal_names_is_held_by_its_artifact(models):
    writer = Journal(models)
    writer.prepare(HISTORY)
    writer.begin()
    writer.add(FOLD_IN)

    assert any_id(models / "gen-3", lambda side, name: (side, name) == ("venue", "v"))
    assert any_id(models / "gen-3", lambda side, name: (side, name) == ("artist", "Ä"))
    assert not any_id(models / "gen-3", lambda side, name: (side, name) == ("artist", "v"))
    assert not any_id(models / "gen-4", lambda side, name: (side, name) == ("venue", "v"))
