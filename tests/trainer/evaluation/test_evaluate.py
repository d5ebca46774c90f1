"""The evaluation follows its protocol, and the published lists beat what is easy to make.

Reference figures are from a 40-line reference implementation, written apart from this one.
"""

import json
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
from scipy.sparse import csr_matrix

from consumer.imports.files import BadFile, Columns
from support.data.indistreet import EVENTS
from trainer.errors import BadSplit, NothingToFit
from trainer.evaluation.baselines import most_plays
from trainer.evaluation.evaluate import evaluate, read_plays, run
from trainer.evaluation.metrics import Marks, averaged, intervals, marks
from trainer.evaluation.splits import DIRECTIONS, Gigs, Split, View, ordered, split, views
from trainer.evaluation.text import text
from trainer.recipe import Recipe

SMALL = Recipe(factors=4, iterations=2, regularization=1.0)
ROWS = {"live", "start", "two", "als", "own", "rp3", "popular", "recent", "notebook"}
VIEWS = ("known", "new", "new2", "new3", "night", "returns")


@pytest.fixture(scope="module")
def report() -> dict:
    return run(EVENTS, recipe=Recipe())


@pytest.fixture(scope="module")
def gigs() -> Gigs:
    return ordered(read_plays(EVENTS))


def table(rows: list[tuple[str, str, int]]) -> pa.Table:
    """Of (artist, venue, day)."""
    artists, venues, days = zip(*rows, strict=True)
    dates = [date(2020, 1, 1) + timedelta(days=day) for day in days]
    return pa.table({"artist_id": artists, "venue_id": venues, "date": dates})


def parted(rows: list[tuple[str, str, int]], share: float = 0.5) -> Split:
    return split(ordered(table(rows)), share)


def asked(parts: Split, name: str, direction: str = "artist_to_venue") -> View:
    return next(view for view in views(parts, direction) if view.name == name)


def named(parts: Split, view: View, matrix: csr_matrix | None) -> set[tuple[str, str]]:
    """The stored pairs, as (artist, venue)."""
    ids = parts.artist_ids, parts.venue_ids
    own, other = ids if view.direction == "artist_to_venue" else ids[::-1]
    cells = [] if matrix is None else zip(*matrix.nonzero(), strict=True)
    pairs = {(own[view.subjects[row]], other[column]) for row, column in cells}
    return pairs if view.direction == "artist_to_venue" else {pair[::-1] for pair in pairs}


def ndcg(report: dict, row: str, direction: str = "artist_to_venue") -> list[float]:
    cells = report["models"][row][direction]
    return [cells[view]["ndcg10"] for view in ("known", "new", "returns")]


# On real gigs


def test_the_cut_and_the_targets_are_those_of_the_protocol(report):
    assert (report["split"], report["cut"]) == (0.8, "2015-11-07")
    assert report["plays"] == {"train": 37_733, "later": 9_409}
    targets = report["targets"]["artist_to_venue"]
    assert targets["known"] == {"subjects": 899, "pairs": 1660}
    assert targets["new"] == {"subjects": 260, "pairs": 518}
    assert targets["returns"] == {"subjects": 1225, "pairs": 3051}
    assert set(report["splits"]) == {"0.7", "0.9"}


def test_popular_and_recent_come_out_as_in_the_reference(report):
    np.testing.assert_allclose(ndcg(report, "popular"), [0.1021, 0.1268, 0.1155], atol=1e-3)
    np.testing.assert_allclose(ndcg(report, "recent"), [0.2303, 0.2799, 0.2329], atol=1e-3)


def test_plays_per_venue_come_out_as_in_the_reference(gigs):
    parts = split(gigs, 0.8)
    ranker = most_plays(parts)
    found = [
        marks(ranker.best(view, 10), view.targets).ndcg.mean()
        for view in (asked(parts, name) for name in ("known", "new", "returns"))
    ]

    np.testing.assert_allclose(found, [0.1452, 0.2146, 0.1813], atol=1e-3)


def test_the_notebook_comes_out_as_in_the_reference(report):
    known, new, returns = ndcg(report, "notebook")

    assert 0.060 - 0.004 <= known <= 0.063 + 0.004
    assert 0.073 - 0.02 <= new <= 0.080 + 0.02
    assert 0.373 - 0.004 <= returns <= 0.375 + 0.004


