"""Settling: whatever order statements arrive in, the greatest counts."""

import random
from types import ModuleType, SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.events import DAY_MS
from consumer.ids.merges import Merge
from consumer.ids.quarantines import ALL
from support.data.contract import NOW_MS
from support.data.statements import (
    Statement,
    as_of,
    counting,
    kept,
    order,
    settled,
    table,
    tombstone,
)
from trainer.plays import gigs as settling
from trainer.plays import plain
from trainer.plays.interactions import CODED, Interactions
from trainer.plays.matrix import Plays


def colliding() -> SimpleNamespace:
    """The compiled code with hashes of three bits, so that most texts share theirs."""
    code = settling.implementation()
    return SimpleNamespace(
        Interner=lambda: code.Interner(3),
        Names=code.Names,
        Gigs=lambda *parts: code.Gigs(*parts, 3),
        cells=code.cells,
    )


KINDS = {
    "compiled": settling.implementation,
    "plain Python": lambda: plain,
    "colliding hashes": colliding,
}


@pytest.fixture(scope="module", autouse=True, params=KINDS)
def made_of(request) -> ModuleType | SimpleNamespace:
    """What everything here is settled with."""
    kind = KINDS[request.param]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settling, "implementation", lambda: kind)
        yield kind


small = st.integers(0, 3)
statements = st.builds(
    Statement,
    event_id=st.sampled_from(["e1", "e2", "e3"]),
    artist_id=st.sampled_from(["a1", "a2", "ä3"]),
    venue_id=st.sampled_from(["v1", "v2", "v3"]),
    time=small,
    status=st.sampled_from(["confirmed", "rescheduled", "postponed", "performed", "cancelled"]),
    version=st.none() | small,
    starts_at=st.none() | st.integers(-5, 5),
    source=st.sampled_from(["default", "other"]),
    recorded_at=small,
    topic_id=st.sampled_from(["t2", "t1", "t3"]),
    partition=st.integers(0, 1),
    offset=small,
    digest=small,
)
tombstones = st.builds(
    tombstone,
    event_id=st.sampled_from(["e1", "e2", "e3"]),
    source=st.sampled_from(["default", "other"]),
)
histories = st.lists(statements | tombstones, max_size=30, unique_by=repr)


def plays(interactions: Interactions) -> list[tuple[str, str, int]]:
    found = interactions.plays()
    rows = zip(found.artist.tolist(), found.venue.tolist(), found.at_ms.tolist(), strict=True)
    return sorted((interactions.artists[a], interactions.venues[v], at) for a, v, at in rows)


merges = st.lists(
    st.builds(
        Merge,
        recorded_us=small,
        gone=st.sampled_from(["a1", "a2", "ä3", "v1", "v2", "v3"]),
        kept=st.sampled_from(["a1", "a2", "ä3", "v1", "v2", "v3"]),
        side=st.sampled_from(["artist", "venue"]),
    ),
    max_size=6,
)


def settle(*batches: list[Statement]) -> Interactions:
    interactions = Interactions()
    for batch in batches:
        interactions.settle(table(batch))
    return interactions


def distinct(history: list[Statement]) -> list[Statement]:
    """Without pairs that the total order cannot tell apart: real offsets never repeat."""
    seen: dict[tuple, Statement] = {}
    for s in history:
        # By bill, not by gig: a merge makes gigs of two artists one.
        key = s[:1] + s[7:8] if s.status == "deleted" else (s.event_id, s.source, order(s))
        seen.setdefault(key, s)
    return list(seen.values())


@given(histories, st.randoms(use_true_random=False), st.integers(1, 5))
def test_any_order_in_any_batches_settles_as_the_rule_says(history, random, batches):
    history = distinct(history)
    shuffled = random.sample(history, len(history))
    parts = [shuffled[start::batches] for start in range(batches)]

    interactions = settle(*parts)
    assert plays(interactions) == settled(history)
    assert interactions.clock(NOW_MS) == (as_of(history), 0)


