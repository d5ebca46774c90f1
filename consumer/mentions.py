"""Where an id is spoken of outside of the columns made for it.

``extra`` of others and dead letters hold whatever a sender wrote. Two kinds of *test* look into
that: one that has the id itself (`Spelled`, the erase command) and one that only has keyed hashes
(`Hashed`, every append from then on), which has to guess where in a text an id may begin and end.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import msgspec
from msgspec import Raw

# What may stand inside of an id, so that it ends where these do; a full stop may also follow it.
_BEFORE, _AFTER = r"(?<![\w.:/@+-])", r"(?![\w/@+-]|[.:]\w)"
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"|\'([^\']*)\'')
_SPACED = re.compile(r"""[^\s"'{}\[\],;()<>=]+""")
_WORDS = re.compile(r"[\w.:/@+-]*\w")
_members_decoder = msgspec.json.Decoder(dict[str, Raw])
_items_decoder = msgspec.json.Decoder(list[Raw])
_DEEPEST = 64


class Test(Protocol):
    """Whether a text speaks of somebody who is erased."""

    def text(self, text: str) -> bool:
        """Of a whole string."""

    def binary(self, value: bytes) -> bool:
        """Of bytes that are no text."""


class Spelled:
    """Knows the ids, and the names that their own rows gave.

    Args:
        ids: matched as whole words: ``a1`` is neither in ``a17`` nor in ``x-a1``.
        names: matched as whole strings: they are ordinary words.
    """

    def __init__(self, ids: Iterable[str], names: Iterable[str] = ()) -> None:
        ids = list(ids)
        anywhere = "|".join(re.escape(each) for each in ids)
        self._pattern = re.compile(f"{_BEFORE}(?:{anywhere}){_AFTER}")
        self._bytes = [each.encode() for each in ids]
        self._names = frozenset(names)

    def text(self, text: str) -> bool:
        """See `Test`."""
        return text in self._names or self._pattern.search(text) is not None

    def binary(self, value: bytes) -> bool:
        """See `Test`: here the id may stand between any two bytes."""
        return any(each in value for each in self._bytes)


class Hashed:
    """Knows hashes only: tries the whole text, and what looks like an id in it."""

    def __init__(self, gone: Callable[[str], bool]) -> None:
        self._gone = gone

    def text(self, text: str) -> bool:
        """See `Test`."""
        return any(map(self._gone, {text, *_SPACED.findall(text), *_WORDS.findall(text)}))

    def binary(self, value: bytes) -> bool:
        """See `Test`."""
        return self.text(value.decode(errors="replace"))


def in_bytes(value: bytes, test: Test) -> bool:
    """Whether a record's value, key or header speaks of somebody erased."""
    try:
        return any(map(test.text, _strings(msgspec.json.decode(value))))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return test.binary(value)
    return test.text(text) or any(map(test.text, _quoted(text)))


def without(text: str, test: Test) -> str | None:
    """The JSON object `text` less its members that speak of somebody; None if that is all of it.

    What stays is as it was written, to the digit.
    """
    kept = _kept(Raw(text.encode()), test, 0)
    return None if kept is None or kept in (b"{}", b"[]") else kept.decode()


def _kept(raw: Raw, test: Test, depth: int) -> bytes | None:
    """None where it is a string that speaks of somebody."""
    value = bytes(raw)
    opening = value.lstrip()[:1]
    if opening == b'"':
        return None if test.text(msgspec.json.decode(value)) else value
    if opening not in (b"{", b"["):
        return value
    if depth > _DEEPEST:
        return None if test.binary(value) else value
    if opening == b"{":
        members = _members_decoder.decode(value)
        parts = {
            name: Raw(part)
            for name, member in members.items()
            if not test.text(name) and (part := _kept(member, test, depth + 1)) is not None
        }
        return value if len(parts) == len(members) and _same(parts, members) else _encode(parts)
    items = _items_decoder.decode(value)
    found = [part for item in items if (part := _kept(item, test, depth + 1)) is not None]
    return value if found == list(map(bytes, items)) else _encode(list(map(Raw, found)))


def _same(parts: dict[str, Raw], members: dict[str, Raw]) -> bool:
    return all(bytes(part) == bytes(members[name]) for name, part in parts.items())


def _encode(value: dict[str, Raw] | list[Raw]) -> bytes:
    return msgspec.json.encode(value)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, member in value.items():
            yield name
            yield from _strings(member)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _quoted(text: str) -> Iterator[str]:
    """Strings of a text that is no JSON, or not yet, or not any more."""
    for double, single in _QUOTED.findall(text):
        yield single or _unescaped(double)


def _unescaped(inside: str) -> str:
    try:
        return str(msgspec.json.decode(f'"{inside}"'))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return inside
