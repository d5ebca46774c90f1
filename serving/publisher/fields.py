"""Lists and texts as fields of our hashes, and runs of them that fit one command."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from serving.contract import HASHES, Entry, TextView, View, encode_ids, field_of, id_of

Field = tuple[str, str | None]
"""A hash field and its value; None takes it away."""
Changes = Mapping[str, Entry | None]
"""Lists by id; None takes one away."""
Texts = Mapping[str, str]
"""Names or infos by id; an empty one is taken away."""

MOST_TOLD = 100
"""Changed ids of a side that a change event carries; where there are more it carries none."""

Thing = TypeVar("Thing")


def list_fields(generation: int, entries: Iterable[tuple[str, Entry | None]]) -> Iterator[Field]:
    """Lists as fields.

    Raises:
        ValueError: a list is of another generation, or a score is not finite.
    """
    for identity, entry in entries:
        if entry is not None and entry.generation != generation:
            raise ValueError(
                f"the list of {identity!r} is of generation {entry.generation}, not {generation}"
            )
        yield field_of(identity), entry.encode() if entry is not None else None


def text_fields(texts: Iterable[tuple[str, str]]) -> Iterator[Field]:
    """Names or infos as fields."""
    for identity, text in texts:
        yield field_of(identity), text or None


def chunks(
    things: Iterable[Thing], most: int, size: Callable[[Thing], int]
) -> Iterator[list[Thing]]:
    """Runs of things, each ended by the one that brings its size to `most`.

    Args:
        things: in order.
        most: a run's size from which it ends.
        size: of one thing.
    """
    chunk: list[Thing] = []
    total = 0
    for thing in things:
        chunk.append(thing)
        total += size(thing)
        if total >= most:
            yield chunk
            chunk, total = [], 0
    if chunk:
        yield chunk


def size_of(field: Field) -> int:
    """Characters of a field and its value."""
    return len(field[0]) + len(field[1] or "")


def fold_in_arguments(
    generation: int,
    changes: Mapping[View, Changes],
    texts: Mapping[TextView, Texts],
    most_chars: int,
) -> Iterator[list[str]]:
    """What fold_in.lua reads from the changed ids on, for one script each; at least one.

    Args:
        generation: the live one.
        changes: lists by view and id.
        texts: names and infos by view and id.
        most_chars: of one script, about.
    """
    placed = [(v, f) for v, c in changes.items() for f in list_fields(generation, c.items())]
    stated = [(v, f) for v, t in texts.items() for f in text_fields(t.items())]
    parts = chunks([*placed, *stated], most_chars, lambda change: size_of(change[1]))
    # Without changes one script still writes the store version.
    yield from map(_arguments, [*parts] or [[]])


def _arguments(part: list[tuple[View | TextView, Field]]) -> list[str]:
    arguments = [_changed(part, side) for side in ("artist", "venue")]
    for view in HASHES:  # in the order of KEYS
        fields = [field for at, field in part if at == view]
        kept = [text for name, value in fields if value is not None for text in (name, value)]
        gone = [name for name, value in fields if value is None]
        arguments += [str(len(kept)), *kept, str(len(gone)), *gone]
    return arguments


def _changed(part: list[tuple[View | TextView, Field]], side: str) -> str:
    """The ids of a side whose lists or texts change, as JSON; "" where they are too many."""
    fields = {field[0] for view, field in part if view.startswith(side)}
    return encode_ids(sorted(map(id_of, fields))) if len(fields) <= MOST_TOLD else ""