def test_what_is_published_reaches_its_floor_with_the_baselines_beside_it(report):
    known, new, returns = ndcg(report, "live")

    assert known >= 0.325
    assert new >= 0.37
    assert returns >= 0.505
    assert ndcg(report, "live", "venue_to_artist")[0] >= 0.085
    for baseline in ("popular", "recent", "notebook"):
        assert np.all(np.array(ndcg(report, "live")) > ndcg(report, baseline))
        gained = report["differences"][f"live - {baseline}"]["artist_to_venue"]["known"]
        assert gained["interval"]["ndcg10"][0] > 0


@pytest.mark.parametrize(("share", "known", "returns"), [("0.7", 0.285, 0.47), ("0.9", 0.35, 0.58)])
def test_it_holds_at_other_cuts_too(report, share, known, returns):
    cut = report["splits"][share]

    assert ndcg(cut, "live")[0] >= known
    assert ndcg(cut, "live")[2] >= returns
    for baseline in ("popular", "recent", "notebook"):
        assert ndcg(cut, "live")[0] > ndcg(cut, baseline)[0]


def test_the_report_has_every_row_view_and_metric_with_an_interval_around_it(report):
    for cut in (report, *report["splits"].values()):
        assert set(cut["models"]) == ROWS
        assert cut["rows_looked_at"] == len(ROWS)
        for row in cut["models"].values():
            assert tuple(row) == DIRECTIONS
            for cells in row.values():
                assert tuple(cells) == VIEWS
                for cell in cells.values():
                    for metric in ("ndcg10", "recall10", "mrr10"):
                        low, high = cell["interval"][metric]
                        assert 0 <= low <= cell[metric] <= high <= 1


def test_the_near_horizon_is_that_of_the_first_cut(report):
    found = report["rolling"]

    assert found["days"] == 60
    assert found["cuts"][0] == report["cut"]
    assert len(found["cuts"]) == 12
    live = found["models"]["live"]["artist_to_venue"]
    assert live["known"]["ndcg10"] > found["models"]["two"]["artist_to_venue"]["known"]["ndcg10"]


def test_the_report_is_json_and_has_a_table_for_people(report):
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    lines = text(report).splitlines()

    assert lines[0] == (
        "Split 0.8: 37,733 plays to 2015-11-07 (4,926 artists, 740 venues), 9,409 later."
    )
    live = next(line for line in lines if line.startswith("  live"))
    known = report["models"]["live"]["artist_to_venue"]["known"]["ndcg10"]
    assert live.split()[1] == f"{known:.3f}".removeprefix("0")
    assert max(map(len, lines)) <= 100


# The split


def test_no_day_is_split():
    parts = parted([("a", "v", 0), ("b", "v", 1), ("c", "v", 1), ("d", "v", 1), ("e", "v", 2)], 0.3)

    assert len(parts.train) == 4
    assert len(parts.later) == 1


def test_ids_are_numbered_by_first_appearance_in_date_order():
    parts = parted([("late", "w", 9), ("first", "v", 0), ("second", "w", 0), ("x", "v", 1)])

    assert parts.artist_ids == ["first", "second", "x", "late"]
    assert parts.venue_ids == ["v", "w"]


HISTORY = [
    ("old", "v", 0),
    ("old", "w", 1),
    ("old", "v", 2),
    ("other", "x", 2),
    ("other", "w", 2),
    # later
    ("old", "x", 5),
    ("old", "v", 6),
    ("old", "unseen", 6),
    ("new", "unseen", 7),
    ("new", "w", 8),
    ("new", "w", 9),
    ("new", "v", 9),
    ("once", "v", 9),
]


def test_known_asks_for_later_pairs_that_are_new_and_masks_the_others():
    parts = parted(HISTORY, 0.3)
    view = asked(parts, "known")

    assert named(parts, view, view.targets) == {("old", "x")}
    assert named(parts, view, view.masked) == {("old", "v"), ("old", "w")}
    assert len(view.plays) == 5


def test_returns_asks_for_all_later_pairs_and_masks_nothing():
    parts = parted(HISTORY, 0.3)
    view = asked(parts, "returns")

    assert named(parts, view, view.targets) == {("old", "x"), ("old", "v")}
    assert view.masked is None


def test_new_knows_the_first_play_at_a_venue_of_train_and_asks_for_the_others():
    parts = parted(HISTORY, 0.3)
    view = asked(parts, "new")

    assert named(parts, view, view.targets) == {("new", "v")}
    assert named(parts, view, view.masked) == {("new", "w")}
    assert len(view.plays) == 5 + 2  # the first play of `once` is known too
    assert named(parts, asked(parts, "new2"), asked(parts, "new2").targets) == {("new", "v")}
    assert len(asked(parts, "new3").subjects) == 0