def coded(rows: pa.Table, names: set[str], random) -> pa.Table:
    """The same, these columns as codes: of a dictionary in any order that holds more than is said.

    A row without a value has a code that is none, and the table is a part of a longer one.
    """
    rows = pa.concat_tables([rows.slice(0, 1), rows])
    for name in sorted(names):
        said = rows[name].to_pylist()
        texts = [*{text for text in said if text is not None}, "unseen"]
        random.shuffle(texts)
        codes = np.array([texts.index(text) if text in texts else 10**6 for text in said], np.int32)
        absent = np.array([text is None for text in said], np.bool_)
        column = pa.DictionaryArray.from_arrays(pa.array(codes, mask=absent), pa.array(texts))
        rows = rows.set_column(rows.column_names.index(name), name, column)
    return rows.slice(1)


def rows_of(interactions: Interactions) -> tuple:
    found = interactions.plays()
    arrays = (found.artist.tolist(), found.venue.tolist(), found.at_ms.tolist())
    return interactions.artists.ids, interactions.venues.ids, *arrays


@given(
    st.lists(histories, max_size=3),
    st.sets(st.sampled_from(CODED)),
    st.randoms(use_true_random=False),
)
def test_coded_texts_settle_as_plain_ones_to_the_row_whatever_their_dictionaries_hold(
    parts, names, random
):
    plain, other = Interactions(), Interactions()
    for part in parts:
        touched = plain.settle(table(part))
        again = other.settle(coded(table(part), names, random))
        assert [rows.tolist() for rows in touched] == [rows.tolist() for rows in again]

    assert rows_of(other) == rows_of(plain)


def encoded(rows: pa.Table) -> pa.Table:
    columns = {name: rows[name].combine_chunks() for name in rows.column_names}
    return pa.table(columns | {name: columns[name].dictionary_encode() for name in CODED})


def test_codes_of_many_batches_are_numbered_ahead_as_texts_are():
    history = [
        Statement(f"e{k % 30_011}", f"a{k % 9110}", f"v{k % 401}", k % 7, topic_id=f"t{k % 5}")
        for k in range(40_000)
    ]
    whole = table(history)
    chunks = [whole.slice(start, 10_000) for start in range(0, len(whole), 10_000)]
    plain, other = Interactions(), Interactions()
    plain.settle(pa.concat_tables(chunks))

    other.settle(pa.concat_tables(map(encoded, chunks)))

    assert rows_of(other) == rows_of(plain)
    assert plays(other) == settled(distinct(history))


@given(histories)
def test_repeating_a_history_changes_nothing_and_touches_nobody(history):
    interactions = settle(history)
    before = plays(interactions)

    touched = interactions.settle(table(history))

    assert plays(interactions) == before
    assert [len(rows) for rows in touched] == [0, 0]


@given(histories, histories)
def test_whoever_has_other_plays_than_before_is_touched(first, second):
    history = distinct(first + second)
    first = [s for s in history if s in first]
    second = [s for s in history if s not in first]
    interactions = settle(first)
    before = set(plays(interactions))

    touched = interactions.settle(table(second))

    changed = before ^ set(plays(interactions))
    assert {interactions.artists[row] for row in touched.artists} >= {a for a, _, _ in changed}
    assert {interactions.venues[row] for row in touched.venues} >= {v for _, v, _ in changed}


@given(histories, merges, st.randoms(use_true_random=False), st.integers(1, 5))
def test_merges_and_statements_in_any_order_settle_as_the_rule_says(
    history, decided, random, batches
):
    history = distinct(history)
    shuffled = random.sample(history, len(history))
    parts = [shuffled[start::batches] for start in range(batches)]
    interactions = Interactions()
    for number, part in enumerate(parts):
        interactions.merge(random.sample(decided, random.randint(0, len(decided))))
        interactions.settle(table(part))
        assert interactions.totals().events == sum(map(len, parts[: number + 1]))
    interactions.merge(decided)

    assert plays(interactions) == settled(history, decided)
    assert interactions.clock(NOW_MS) == (as_of(history, decided), 0)
    gigs = {
        (s.source, s.event_id, kept(decided, "artist").get(s.artist_id, s.artist_id))
        for s in history
        if s.status != "deleted"
    }
    totals = interactions.totals()
    assert totals.plays + totals.cancelled == len(gigs)


