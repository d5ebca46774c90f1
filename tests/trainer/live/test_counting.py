"""What a trainer counts for `status`: when it counts, and what the counts are of."""

from consumer.maintenance import compaction
from consumer.table import delta_log
from consumer.table.extent import Extent, extent_of
from support.data.growing import Growing
from trainer.live import counting
from trainer.live.counting import Counting
from trainer.live.following import Following
from trainer.registry import counts


def extent(growing: Growing) -> Extent:
    return extent_of(delta_log.present(growing.path))


def test_counts_are_of_the_store_until_it_grows(tmp_path):
    growing, following = Growing(tmp_path / "store"), Following(tmp_path / "store")
    growing.grow()
    following.listen(0.0)
    Counting(following, tmp_path).count()
    first = counts.load(tmp_path)
    totals = following.interactions.totals()

    assert first.are_of(extent(growing))
    assert (first.plays, first.artists, first.pairs) == (totals.plays, totals.artists, totals.pairs)
    growing.grow()
    assert not first.are_of(extent(growing))
    assert first.missing(extent(growing)) == 41


def test_compaction_and_dead_letters_leave_counts_right(tmp_path):
    growing, following = Growing(tmp_path / "store"), Following(tmp_path / "store")
    for _ in range(3):
        growing.grow()
    following.listen(0.0)
    Counting(following, tmp_path).count()
    before = extent(growing)
    compaction.compact(growing.path, on_step=lambda _step: None)

    assert counts.load(tmp_path).are_of(extent(growing))
    assert counts.load(tmp_path).are_of(before._replace(rows=before.rows | {"dead": 7}))


def test_counts_of_another_store_are_none_of_this_one(tmp_path):
    one, other = Growing(tmp_path / "one"), Growing(tmp_path / "other")
    following = Following(tmp_path / "one")
    for growing in (one, other):
        growing.grow()
    following.listen(0.0)
    Counting(following, tmp_path).count()

    assert counts.load(tmp_path).missing(extent(other)) is None
    assert not counts.load(tmp_path).are_of(extent(other))


def test_a_pause_is_waited_for_but_not_for_ever(tmp_path):
    growing, following = Growing(tmp_path / "store"), Following(tmp_path / "store")
    growing.grow()
    watch = Counting(following, tmp_path)
    following.listen(100.0)
    watch.look(100.0)
    first = counts.load(tmp_path)  # the first is counted at once
    growing.grow()
    following.listen(102.0)
    watch.look(102.0)
    assert counts.load(tmp_path) == first, "what was stated just now is folded in first"
    watch.look(102.0 + counting.QUIET_S)
    second = counts.load(tmp_path)
    assert second.version > first.version
    for at_s in range(104, 120):
        growing.grow()
        following.listen(float(at_s))
        watch.look(float(at_s))

    assert counts.load(tmp_path).version > second.version


def test_a_file_that_cannot_be_read_is_as_none(tmp_path):
    assert counts.load(tmp_path) is None
    (tmp_path / counts.FILE).write_text('{"version": 1}')
    assert counts.load(tmp_path) is None
    (tmp_path / counts.FILE).write_text("[")
    assert counts.load(tmp_path) is None


def test_totals_are_those_of_all_plays(tmp_path):
    growing, following = Growing(tmp_path / "store"), Following(tmp_path / "store")
    for number in range(4):
        growing.grow(200)
        following.listen(float(number))
        plays, totals = following.interactions.plays(), following.interactions.totals()

        assert totals.plays == len(plays)
        assert totals.pairs == len({*zip(plays.artist.tolist(), plays.venue.tolist(), strict=True)})
        assert totals.artists == len({*plays.artist.tolist()})
        assert totals.venues == len({*plays.venue.tolist()})