def test_venues_to_artists_is_the_same_seen_from_the_other_side():
    transposed = parted([(venue, artist, day) for artist, venue, day in HISTORY], 0.3)

    for name in VIEWS:
        one = asked(parted(HISTORY, 0.3), name)
        other = asked(transposed, name, "venue_to_artist")
        assert np.array_equal(one.subjects, other.subjects)
        assert (one.targets != other.targets).nnz == 0


def test_candidates_are_all_venues_of_train():
    parts = parted(HISTORY, 0.3)

    assert [parts.venue_ids[row] for row in asked(parts, "known").candidates] == ["v", "w", "x"]


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5])
def test_a_split_that_is_no_share_is_refused(share):
    with pytest.raises(BadSplit, match=r"split: .* is not between 0 and 1"):
        parted(HISTORY, share)


def test_a_cut_with_nothing_after_it_is_refused():
    with pytest.raises(NothingToFit, match=r"no play is later than the cut at 0\.5"):
        parted([("a", "v", 0), ("b", "v", 0)])


# The marks


def targets(*rows: list[int], width: int = 6) -> csr_matrix:
    dense = np.zeros((len(rows), width), bool)
    for row, columns in enumerate(rows):
        dense[row, columns] = True
    return csr_matrix(dense)


def test_marks_are_those_of_a_hand_calculation():
    best = np.array([[4, 1, 0], [2, 3, 5], [5, -1, -1]], np.int32)
    wanted = targets([0, 1, 2, 3], [0], [5])

    found = marks(best, wanted)

    gain = [1 / np.log2(rank + 2) for rank in range(3)]
    np.testing.assert_allclose(found.ndcg, [(gain[1] + gain[2]) / sum(gain), 0, 1])
    assert found.recall.tolist() == [0.5, 0, 1]
    assert found.mrr.tolist() == [0.5, 0, 1]


def test_several_seeds_are_averaged_subject_by_subject():
    one, two = (Marks(*(np.array(pair, float) for _ in range(3))) for pair in ([0, 1], [1, 1]))

    assert averaged([one, two]).ndcg.tolist() == [0.5, 1]


def test_an_interval_covers_the_mean_and_narrows_with_the_number_of_subjects():
    rng = np.random.default_rng(1)
    few, many = (intervals(rng.random((size, 1)))[0] for size in (30, 3000))

    assert few.low < few.mean < few.high
    assert many.high - many.low < (few.high - few.low) / 5
    spread = 1 / np.sqrt(12 * 3000)
    assert many.high - many.low == pytest.approx(2 * 1.96 * spread, rel=0.1)


def test_draws_are_shared_so_that_a_constant_difference_has_no_spread():
    values = np.random.default_rng(2).random(50)

    found = intervals(np.column_stack([values, values + 0.1, (values + 0.1) - values]))

    assert found[1].low - found[0].low == pytest.approx(0.1)
    assert (found[2].low, found[2].high) == pytest.approx((0.1, 0.1))


def test_drawing_in_small_pieces_is_as_good(monkeypatch):
    values = np.random.default_rng(2).random((50, 1))
    whole = intervals(values)[0]
    monkeypatch.setattr("trainer.evaluation.metrics._CELLS", 120)

    assert intervals(values)[0] == pytest.approx(whole, abs=0.02)


def test_intervals_are_the_same_each_time():
    values = np.random.default_rng(3).random((40, 2))

    assert intervals(values) == intervals(values)


# Whole evaluations of small files


def written(path, rows: list[tuple], header: str = "artist_id\tvenue_id\tdate"):
    path.write_text("\n".join([header, *("\t".join(map(str, row)) for row in rows)]) + "\n")
    return path


def days(rows: list[tuple[str, str, int]]) -> list[tuple[str, str, date]]:
    return [(artist, venue, date(2020, 1, 1) + timedelta(days=day)) for artist, venue, day in rows]


def test_a_view_without_subjects_is_null_not_nan(tmp_path):
    path = written(tmp_path / "few.tsv", days(HISTORY))

    report = run(path, recipe=SMALL, splits=[0.3])

    cell = report["models"]["live"]["artist_to_venue"]["new3"]
    assert cell["ndcg10"] is None
    assert cell["interval"]["ndcg10"] == [None, None]
    json.dumps(report, allow_nan=False)
    assert "-" in text(report)


