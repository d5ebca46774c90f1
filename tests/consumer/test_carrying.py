"""A store made anew heeds what people decided before it was."""

import pytest

from consumer import decisions, log, merges, rows
from consumer.carrying import carry_over
from consumer.erasing import Erasing
from consumer.merges import Merge
from consumer.store import Span, Store
from support.records import gig, message, stored

A_TO_B = Merge(1, "a", "b", "artist")


def test_a_store_made_anew_leaves_out_what_was_erased_and_knows_the_merges(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    Store.open(old).append(merges.table(A_TO_B), {})
    Erasing(path=old, side="artist", identity="gone").run({})

    assert carry_over(old, new) == 3
    topic = [message(0, gig(0, artist_id="gone")), message(1)]
    Store.open(new).append(rows.table(topic, topic_id="T"), {"c/t/0": Span(None, 2)})

    assert [row["offset"] for row in stored(new) if row["kind"] == "event"] == [1]
    assert decisions.of(new).merges == (A_TO_B,)
    assert log.replay(new).positions == {"c/t/0": 2}
    carry_over(old, new)
    assert len(decisions.of(new).erasures) == 1


def test_nothing_is_made_where_nothing_was_decided(tmp_path):
    Store.open(tmp_path / "old")

    assert carry_over(tmp_path / "old", tmp_path / "new") == 0
    assert not (tmp_path / "new").exists()


def test_two_keys_do_not_mix(tmp_path):
    for name in ("old", "new"):
        Erasing(path=tmp_path / name, side="artist", identity="gone").run({})

    with pytest.raises(FileExistsError, match="other erasures"):
        carry_over(tmp_path / "old", tmp_path / "new")
