"""Which earlier model a roll-back goes to, and how much lists have in common with those before."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from serving.contract import Entry
from serving.publisher.publish import Publisher
from trainer.errors import NoSuchGeneration
from trainer.gate.verdict import HELD
from trainer.ranking.lists import Lists
from trainer.registry.generations import Record, decided

SAMPLED = 300
"""Artists whose lists are compared with those of the generation before."""
BEST = 10
"""Entries of a list that are compared."""


def target(
    records: Sequence[Record], stored: Collection[str], live: str, generation: int | None
) -> str:
    """The name of the artifact to roll back to.

    Args:
        records: of all generations.
        stored: names of the artifacts on disk.
        live: name of the live one.
        generation: the number that was asked for; None: the last published model that is older than
            the live one.

    Raises:
        NoSuchGeneration: there is none, or its model is not on disk any more.
    """
    if generation is not None:
        return _of_generation(records, stored, generation)
    published = {each.artifact for each in records if each.is_published}
    older = [name for name in stored if name in published and name < live]
    if not older:
        raise NoSuchGeneration.older()
    return max(older)


def _of_generation(records: Sequence[Record], stored: Collection[str], number: int) -> str:
    found = next((each for each in records if each.number == number), None)
    if found is None or not found.is_published:
        raise NoSuchGeneration.published(number)
    if found.artifact not in stored:
        raise NoSuchGeneration.stored(number)
    return found.artifact


def held(records: Sequence[Record], stored: Collection[str], generation: int | None) -> str:
    """The name of the held artifact to publish.

    Args:
        records: of all generations.
        stored: names of the artifacts on disk.
        generation: the number that was asked for; None: the newest that was decided on.

    Raises:
        NoSuchGeneration: it is not held, or its model is not on disk any more.
    """
    asked = [each for each in decided(records) if generation in (None, each.number)]
    if not asked or asked[-1].verdict != HELD:
        raise NoSuchGeneration.held()
    if asked[-1].artifact not in stored:
        raise NoSuchGeneration.stored(asked[-1].number)
    return asked[-1].artifact


def overlap(publisher: Publisher, lists: Lists) -> float | None:
    """How much of the ten best venues of an artist is the same as in the live lists.

    Args:
        publisher: of the live lists.
        lists: those that are to replace them.

    Returns:
        The mean of a sample of artists, 0 to 1; None where none of them has a live list.
    """
    # At equal steps, in id order: the same artists are compared each time.
    rows = lists.artist_rows
    sample = rows[:: max(1, len(rows) // SAMPLED)].astype(np.int32)
    now = lists.changes("artist", sample)
    return common(publisher.listed("artist", list(now)), now)


def common(before: Mapping[str, Entry], now: Mapping[str, Entry | None]) -> float | None:
    """The mean share of the best entries that two lists of the same id have in common.

    Args:
        before: lists by id.
        now: lists by id.
    """
    pairs = [
        (set(before[name].ids[:BEST]), set(entry.ids[:BEST]))
        for name, entry in now.items()
        if entry and entry.ids and name in before and before[name].ids
    ]
    shares = [len(one & other) / max(len(one), len(other)) for one, other in pairs]
    return sum(shares) / len(shares) if shares else None
