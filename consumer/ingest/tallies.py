"""How many messages of each source there are, and how many of them broke the event contract."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from consumer.table.schema import raw_headers

Source = str | None
"""Of a message; None: it names none that can be read."""

_HEADERS = ("source", "ce_source")
_NAMED = re.compile(rb'"source"\s{0,8}:\s{0,8}"([^"\\\x00-\x1f]{1,256})"')
_LOOKED_AT = 4096
_DEFAULT = "default"


class Tally(NamedTuple):
    """Messages, and those among them that are dead letters."""

    messages: int
    dead: int

    def plus(self, other: "Tally") -> "Tally":
        """Both together."""
        return Tally(self.messages + other.messages, self.dead + other.dead)


NONE = Tally(0, 0)


def by_source(rows: pa.Table) -> dict[Source, Tally]:
    """The tally of each source in rows with the columns kind, source, raw and raw_headers."""
    dead = Counter(sources(rows.filter(pc.field("kind") == "dead")))
    good = _counts(rows.filter(pc.field("kind") == "event")["source"])
    return {name: Tally(good[name] + dead[name], dead[name]) for name in good.keys() | dead.keys()}


def total(tallies: Mapping[Source, Tally]) -> Tally:
    """All sources together."""
    return Tally(*(sum(each) for each in zip(*tallies.values(), strict=True))) if tallies else NONE


def sources(dead: pa.Table) -> list[Source]:
    """The source of each dead row (columns raw and raw_headers), as far as it can be read."""
    begin = pc.binary_slice(dead["raw"], 0, _LOOKED_AT).to_pylist()
    return list(map(_source, begin, dead["raw_headers"].to_pylist()))


def most_common(rows: pa.Table, source: Source) -> tuple[str, str]:
    """The field that most of a source's dead rows broke, and the reason of one of them."""
    dead = rows.filter(pc.field("kind") == "dead")
    of_it = dead.filter(pa.array([each == source for each in sources(dead)], pa.bool_()))
    field, _ = Counter(of_it["field"].to_pylist()).most_common(1)[0]
    return field, of_it.filter(pc.field("field") == field)["reason"][0].as_py()


def _source(begin: bytes | None, headers: str | None) -> Source:
    for name, value in raw_headers(headers):
        if name.lower() in _HEADERS and value:
            return value.decode(errors="replace")
    named = _NAMED.search(begin or b"")
    if named:
        return named[1].decode(errors="replace")
    return _DEFAULT if (begin or b"").lstrip()[:1] == b"{" else None


def _counts(column: pa.ChunkedArray) -> Counter[Source]:
    return Counter({each["values"]: each["counts"] for each in pc.value_counts(column).to_pylist()})
