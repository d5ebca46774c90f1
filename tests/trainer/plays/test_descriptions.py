"""Descriptions: of all statements about an id, the latest counts as a whole, in any order."""

import random

import numpy as np
import pyarrow as pa
import pytest

from consumer.ids.merges import Merge
from support.data.statements import Statement, table
from trainer.plays.interactions import Interactions

PLACES = ['{"city":"A"}', '{"capacity":300,"city":"B"}', '{"city":"C","lat":53.5,"lng":10.0}']


def events(*said: tuple[str, int, str | None], artist: str | None = None) -> pa.Table:
    """Statements (venue, time, description), each of a gig of its own."""
    rows = [
        Statement(f"{venue}-{time}-{text}", venue_id=venue, time=time, digest=len(text or ""))
        for venue, time, text in said
    ]
    described = table(rows)
    texts = pa.array([text for *_, text in said], pa.string())
    artists = pa.array([artist] * len(said), pa.string())
    return described.append_column("venue", texts).append_column("artist", artists)


def settled(*tables: pa.Table) -> Interactions:
    interactions = Interactions()
    for each in tables:
        interactions.settle(each)
    return interactions


def texts(interactions: Interactions) -> dict[str, str | None]:
    rows = np.arange(len(interactions.venues), dtype=np.int32)
    found = interactions.venue_descriptions.texts(rows, interactions.merged_venues)
    return dict(zip(interactions.venues.ids, found, strict=True))


def test_the_latest_statement_counts_as_a_whole_and_silence_keeps_it():
    said = events(("v", 2, PLACES[1]), ("v", 1, PLACES[0]), ("v", 3, None), ("w", 0, None))

    assert texts(settled(said)) == {"v": PLACES[1], "w": None}


@pytest.mark.parametrize("seed", range(20))
def test_any_order_and_any_pieces_give_the_same(seed):
    rng = random.Random(seed)
    said = [(f"v{rng.randrange(5)}", rng.randrange(4), rng.choice(PLACES)) for _ in range(40)]
    shuffled = rng.sample(said, len(said))
    pieces = [shuffled[start : start + 7] for start in range(0, len(said), 7)]

    assert texts(settled(events(*said))) == texts(settled(*(events(*part) for part in pieces)))


def test_codes_are_read_as_texts_are():
    said = events(("v", 2, PLACES[1]), ("w", 1, PLACES[0]))
    coded = said.set_column(
        said.schema.get_field_index("venue"), "venue", said["venue"].dictionary_encode()
    )

    assert texts(settled(coded)) == texts(settled(said))


def test_a_row_has_changed_where_its_words_have():
    interactions = settled(events(("v", 1, PLACES[0]), ("w", 1, PLACES[0])))
    again = events(("v", 2, PLACES[0]), ("w", 0, PLACES[1]))
    cancelled = table(
        [Statement("off", artist_id="x", venue_id="w", time=5, status="cancelled")]
    ).append_column("venue", pa.array([PLACES[2]]))

    assert interactions.venue_descriptions.take(again).tolist() == []
    assert interactions.settle(cancelled).venues.tolist() == [1]
    assert texts(interactions) == {"v": PLACES[0], "w": PLACES[2]}


def test_of_merged_venues_the_latest_statement_counts_for_both():
    interactions = settled(
        events(("v", 1, PLACES[0]), ("w", 2, PLACES[1]), ("x", 3, PLACES[2]), ("y", 0, None))
    )
    interactions.merge([Merge(1, "v", "w", "venue"), Merge(2, "y", "v", "venue")])

    assert texts(interactions) == dict(zip("vwyx", (*PLACES[1:2] * 3, PLACES[2]), strict=True))


def test_artists_are_described_too():
    interactions = settled(events(("v", 1, None), artist='{"genres":["jazz"]}'))
    rows = np.zeros(1, np.int32)

    assert interactions.artist_descriptions.texts(rows, interactions.merged_artists) == [
        '{"genres":["jazz"]}'
    ]


def test_a_quarantined_source_describes_nothing():
    interactions = Interactions({"default": -(1 << 63)})
    interactions.settle(events(("v", 1, PLACES[0])))

    assert len(interactions.venues) == 0


def test_a_state_is_restored():
    interactions = settled(events(("v", 1, PLACES[0]), ("w", 2, PLACES[1])))
    restored = settled(events(("v", 0, None), ("w", 0, None)))
    differing = restored.venue_descriptions.differing(interactions.venue_descriptions)
    restored.venue_descriptions.restore(interactions.venue_descriptions.state())

    assert differing.tolist() == [0, 1]
    assert texts(restored) == texts(interactions)
    assert not len(restored.described_unlike(interactions).venues)