@given(histories, histories, merges, merges)
def test_whoever_has_other_plays_after_merges_is_touched(first, second, decided, later):
    history = distinct(first + second)
    first = [s for s in history if s in first]
    second = [s for s in history if s not in first]
    interactions = settle(first)
    interactions.merge(decided)

    for move in (
        lambda: interactions.settle(table(second)),
        lambda: interactions.merge(decided + later),
    ):
        before = set(plays(interactions))
        touched = move()
        changed = before ^ set(plays(interactions))
        assert {interactions.artists[row] for row in touched.artists} >= {a for a, _, _ in changed}
        assert {interactions.venues[row] for row in touched.venues} >= {v for _, v, _ in changed}


quarantines = st.dictionaries(
    st.sampled_from(["default", "other"]), st.just(ALL) | st.integers(-1, 4).map((1000).__mul__)
)


def counted(history: list[Statement], held: dict[str, int]) -> list[Statement]:
    """The statements that count; `held` by source, in microseconds."""
    return [s for s in history if s.recorded_at * 1000 < held.get(s.source, 2**63)]


@given(histories, merges, quarantines, st.integers(1, 5), st.sets(st.sampled_from(CODED)))
def test_without_quarantined_statements_the_rest_settles_as_the_rule_says(
    history, decided, held, batches, names
):
    history = distinct(history)
    interactions, rest = Interactions(held), counted(history, held)
    interactions.merge(decided)
    for start in range(batches):
        part = table(history[start::batches])
        interactions.settle(coded(part, names, random.Random(1)) if len(part) else part)

    assert plays(interactions) == settled(rest, decided)
    assert interactions.clock(NOW_MS) == (as_of(rest, decided), 0)
    assert interactions.totals().events == len(history)


@given(histories, merges, st.lists(quarantines, min_size=1, max_size=4))
def test_quarantine_and_release_leave_rows_where_they_are_and_plays_as_the_rule_says(
    history, decided, several
):
    history = distinct(history)
    interactions = settle(history)
    for held in [*several, {}]:
        numbered = interactions.artists.ids, interactions.venues.ids
        interactions = interactions.emptied(held)
        interactions.merge(decided)
        interactions.settle(table(history))

        assert plays(interactions) == settled(counted(history, held), decided)
        assert interactions.artists.ids[: len(numbered[0])] == numbered[0]
        assert interactions.venues.ids[: len(numbered[1])] == numbered[1]
        check_rows(interactions)


@given(histories, merges)
def test_each_play_has_its_source(history, decided):
    interactions = settle(distinct(history))
    interactions.merge(decided)
    found, (codes, names) = interactions.plays(), interactions.play_sources()
    rows = zip(found.artist.tolist(), found.venue.tolist(), codes.tolist(), strict=True)

    assert sorted(
        (interactions.artists[a], interactions.venues[v], names[code]) for a, v, code in rows
    ) == sorted((s.artist_id, s.venue_id, s.source) for s in counting(distinct(history), decided))


def check_rows(interactions: Interactions) -> None:
    """That single rows, and what is kept from look to look, say what all plays say."""
    every, current = interactions.plays(), interactions.view()
    assert len(current) == len(every)
    for mine, whole in ((current, every), (current.transposed(), every.transposed())):
        rows = np.arange(whole.n_artists)[::-2]
        assert mine.per_artist.tolist() == whole.per_artist.tolist()
        ids = interactions.artists if mine is current else interactions.venues
        assert mine.active_rows(ids).tolist() == whole.active_rows(ids).tolist()
        assert mine.have_plays(rows).tolist() == whole.have_plays(rows).tolist()
        assert triples(mine.for_artists(rows)) == triples(whole.for_artists(rows))
        assert (mine.counts_of(rows) != whole.counts_of(rows)).nnz == 0
        assert mine.counts.shape == whole.shape
        for part in ("indptr", "indices", "data"):
            assert getattr(mine.counts, part).tolist() == getattr(whole.counts, part).tolist()


