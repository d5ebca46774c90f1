"""Grow the corpus: ``PYTHONPATH=tests:. python -m fuzz.grow SECONDS``, with atheris installed.

libFuzzer mutates the committed inputs and keeps what reaches new branches of the decoder; what is
refused for a new reason is kept as well, since msgspec's own branches are out of its sight. The
corpus is then made small again: of all that reach the same, the smallest input stays.
"""

import hashlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from consumer.events import (
    InvalidEvent,
    Tombstone,
    cloudevents,
    codec,
    decode,
    framing,
    headers,
    invalid,
    lenient,
    limits,
    statement,
    statuses,
    tombstones,
    units,
)
from consumer.registry import avro
from support.data.fuzzed import CORPUS, TOKENS, Fuzzed, corpus, keep, parsed, unframed, written

WATCHED = {
    str(module.__file__)
    for module in (
        *(
            avro,
            cloudevents,
            codec,
            framing,
            headers,
            invalid,
            lenient,
            limits,
            statement,
            statuses,
        ),
        *(tombstones, units),
    )
}
NOW_MS = 1_541_000_000_000
GIG = {"event_id": "e", "artist_id": "a", "venue_id": "v", "time": 100_000_000_000}
VENUE = ("lat", "lng", "city", "country", "capacity")


def outcome(record: Fuzzed) -> tuple[str, ...]:
    """What became of it, in words that do not repeat its content."""
    stamp_ms = 0 if record.stamp_ms is None else record.stamp_ms
    try:
        said = decode(
            record.value,
            key=record.key,
            headers=record.headers,
            record_ms=stamp_ms,
            now_ms=NOW_MS,
            unframe=unframed,
        )
    except InvalidEvent as error:
        return error.field if error.field in KNOWN else "header", re.sub(r"\d+", "#", error.problem)
    if isinstance(said, Tombstone):
        return ("tombstone", said.source == "default")
    return (said.status, *(name for name in OPTIONAL if getattr(said, name) is not None))


KNOWN = {*invalid.REMEDIES}
OPTIONAL = ("version", "starts_at_ms", "artist_name", "venue_name", "venue", "artist", "extra")


def reached(written: bytes) -> set[object]:
    """The branches (line to line) that an input takes, and its outcome."""
    arcs: set[object] = set()

    def lines(frame: FrameType):
        name, last = frame.f_code.co_filename, 0

        def line(_frame: FrameType, _event: str, _arg: object):
            nonlocal last
            arcs.add((name, last, _frame.f_lineno))
            last = _frame.f_lineno
            return line

        return line

    def trace(frame: FrameType, _event: str, _arg: object):
        return lines(frame) if frame.f_code.co_filename in WATCHED else None

    sys.settrace(trace)
    try:
        found = outcome(parsed(written))
    finally:
        sys.settrace(None)
    return arcs | {found}


def smallest(inputs: Iterator[bytes]) -> list[bytes]:
    """The smallest inputs that together reach all that these do."""
    known: set[object] = set()
    kept = []
    for each in sorted(set(inputs), key=lambda found: (len(found), found)):
        new = reached(each) - known
        if new:
            known |= new
            kept.append(each)
    return kept


def seeds() -> list[bytes]:
    """One input of each way to say something, right and wrong."""
    cloud = {"ce_specversion": b"1.0", "ce_id": b"1", "ce_source": b"/s", "ce_type": b"t"}
    envelope = {"specversion": "1.0", "id": "1", "source": "/s", "type": "gig.cancelled"}
    structured = [("content-type", b"application/cloudevents+json")]
    framed = b"\0\0\0\0\1\2e\2a\2v\0" + bytes(9)
    more = [
        *({"status": each} for each in (*statuses.STATUSES, "EventCancelled", "sold out")),
        *({field: wrong} for field in KNOWN for wrong in (None, "", -1, 1.5, {}, "2018-10-31")),
        *({"venue": {name: wrong}} for name in VENUE for wrong in (None, 7, "x", -(10**9))),
        *({"artist": {"genres": wrong}} for wrong in (None, ["x"], [1])),
    ]
    plain = [json.dumps(GIG | each).encode() for each in more]
    return [
        *(written(each) for each in plain),
        *(written(each, headers=[*cloud.items()]) for each in plain),
        *(
            written(each, headers=[*{**cloud, name: b""}.items()])
            for name in cloud
            for each in plain
        ),
        *(
            written(json.dumps({**envelope, **each, "data": GIG}).encode(), headers=structured)
            for each in more
        ),
        written(None),
        written(None, headers=[("source", b"s")]),
        written(framed),
        written(framed, headers=[*cloud.items()]),
        written(b"\0\0\0\0\2" + plain[0]),
        written(b"\1" + bytes(16) + plain[0]),
        written(plain[0], headers=[("__value_schema_id", b"\0\0\0\0\2")]),
    ]


def grow(seconds: int) -> None:
    import atheris  # noqa: PLC0415 - the rest needs none

    folder = Path(tempfile.mkdtemp(prefix="gigstream-fuzz-"))
    for each in [*seeds(), *(corpus() if CORPUS.exists() else [])]:
        save(folder, each)
    tokens = folder.with_suffix(".dict")
    quoted = ("".join(f"\\x{byte:02x}" for byte in token) for token in TOKENS if len(token) < 60)
    tokens.write_text("".join(f'"{token}"\n' for token in quoted))
    seen: set[tuple[str, ...]] = set()

    def one(data: bytes) -> None:
        found = outcome(parsed(data))
        if found not in seen:
            seen.add(found)
            save(folder, data)

    for module in (
        avro,
        cloudevents,
        codec,
        framing,
        headers,
        invalid,
        limits,
        statement,
        statuses,
    ):
        instrument(atheris, module)
    options = [f"-max_total_time={seconds}", "-max_len=1000", "-timeout=10", f"-dict={tokens}"]
    child = os.fork()
    if not child:  # libFuzzer ends the process that it runs in
        atheris.Setup([sys.argv[0], str(folder), *options], one)
        atheris.Fuzz()
    _, status = os.waitpid(child, 0)
    if status:
        print(f"libFuzzer found a fault; its input lies in {Path.cwd()}")
    compact(folder)


def instrument(atheris, module) -> None:
    for found in vars(module).values():
        if getattr(found, "__module__", None) == module.__name__ and hasattr(found, "__code__"):
            atheris.instrument_func(found)


def compact(folder: Path) -> None:
    """Put the smallest inputs of a folder into the corpus."""
    inputs = [path.read_bytes() for path in folder.iterdir()]
    found = smallest(iter([*inputs, *(corpus() if CORPUS.exists() else [])]))
    keep(found)
    print(f"{len(found)} of {len(inputs)} inputs kept, {CORPUS.stat().st_size:,} bytes")


def save(folder: Path, data: bytes) -> None:
    (folder / hashlib.sha256(data).hexdigest()[:20]).write_bytes(data)


if __name__ == "__main__":
    if Path(sys.argv[1]).is_dir():
        compact(Path(sys.argv[1]))
    else:
        grow(int(sys.argv[1]))
