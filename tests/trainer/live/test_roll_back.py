"""Which model a roll-back goes to, and what lists have in common."""

import pytest

from serving.contract import Entry
from trainer.errors import NoSuchGeneration
from trainer.live.roll_back import common, held, target
from trainer.registry.generations import FILE, MOST, Generations, Record, newest_verdict


def record(number: int, artifact: str, verdict: str = "published") -> Record:
    return Record(number, 0.0, artifact, "h", 0, 1, 1, 10, verdict=verdict)


RECORDS = [
    record(1, "gen-1"),
    record(2, "gen-2"),
    record(3, "gen-3", "refused"),
    record(4, "gen-4"),
    record(5, "gen-2"),  # rolled back to
]


@pytest.mark.parametrize(
    ("live", "generation", "expected", "why"),
    [
        ("gen-4", None, "gen-2", "what was refused is no model to return to"),
        ("gen-2", None, "gen-1", "a second roll-back goes further"),
        ("gen-2", 4, "gen-4", "forward again"),
        ("gen-4", 5, "gen-2", "the model that this generation had"),
    ],
)
def test_a_roll_back_goes_to_an_older_published_model(live, generation, expected, why):
    stored = {"gen-1", "gen-2", "gen-3", "gen-4"}

    assert target(RECORDS, stored, live, generation) == expected, why


@pytest.mark.parametrize(
    ("live", "generation", "said"),
    [
        ("gen-1", None, "no model that was published before"),
        ("gen-4", 9, "generation 9 was not published"),
        ("gen-4", 3, "generation 3 was not published"),
        ("gen-4", 1, "generation 1 is not stored any more"),
    ],
)
def test_what_is_not_there_is_an_error_that_names_it(live, generation, said):
    with pytest.raises(NoSuchGeneration, match=said):
        target(RECORDS, {"gen-2", "gen-3", "gen-4"}, live, generation)


def entry(*ids: str) -> Entry:
    return Entry(1, 0, "model", ids, [0.0] * len(ids))


def test_what_lists_have_in_common_is_the_mean_share_of_their_ten_best():
    long = [f"v{n}" for n in range(20)]
    before = {"a": entry("x", "y"), "b": entry(*long), "gone": entry("x"), "empty": entry()}
    now = {"a": entry("y", "z"), "b": entry(*long[5:]), "new": entry("x"), "empty": entry("x")}

    assert common(before, now) == (0.5 + 0.5) / 2
    assert common({}, now) is None
    assert common(before, {"a": None}) is None


def test_records_are_kept_by_number_and_survive_a_damaged_file(tmp_path):
    kept = Generations(tmp_path)
    for number in range(MOST + 3):
        kept.add(record(number, f"gen-{number}"))
    kept.add(record(MOST, "gen-x"))

    found = kept.records()
    assert len(found) == MOST
    assert found[-1] == record(MOST, "gen-x")
    (tmp_path / FILE).write_text("{")
    assert kept.records() == []


def test_a_held_fit_is_the_newest_though_the_live_model_was_published_again():
    """It is, after ids were hidden or lists were lost: nothing was decided on the fit."""
    records = [record(1, "gen-1"), record(2, "gen-2", "held"), record(3, "gen-1")]
    stored = {"gen-1", "gen-2"}

    assert newest_verdict(records) == "held"
    assert held(records, stored, None) == "gen-2"
    assert newest_verdict([*records, record(4, "gen-2")]) == "published", "it was accepted"
    assert newest_verdict([]) == "published"
    with pytest.raises(NoSuchGeneration):
        held([*records, record(4, "gen-2")], stored, None)