def triples(found: Plays) -> list[tuple[int, int, int]]:
    columns = found.artist, found.venue, found.at_ms
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


@given(st.lists(histories, min_size=1, max_size=4), merges, merges)
def test_single_rows_have_the_plays_that_all_plays_show(parts, decided, later):
    interactions = Interactions()
    check_rows(interactions)
    for part in parts:
        interactions.settle(table(part))
        check_rows(interactions)
        interactions.merge(decided)
        check_rows(interactions)
    interactions.merge(decided + later)
    check_rows(interactions)


def test_plays_of_rows_are_right_after_thousands_of_gigs_moved_away_and_back():
    rng = np.random.default_rng(1)
    interactions, history = Interactions(), []
    for time in range(6):
        ids = zip(*(rng.integers(0, n, 700) for n in (1500, 5, 7)), strict=True)
        part = [Statement(f"e{e}", f"a{a}", f"v{v}", time, version=time) for e, a, v in ids]
        history += {(s.event_id, s.artist_id): s for s in part}.values()
        interactions.settle(table(history[-len(part) :]))
        check_rows(interactions)

    assert plays(interactions) == settled(history)


def test_a_bill_of_a_thousand_artists_is_settled_like_any_other():
    def bill(time: int, venue: str) -> list[Statement]:
        return [Statement("e", f"a{number:04}", venue, time) for number in range(1000)]

    interactions = settle(bill(1, "old"), bill(3, "new"), bill(2, "late"))
    assert plays(interactions) == [(f"a{number:04}", "new", 3) for number in range(1000)]

    touched = interactions.settle(table([tombstone("e")]))
    assert plays(interactions) == []
    assert len(touched.artists) == 1000


def test_a_batch_that_is_numbered_in_a_thread_of_its_own_settles_alike():
    history = [
        Statement(f"e{n % 3001}", f"a{n % 911}", f"v{n % 401}", n % 7, source=f"s{n % 3}")
        for n in range(20_000)
    ]
    interactions = settle(history)

    assert plays(interactions) == settled(distinct(history))
    assert interactions.artists.ids == [f"a{n}" for n in range(911)]
    assert interactions.venues.ids == [f"v{n}" for n in range(401)]


def test_ids_of_any_text_are_told_apart_by_every_byte():
    ids = ["", "a", "aa", "ä", "a" * 16, "a" * 17, "a" * 16 + "b", "b" + "a" * 16, "x" * 256]
    ids += [f"{prefix}{n}" for prefix in ("id", "ein längerer Name ") for n in range(500)]
    interactions = settle([Statement(f"e{name}", name, name) for name in ids])

    assert interactions.artists.ids == ids
    assert [interactions.artists.row(name) for name in ids] == list(range(len(ids)))
    assert interactions.artists.row("another") is None


def test_two_ids_of_one_artist_on_one_bill_are_one_gig_and_the_later_word_counts():
    interactions = settle(
        [
            Statement("e", "a1", "v1", time=1),
            Statement("e", "a2", "v2", time=2, status="cancelled"),
            Statement("f", "a1", "v1", time=1),
        ]
    )

    touched = interactions.merge([Merge(0, "a1", "a2", "artist")])

    assert plays(interactions) == [("a2", "v1", 1)]
    assert {interactions.artists[row] for row in touched.artists} == {"a1", "a2"}
    assert interactions.totals().cancelled == 1


def test_merging_again_touches_nobody():
    interactions = settle([Statement("e", "a1"), Statement("f", "a2")])
    decided = [Merge(0, "a1", "a2", "artist")]
    interactions.merge(decided)

    assert [len(rows) for rows in interactions.merge(decided)] == [0, 0]


def test_who_counts_as_a_touched_artist_is_touched_too():
    interactions = settle([Statement("e", "a1"), Statement("f", "a2")])
    interactions.merge([Merge(0, "a1", "a2", "artist")])

    touched = interactions.settle(table([Statement("g", "a2", time=3)]))

    assert {interactions.artists[row] for row in touched.artists} == {"a1", "a2"}


