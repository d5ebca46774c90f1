"""The log of looks at new gigs: nothing lost, nothing twice, however its process ended."""

import pytest

from trainer.registry import hits
from trainer.registry.hits import FILE, Hits, Look, Tally, read, report, wilson

ONE = Look("2026-W48", 3, {"c/t/0": 5}, {"artist": Tally(2, 1, 0, 1)})
OTHER = Look("2026-W48", 3, {"c/t/0": 9}, {"artist": Tally(1, 1, 1), "venue": Tally(1)})
LATER = Look("2026-W49", 4, {"c/t/0": 12}, {"artist": Tally(8, 2, 4)}, left_out=7)


@pytest.fixture
def folder(tmp_path):
    for look in (ONE, OTHER, LATER):
        Hits(tmp_path).add(look)  # each in a process of its own
    return tmp_path


def test_looks_of_a_week_and_generation_are_summed_and_the_last_positions_stay(folder):
    first, last = read(folder)

    assert first.views == {"artist": Tally(3, 2, 1, 1), "venue": Tally(1)}
    assert last == LATER
    assert Hits(folder).positions == {"c/t/0": 12}


def test_before_the_first_look_there_are_no_positions(tmp_path):
    assert Hits(tmp_path).positions is None
    assert report(read(tmp_path)) == {"weeks": [], "generations": [], "left_out": 0}


def test_a_line_that_a_power_cut_left_incomplete_is_left_out(folder):
    path = folder / FILE
    path.write_bytes(path.read_bytes() + b'{"week": "2026-W50", "gener')

    assert read(folder)[-1] == LATER


def test_many_looks_are_one_short_file(tmp_path, monkeypatch):
    monkeypatch.setattr(hits, "_LINES", 10)
    log = Hits(tmp_path)
    for _ in range(100):
        log.add(ONE)

    assert len((tmp_path / FILE).read_text().splitlines()) <= 11
    assert read(tmp_path)[0].views == {"artist": Tally(200, 100, 0, 100)}


def test_the_report_has_rates_by_week_and_by_generation_beside_those_of_the_popular_list(folder):
    found = report(read(folder))

    assert [each["week"] for each in found["weeks"]] == ["2026-W49", "2026-W48"]
    assert [each["generation"] for each in found["generations"]] == [4, 3]
    assert found["left_out"] == 7
    assert found["weeks"][0]["views"]["artist"] == {
        "gigs": 8,
        "hits": 2,
        "rate": 0.25,
        "interval": [0.0715, 0.5907],
        "popular_rate": 0.5,
        "popular_interval": [0.2152, 0.7848],
        "without_list": 0,
    }


@pytest.mark.parametrize(
    ("found", "gigs", "low", "high"),
    [(0, 0, 0, 1), (0, 10, 0, 0.278), (10, 10, 0.722, 1), (50, 100, 0.404, 0.596)],
)
def test_the_interval_is_wilson_s(found, gigs, low, high):
    assert wilson(found, gigs) == pytest.approx((low, high), abs=1e-3)
