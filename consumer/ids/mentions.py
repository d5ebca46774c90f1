"""Mentions of an id outside of the id columns.

``extra`` of other events, and dead letters, hold whatever a sender wrote. Two matchers search them:
one has the id itself (`PlainIdMatcher`, the erase command), one has keyed hashes only
(`HashedIdMatcher`, every append from then on) and tries each part of a text that may be an id.
"""

import re
from collections.abc import Callable, Iterable, Iterator

import msgspec
from msgspec import Raw

from consumer.events import limits
from consumer.events.invalid import InvalidEvent

# What may stand inside of an id, so that it ends where these do; a full stop may also follow it.
_BEFORE, _AFTER = r"(?<![\w.:/@+-])", r"(?![\w/@+-]|[.:]\w)"
# Each is linear: it never gives back what it took, and a string that never ends reaches to the end.
_QUOTED = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"?|\'([^\']*+)\'?')
_SPACED = re.compile(r"""[^\s"'{}\[\],;()<>=]+""")
_WORDS = re.compile(r"[\w.:/@+-]+")
_NOT_LAST = ".:/@+-"
_members_decoder = msgspec.json.Decoder(dict[str, Raw])
_items_decoder = msgspec.json.Decoder(list[Raw])
_DEEPEST = 64


class PlainIdMatcher:
    """Knows the ids, and the names that rows of the ids gave.

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
        """Whether a whole string mentions an erased id."""
        return text in self._names or self._pattern.search(text) is not None

    def binary(self, value: bytes) -> bool:
        """The same of bytes that are no text: the id may stand between any two of them."""
        return any(each in value for each in self._bytes)


class HashedIdMatcher:
    """Knows hashes only: tries the whole text, and each part that looks like an id."""

    def __init__(self, gone: Callable[[str], bool]) -> None:
        self._gone = gone

    def text(self, text: str) -> bool:
        """Whether a whole string mentions an erased id."""
        words = (word.rstrip(_NOT_LAST) for word in _WORDS.findall(text))
        return any(map(self._gone, {text, *_SPACED.findall(text), *words} - {""}))

    def binary(self, value: bytes) -> bool:
        """The same of bytes that are no text."""
        return self.text(value.decode(errors="replace"))


Matcher = PlainIdMatcher | HashedIdMatcher


def in_bytes(value: bytes, matcher: Matcher) -> bool:
    """Whether a record's value, key or header mentions an erased id."""
    try:
        limits.check_depth("value", value)
        return any(map(matcher.text, _strings(msgspec.json.decode(value))))
    except (InvalidEvent, msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return matcher.binary(value)
    return matcher.text(text) or any(map(matcher.text, _quoted(text)))


def without(text: str, matcher: Matcher) -> str | None:
    """The JSON object `text` less members that mention an erased id, as written; None: nothing."""
    kept = _kept(Raw(text.encode()), matcher, 0)
    return None if kept is None or kept in (b"{}", b"[]") else kept.decode()


def _kept(raw: Raw, matcher: Matcher, depth: int) -> bytes | None:
    """None where it is a string that mentions an erased id."""
    value = bytes(raw)
    opening = value.lstrip()[:1]
    if opening == b'"':
        return None if matcher.text(msgspec.json.decode(value)) else value
    if opening not in (b"{", b"["):
        return value
    # Searched as bytes and dropped as a whole, since each level takes stack.
    if depth > _DEEPEST:
        return None if matcher.binary(value) else value
    if opening == b"{":
        members = _members_decoder.decode(value)
        parts = {
            name: Raw(part)
            for name, member in members.items()
            if not matcher.text(name) and (part := _kept(member, matcher, depth + 1)) is not None
        }
        return value if len(parts) == len(members) and _same(parts, members) else _encode(parts)
    items = _items_decoder.decode(value)
    found = [part for item in items if (part := _kept(item, matcher, depth + 1)) is not None]
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
    """Quoted strings of a text that is not valid JSON."""
    for double, single in _QUOTED.findall(text):
        yield single or _unescaped(double)


def _unescaped(inside: str) -> str:
    try:
        return str(msgspec.json.decode(f'"{inside}"'))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return inside
