"""How far dead letters were forwarded, and the two places that remember it.

Words used here:
    source: topic id and partition of the records that died.
    next: the offset from which on a source's dead letters are still to be forwarded.
    note: a file beside the store, written before and after each transaction. It may lag, never
        lead, and serves where Kafka has dropped the offsets of a group that was idle for its
        retention, or cannot tell them.

Both belong to one dead-letter topic: made anew, it has another id and is filled anew.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

Source = tuple[str, int]

BLOCK = 128
"""Partitions whose progress is kept together: its text stays below Kafka's 4,096 bytes."""

NOTE = ".dead-letters.json"


class Note(msgspec.Struct, frozen=True):
    """What was sent to one dead-letter topic.

    Attributes:
        topic_id: of the dead-letter topic.
        sent: next offset, by topic id and partition of the source.
        open: whether another transaction was begun since, whose end is not known.
    """

    topic_id: str
    sent: dict[str, dict[int, int]]
    open: bool

    @property
    def next(self) -> dict[Source, int]:
        """The next offset of each source."""
        return {(each, number): at for each, of in self.sent.items() for number, at in of.items()}


def merged(*known: Mapping[Source, int]) -> dict[Source, int]:
    """The furthest of each source."""
    furthest: dict[Source, int] = {}
    for each in known:
        for source, offset in each.items():
            furthest[source] = max(offset, furthest.get(source, 0))
    return furthest


def to_text(topic_id: str, next_offsets: Mapping[int, int]) -> str:
    """Progress of a block: the dead-letter topic's id, then ``partition:offset`` of each."""
    pairs = (f"{partition}:{offset}" for partition, offset in sorted(next_offsets.items()))
    return " ".join([topic_id, *pairs])


def from_text(topic_id: str, text: str) -> dict[int, int]:
    """Next offset by partition; nothing where it is of another dead-letter topic."""
    owner, *pairs = text.split() or [""]
    if owner != topic_id:
        return {}
    return {int(partition): int(offset) for partition, offset in (p.split(":") for p in pairs)}


def read_note(store: Path, topic_id: str) -> Note | None:
    """The note, where there is one of this dead-letter topic."""
    try:
        note = msgspec.json.decode((store / NOTE).read_bytes(), type=Note)
    except (OSError, msgspec.DecodeError):
        return None  # Kafka remembers
    return note if note.topic_id == topic_id else None


def write_note(store: Path, topic_id: str, sent: Mapping[Source, int], *, is_open: bool) -> None:
    """Replace the note."""
    of: dict[str, dict[int, int]] = {}
    for (each, partition), offset in sent.items():
        of.setdefault(each, {})[partition] = offset
    unfinished = store / f"{NOTE}.new"
    unfinished.write_bytes(msgspec.json.encode(Note(topic_id, of, is_open)))
    unfinished.replace(store / NOTE)
