"""The geometry of charts: within their frame, in order, nothing invented."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.live.reasons import Reason
from trainer.ranking import score
from web.console import bars, charts, maps, trends
from web.console.console import STATIC

VALUES = st.one_of(st.none(), st.floats(0, 1e9))
POINTS = st.builds(
    maps.Place,
    lat=st.floats(-90, 90),
    lng=st.floats(-180, 180),
    label=st.just("a"),
    mark=st.sampled_from(["", "1"]),
    href=st.just("/"),
)


@given(st.lists(VALUES, max_size=800))
def test_a_sparkline_stays_in_its_frame_and_draws_no_gap(values):
    line = charts.sparkline(values)
    known = [value for value in values if value is not None]

    assert (line is None) == (not known)
    for path in line.paths if line else ():
        numbers = [float(n) for n in re.findall(r"[-\d.e]+", path)]
        assert all(-1 <= x <= charts.WIDTH + 1 for x in numbers[::2])
        assert all(0 <= y <= charts.HEIGHT for y in numbers[1::2])


def test_what_is_not_known_is_a_gap():
    assert len(charts.sparkline([1.0, None, 2.0]).paths) == 2
    assert charts.sparkline([None]) is None
    assert charts.sparkline([1.0]).last == (charts.WIDTH, 2.0)


@given(st.lists(POINTS, min_size=1, max_size=20))
def test_every_place_is_on_the_map(places):
    found = maps.plotted(places)

    assert len(found.points) == len(places)
    for point in found.points:
        assert 0 <= point.x <= maps.WIDTH
        assert 0 <= point.y <= maps.HEIGHT
    assert len(found.lines) < 60


def test_no_place_is_no_map():
    assert maps.plotted([]) is None


def reason(term, share):
    return Reason(term, share, None, "venue")


def test_a_bar_is_split_by_term_around_the_average():
    first, second = bars.bars([[reason("als", 3.0), reason("own", -1.0)], [reason("als", 1.0)]])

    assert first.zero == second.zero == pytest.approx(bars.WIDTH / 4)
    assert [(s.x, s.width) for s in first.segments] == [(50.0, 150.0), (0.0, 50.0)]
    assert [s.label for s in second.segments] == ["similar vectors +1.00"]


def test_a_list_without_reasons_has_empty_bars():
    assert [bar.segments for bar in bars.bars([[], []])] == [[], []]


def judgement(**figures):
    gains = {row: [0.01, -0.01, 0.03] for row in figures if row != "judged"}
    return {"figures": figures, "gains": gains}


def test_a_trend_has_a_curve_for_each_row_and_a_band():
    found = trends.trend([(n, judgement(judged=0.3, popular=0.2 + n / 100)) for n in range(3)])

    assert [curve.row for curve in found.curves] == ["popular", "judged"]
    assert found.band.endswith("Z")
    assert [number for _, number in found.numbers] == [0, 1, 2]
    assert trends.trend([]) is None


def test_differences_share_one_scale_with_nothing_on_it():
    low, high = trends.differences([("a", -1, -2, 0), ("b", 1, 0, 2)], 240)

    assert low.zero == high.zero == low.end == high.begin
    assert low.begin < low.at < low.end < high.at < high.end <= 240


def test_every_term_of_a_score_has_a_colour_and_a_label():
    style = (STATIC / "console.css").read_text()

    assert set(bars.TERMS) == set(bars.LABELS) == {*score.TERMS["artists"], *score.TERMS["venues"]}
    assert [n for n, _ in enumerate(bars.TERMS, 1) if f".t{n} {{ fill" not in style] == []
