"""Keys, fields and values of the lists in Redis. Public: see docs/contract/redis.md.

A *view* is one kind of list, held in one hash: ``artist`` (venues new to the artist), ``venue``
(artists new to the venue), and ``artist:returns`` and ``venue:returns``, which list pairs that met
already too. A *generation* is one complete set of lists; fold-ins replace single lists of the live
one and are numbered in ``_seq``. Needs the standard library alone, as do all readers but for
`redis`; where `msgspec` is installed, lists are parsed by it.
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from .errors import Unreadable

SCHEMA = 1
"""Version of this contract, in every ``_meta``; grows when an old reader would misread."""
SCORE_DIGITS = 5
"""Significant digits of a published score; the order of a list is exact, whatever they show."""

View = Literal["artist", "artist:returns", "venue", "venue:returns"]
TextView = Literal["artist:name", "venue:name", "artist:info", "venue:info"]
Kind = Literal["model", "foldin", "popular"]

VIEWS: tuple[View, ...] = ("artist", "artist:returns", "venue", "venue:returns")
SIDES: dict[str, tuple[View, ...]] = {"artist": VIEWS[:2], "venue": VIEWS[2:]}
"""The views of each kind of owner."""
TEXTS: tuple[TextView, ...] = ("artist:name", "venue:name", "artist:info", "venue:info")
"""Hashes with one text for each id: the display name, and what else is known of it as JSON."""
HASHES: tuple[View | TextView, ...] = (*VIEWS, *TEXTS)
ADDED: tuple[View | TextView, ...] = ("venue:returns", "artist:info", "venue:info")
"""Hashes that earlier versions did not publish: their generations lack them."""

GENERATION = "_gen"
SEQ = "_seq"
VERSION = "_version"
META = "_meta"
DEFAULT = "_default"

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

# Parsing is the largest part of a look-up in the app; msgspec takes a fifth of the time.
try:
    from msgspec import DecodeError
    from msgspec.json import Decoder
except ImportError:

    def _read_json(value: bytes | str) -> Any:  # noqa: ANN401 - any JSON
        return json.loads(value)
else:
    _parse = Decoder().decode

    def _read_json(value: bytes | str) -> Any:  # noqa: ANN401
        try:
            return _parse(value)
        except (DecodeError, UnicodeError):
            # The standard library decides what is readable and says why not, here and elsewhere.
            return json.loads(value)


@dataclass(frozen=True, slots=True)
class Entry:
    """One list, best first; `ids`, `scores` and `plays` run in parallel.

    Raises:
        ValueError: they differ in length.
    """

    generation: int
    as_of: int
    """From when plays age in its generation, epoch seconds; fold-ins know later gigs too."""
    kind: Kind
    ids: Sequence[str]
    scores: Sequence[float]
    plays: Sequence[int] | None = None
    """How often each pair met so far; in views with returns only."""

    def __post_init__(self) -> None:
        plays = self.ids if self.plays is None else self.plays  # any of the right length
        if not len(self.ids) == len(self.scores) == len(plays):
            raise ValueError("ids, scores and plays differ in length; give one of each per item")

    def encode(self) -> str:
        """Compact JSON, scores rounded to `SCORE_DIGITS`.

        Raises:
            ValueError: a score is not finite.
        """
        if not all(map(math.isfinite, self.scores)):
            raise ValueError(f"a score of {list(self.ids)[:3]}… is not finite")
        head = encode_head(self.generation, self.as_of, self.kind)
        plays = None if self.plays is None else [int(n) for n in self.plays]
        return encode_list(head, map(quoted, self.ids), self.scores, plays)

    @classmethod
    def decode(cls, value: bytes | str) -> "Entry":
        """Read a list.

        Raises:
            Unreadable: it does not follow the contract.
        """
        try:
            read = _read_json(value)
            scores = list(map(float, read["s"]))
            return cls(read["g"], read["t"], read["k"], read["v"], scores, read.get("p"))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Unreadable(
                f"a list in Redis does not follow the contract ({error!r}): publish again with "
                "`gigstream train --once`"
            ) from error


def quoted(identity: str) -> str:
    """An id as JSON."""
    return _encode(identity)


def encode_head(generation: int, as_of: int, kind: Kind) -> str:
    """How lists begin, the same for all that a generation publishes at once.

    Args:
        generation: its number.
        as_of: as in `Entry`.
        kind: as in `Entry`.
    """
    return f'{{"g":{generation},"t":{as_of},"k":"{kind}",'


def encode_list(
    head: str, names: Iterable[str], scores: Sequence[float], plays: Sequence[int] | None
) -> str:
    """A list as text; `Entry.encode` where ids are quoted and scores are checked already.

    Args:
        head: of `encode_head`.
        names: ids, each `quoted`.
        scores: by id, finite.
        plays: as in `Entry`.
    """
    numbers = _scores_format(len(scores)) % tuple(scores)
    counted = "" if plays is None else f',"p":[{",".join(map(str, plays))}]'
    return f'{head}"v":[{",".join(names)}],"s":[{numbers}]{counted}}}'


@cache
def _scores_format(size: int) -> str:
    """One format for all scores of a list: a third faster than one for each number."""
    return ",".join([f"%.{SCORE_DIGITS}g"] * size)


def side_of(view: View | TextView) -> Literal["artist", "venue"]:
    """Whose lists, or names, a view holds."""
    return "venue" if view.startswith("venue") else "artist"


def has_returns(view: View) -> bool:
    """Whether a view lists pairs that met already, with the number of their gigs."""
    return view.endswith(":returns")


def rounded(score: float) -> float:
    """A score as readers get it."""
    return float(f"{score:.{SCORE_DIGITS}g}")


def encode_meta(meta: dict[str, Any]) -> str:
    """The ``_meta`` field."""
    return _encode(meta)


def encode_ids(ids: Sequence[str]) -> str:
    """A JSON array of ids, as change events carry it."""
    return _encode(list(ids))


def encode_info(name: str | None, described: str | None) -> str:
    """An info: a JSON object, or "" where nothing is known.

    Args:
        name: for display.
        described: a JSON object without spaces, whose members follow the name.
    """
    members = [f'"name":{_encode(name)}'] if name else []
    members += [described[1:-1]] if described and described != "{}" else []
    return f"{{{','.join(members)}}}" if members else ""


def field_of(identity: str) -> str:
    """The hash field of an artist or venue id: one more ``_`` before a leading ``_``."""
    return f"_{identity}" if identity.startswith("_") else identity


def id_of(field: str) -> str:
    """The id of a hash field that is not reserved."""
    return field.removeprefix("_")


def is_reserved(field: str) -> bool:
    """Whether a field is ours and no id; holds for reserved fields of later versions too."""
    return field.startswith("_") and not field.startswith("__")  # `__` begins an id


def as_text(value: bytes | str | int) -> str:
    """What Redis answered, whether or not its client decodes answers."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def live_key(prefix: str, view: View | TextView) -> str:
    """The hash that apps read."""
    return f"{prefix}:{view}"


def staging_key(
    prefix: str, view: View | TextView, generation: int, token: int, *, retired: bool = False
) -> str:
    """The hash that a writer builds for a generation.

    Args:
        prefix: of all keys.
        view: what it will be.
        generation: that it is built for.
        token: of its writer.
        retired: instead, the name for an instant of the hash that it replaced.
    """
    kind = "retired" if retired else "staging"
    return f"{live_key(prefix, view)}:{kind}:{generation}-{token}"


def writer_key(prefix: str) -> str:
    """The hash with the writer's registry id and the highest token seen."""
    return f"{prefix}:writer"


def events_key(prefix: str) -> str:
    """The stream, and the channel, that tell of commits and fold-ins."""
    return f"{prefix}:events"
