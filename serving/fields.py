"""Lists and names as fields of our hashes, and runs of them that fit one command."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from serving.contract import HASHES, Entry, NamesView, View, field_of

Field = tuple[str, str | None]
"""A hash field and its value; None takes it away."""
Changes = Mapping[str, Entry | None]
"""Lists by id; None takes one away."""
Names = Mapping[str, str]
"""Display names by id; an empty one is taken away."""

Thing = TypeVar("Thing")


def of_lists(generation: int, entries: Iterable[tuple[str, Entry | None]]) -> Iterator[Field]:
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


def of_names(names: Iterable[tuple[str, str]]) -> Iterator[Field]:
    """Names as fields."""
    for identity, name in names:
        yield field_of(identity), name or None


def chunks(
    things: Iterable[Thing], most: int, size: Callable[[Thing], int]
) -> Iterator[list[Thing]]:
    """Runs of things, each ended by the one that brings its size to `most`."""
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
    names: Mapping[NamesView, Names],
    most_chars: int,
) -> Iterator[list[str]]:
    """What fold_in.lua reads after the generation, for one script each; at least one."""
    placed = [(v, f) for v, c in changes.items() for f in of_lists(generation, c.items())]
    named = [(v, f) for v, n in names.items() for f in of_names(n.items())]
    parts = chunks([*placed, *named], most_chars, lambda change: size_of(change[1]))
    yield from map(_arguments, [*parts] or [[]])


def _arguments(part: list[tuple[View | NamesView, Field]]) -> list[str]:
    arguments: list[str] = []
    for view in HASHES:
        fields = [field for at, field in part if at == view]
        kept = [text for name, value in fields if value is not None for text in (name, value)]
        gone = [name for name, value in fields if value is None]
        arguments += [str(len(kept)), *kept, str(len(gone)), *gone]
    return arguments
