"""The geometry of charts: within their frame, in order, nothing invented."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.data.samples import sample
from trainer.live.reasons import Reason
from trainer.ranking import score
from web.console import bars, charts, maps, now, trends
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


def test_a_row_that_ranks_one_side_alone_has_no_curve_beside_the_others():
    # As earlier versions recorded it.
    found = trends.trend([(1, judgement(judged=0.3, popular=0.2, rp3=0.9))])

    assert {curve.row for curve in found.curves} == {"judged", "popular"}
    assert float(found.ticks[-1][1]) < 0.4
    assert "alone" in trends.LABELS["rp3"]


def test_no_label_of_a_curve_is_clipped():
    found = trends.trend([(n, judgement(**dict.fromkeys(trends.ROWS, 0.3))) for n in range(3)])

    # A letter of 10 px is seldom wider than 6 px.
    ends = [curve.end[0] + 9 + 6 * len(curve.label) for curve in found.curves]
    assert max(ends) <= trends.WIDTH


def test_the_card_of_the_generation_has_no_curve_of_another_figure():
    redis = sample(0).redis
    found = now.cards([sample(5.0 * n, redis=redis._replace(seq=n)) for n in range(3)])
    titled = {card.title: card for card in found}

    assert titled["Generation"].line is None
    assert titled["Redis memory"].line is not None


def test_differences_share_one_scale_with_nothing_on_it():
    low, high = trends.differences([("a", -1, -2, 0), ("b", 1, 0, 2)], 240)

    assert low.zero == high.zero == low.end == high.begin
    assert low.begin < low.at < low.end < high.at < high.end <= 240


def test_every_term_of_a_score_has_a_colour_and_a_label():
    style = (STATIC / "console.css").read_text()

    assert set(bars.TERMS) == set(bars.LABELS) == {*score.TERMS["artists"], *score.TERMS["venues"]}
    assert [n for n, _ in enumerate(bars.TERMS, 1) if f".t{n} {{ fill" not in style] == []