def test_the_order_of_days_in_a_file_does_not_matter(tmp_path):
    rows = days(HISTORY)
    one = run(written(tmp_path / "one.tsv", rows), recipe=SMALL, splits=[0.3])
    # Later days first; within a day the file's order stays, as it numbers the ids.
    turned = sorted(rows, key=lambda row: row[2], reverse=True)

    assert run(written(tmp_path / "two.tsv", turned), recipe=SMALL, splits=[0.3]) == one


def test_undated_test_pairs_are_looked_for_among_all_venues_but_those_of_train(tmp_path):
    header = "artist_id\tvenue_id"
    train = [("a", "v"), ("a", "w"), ("b", "v"), ("b", "x"), ("c", "v")]
    test = [("a", "x"), ("a", "v"), ("c", "nowhere"), ("c", "w"), ("stranger", "v")]
    paths = (written(tmp_path / name, rows, header) for name, rows in (("r", train), ("t", test)))

    report = run(next(paths), test=next(paths), recipe=SMALL)

    assert report["targets"] == {"artist_to_venue": {"test": {"subjects": 3, "pairs": 4}}}
    cell = report["models"]["popular"]["artist_to_venue"]["test"]
    assert set(cell) == {"recall20", "ndcg20", "mrr20", "interval"}
    # a: x, found; c: w found, `nowhere` never; stranger: v found first.
    assert cell["recall20"] == pytest.approx((1 + 1 / 2 + 1) / 3)
    assert set(report["models"]) == ROWS
    assert "NDCG20" in text(report)


def test_undated_pairs_are_held_out_where_none_are_given_and_dates_are_not_read(tmp_path):
    rows = [(f"a{a}", f"v{v}") for a in range(60) for v in range(10) if (a * 7 + v * v) % 3]
    plain = written(tmp_path / "plain", rows, "artist_id\tvenue_id")
    dated = [(artist, venue, at) for at, (artist, venue) in enumerate(rows)]
    other = written(tmp_path / "dated", days(dated))

    one, two = (run(path, undated=True, recipe=SMALL) for path in (plain, other))

    assert one == two
    forward = one["targets"]["artist_to_venue"]["known"]
    assert forward["pairs"] == one["plays"]["later"] == int(0.2 * len(rows))
    assert "mates" not in one["tuning"]["artists"]["weights"]
    assert one["models"]["live"]["venue_to_artist"]["known"]["ndcg20"] > 0


def test_test_pairs_that_are_all_in_train_are_refused(tmp_path):
    path = written(tmp_path / "same", [("a", "v")], "artist_id\tvenue_id")

    with pytest.raises(NothingToFit, match="every test pair is in train"):
        run(path, test=path, recipe=SMALL)


def test_without_dates_and_without_test_pairs_the_remedy_is_told(tmp_path):
    path = written(tmp_path / "undated", [("a", "v")], "artist_id\tvenue_id")

    with pytest.raises(BadFile, match=r"undated has no column 'date' .* --date"):
        run(path, recipe=SMALL)
    with pytest.raises(NothingToFit, match="undated has no dates; name their column or give"):
        run(path, recipe=SMALL, columns=Columns(date=None))


def test_an_empty_file_is_refused_by_name(tmp_path):
    with pytest.raises(NothingToFit, match=r"none\.tsv holds no plays"):
        run(written(tmp_path / "none.tsv", []), recipe=SMALL)
    with pytest.raises(BadFile, match=r"gone\.tsv: no such file"):
        run(tmp_path / "gone.tsv", recipe=SMALL)


def test_columns_of_other_names_and_progress_are_passed_on(tmp_path):
    path = written(tmp_path / "named.tsv", days(HISTORY), "band\tclub\twhen")
    shares: list[float] = []

    report = run(
        path,
        recipe=SMALL,
        splits=[0.3, 0.4],
        columns=Columns(artist="band", venue="club", date="when"),
        progress=shares.append,
    )

    assert list(report["splits"]) == ["0.4"]
    assert shares == pytest.approx([1 / 3, 2 / 3, 1.0])


def test_the_data_s_clock_is_the_cut_not_today():
    shifted = [(artist, venue, day + 9000) for artist, venue, day in HISTORY]
    one, two = (
        evaluate(ordered(table(rows)), SMALL, [0.3])["models"] for rows in (HISTORY, shifted)
    )

    assert one == two


def test_cancelled_rows_are_no_plays(tmp_path):
    rows = "a,v,2020-01-01,confirmed\nb,v,2020-01-02,Canceled\nc,v,2020-01-03,\n"
    (tmp_path / "gigs.csv").write_text("artist_id,venue_id,date,status\n" + rows)

    assert read_plays(tmp_path / "gigs.csv")["artist_id"].to_pylist() == ["a", "c"]