def test_a_higher_version_wins_over_a_later_time():
    first = Statement("e", venue_id="old", version=2, time=1)
    late = Statement("e", venue_id="new", version=1, time=9)

    assert plays(settle([first], [late])) == [("a", "old", 1)]


def test_a_moved_gig_touches_both_venues():
    interactions = settle([Statement("e", venue_id="from", time=1)])

    touched = interactions.settle(table([Statement("e", venue_id="to", time=2)]))

    assert {interactions.venues[row] for row in touched.venues} == {"from", "to"}


def test_an_artist_leaves_a_bill_alone_and_a_tombstone_takes_all():
    bill = [Statement("e", artist_id=name) for name in ("x", "y", "z")]
    leaves = Statement("e", artist_id="x", time=1, status="cancelled")

    assert [artist for artist, _, _ in plays(settle(bill, [leaves]))] == ["y", "z"]
    assert plays(settle(bill, [tombstone("e")])) == []


def test_a_tombstone_counts_for_statements_that_come_after_it():
    assert plays(settle([tombstone("e")], [Statement("e", time=99, version=9)])) == []


def as_of_ms(*parts: list[Statement]) -> int | None:
    return settle(*parts).clock(NOW_MS).as_of_ms


def test_as_of_is_the_newest_time_of_what_counts_and_falls_when_that_goes():
    old, wrong = Statement("e", time=5, starts_at=900), Statement("f", time=7)
    cancelled = Statement("f", time=8, status="cancelled")
    corrected = Statement("f", time=3, version=1)

    assert as_of_ms([old, wrong]) == 7
    assert as_of_ms([old, wrong], [cancelled]) == 5
    assert as_of_ms([old, wrong], [corrected]) == 5
    assert as_of_ms([old, wrong], [tombstone("f")]) == 5
    assert as_of_ms([wrong], [cancelled]) is None


def test_a_time_ahead_of_the_machines_clock_does_not_move_as_of():
    ahead = Statement("f", time=NOW_MS + DAY_MS + 1)
    interactions = settle([Statement("e", time=5), Statement("g", time=NOW_MS + DAY_MS), ahead])

    assert interactions.clock(NOW_MS) == (NOW_MS + DAY_MS, 1)
    assert interactions.clock(NOW_MS - 1) == (5, 2)
    assert interactions.clock(NOW_MS + 1) == (NOW_MS + DAY_MS + 1, 0)
    assert settle([ahead]).clock(NOW_MS) == (NOW_MS + DAY_MS, 1)


def test_gigs_before_1970_have_their_own_clock():
    assert as_of_ms([Statement("e", time=-1000)]) == -1000


def test_tombstones_that_delete_nothing_are_counted_until_a_gig_of_theirs_comes():
    first = [Statement("e"), tombstone("e"), tombstone("E"), tombstone("E"), tombstone("e", "box")]

    assert settle(first).unmatched == 2
    assert settle(first, [Statement("e", source="box")]).unmatched == 1
    assert settle([Statement("e")]).unmatched == 0


def test_totals_count_statements_gigs_and_what_is_distinct():
    totals = settle(
        [
            Statement("e", "a1", "v1"),
            Statement("f", "a1", "v1"),
            Statement("g", "a2", "v1"),
            Statement("h", "a3", "v2", status="cancelled"),
            Statement("i", "a3", "v2"),
            tombstone("i"),
        ]
    ).totals()

    assert (totals.events, totals.plays, totals.cancelled) == (6, 3, 2)
    assert (totals.artists, totals.venues, totals.pairs) == (2, 1, 2)


def test_the_newest_name_is_shown_and_silence_keeps_it():
    interactions = settle(
        [
            Statement("e", "a", time=2, artist_name="New", venue_name="Hall"),
            Statement("f", "a", time=1, artist_name="Old"),
            Statement("g", "a", time=3),
        ]
    )

    assert interactions.artist_names.by_id(interactions.artists) == {"a": "New"}
    assert interactions.venue_names.by_id(interactions.venues) == {"v": "Hall"}
