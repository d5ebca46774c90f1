"""Records for fuzzing: their text form, and an endless sequence of mutations of a corpus.

An input is the bytes of a small message: ``STAMP KEY``, a line ``NAME: VALUE`` for each header, an
empty line, the value. Without the empty line there is no value (a tombstone), without the space no
key, without the colon no header's value. Any bytes are some input, so a fuzzer may do as it likes.
"""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from confluent_kafka import Message

from consumer.events import DAY_MS, MAX_MS, MAX_START_MS, MIN_MS, STATUSES, InvalidEvent
from consumer.events.framing import Frame
from consumer.registry import avro

ROOT = Path(__file__).parents[3]
CORPUS = ROOT / "tests" / "fuzz" / "corpus.json"
TOKENS = [
    *(b"event_id", b"artist_id", b"venue_id", b"time", b"source", b"status", b"version"),
    *(b"starts_at", b"artist_name", b"venue_name", b"venue", b"artist", b"lat", b"lng", b"genres"),
    *(b"capacity", b"city", b"country", b"cloudevents", b"specversion", b"data", b"data_base64"),
    *(
        b"datacontenttype",
        b"subject",
        b"type",
        b"id",
        b"content-type: ",
        b"ce_id: ",
        b"ce_source: ",
    ),
    *(b"ce_type: ", b"ce_time: ", b"ce_subject: ", b"ce_specversion: 1.0", b"__value_schema_id: "),
    *(b"source: ", b"application/json", b"application/cloudevents+json", b"text/json", b"+json"),
    *(b"application/cloudevents-batch+json", b"; charset=utf-8", b"null", b"true", b"{}", b"[]"),
    *(
        b'""',
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b":",
        b",",
        b"\\",
        b"\\u0000",
        b"\\ud800",
        b"\n",
        b"\n\n",
    ),
    *(
        b"\0\0\0\0\1",
        b"\0",
        b"\1",
        b"\x7f",
        b"\x80",
        b"\xff",
        b"\xc3\xa9",
        b"-1",
        b"0",
        b"1.0",
        b"1e3",
    ),
    *(b"1541000000000", b"9223372036854775807", b"9223372036854775808", b"253402300799999"),
    *(b"-62135596800000", b"2018-10-31T12:00:00Z", b"2018-10-31", b"+01:00", b"2018-02-30", b"Z"),
    *(b"cancelled", b"EventCancelled", b"https://schema.org/", b"confirmed", b"NaN", b"1e999"),
    *(b"schema", b"payload", b"20514", b"1772366400", b"TENTATIVE", b"cancelled by", b"sold out"),
    *(b"x" * 257, b"[" * 2000, b'{"a":' * 200),
    *(b"[" * 62, b"[" * 63, b'{"a":' * 64, b"[" * 990, b'{"a":' * 995, b"[]" * 40, b"}" * 64),
    *(b"x" * 1_001, b"a" * 4_097, b"-" * 9_000, b'\\"' * 3_000, b"\xef\xbb\xbf"),
    *(b"\n\xff\xfe: x", b"\n\xc3: ", b"\ngigstream-incomplete: x", b"\nh: " + b"y" * 9_000),
    *(b"schema", b"payload", b"before", b"after", b"op", b"Infinity", b"\nx: y" * 257),
]
DEFAULT_STAMP_MS = 1_541_000_000_000
CREATE_TIME, NO_TIME = 1, 0

_reader = avro.Reader((ROOT / "docs" / "contract" / "event.avsc").read_text("utf-8"))


class Fuzzed(NamedTuple):
    """A record without its position in Kafka.

    Attributes:
        raw_headers: their names are any bytes, which only librdkafka itself sends as they are.
        stamp_ms: None: without a timestamp.
    """

    value: bytes | None
    key: bytes | None
    raw_headers: list[tuple[bytes, bytes | None]]
    stamp_ms: int | None

    @property
    def headers(self) -> list[tuple[str, bytes | None]]:
        """As far as Python's client takes them."""
        return [(name.decode(errors="replace"), value) for name, value in self.raw_headers]

    @property
    def is_raw(self) -> bool:
        return any(name.decode(errors="ignore").encode() != name for name, _ in self.raw_headers)

    def message(self, offset: int, partition: int = 0) -> Message:
        stamp = (NO_TIME, -1) if self.stamp_ms is None else (CREATE_TIME, self.stamp_ms)
        return Message(
            topic="gigs",
            partition=partition,
            offset=offset,
            key=self.key,
            value=self.value,
            headers=self.headers or None,
            timestamp=stamp,
        )


def parsed(written: bytes) -> Fuzzed:
    """The record that an input stands for."""
    head, ends, value = written.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    stamp, has_key, key = first.partition(b" ")
    return Fuzzed(
        value if ends else None,
        key if has_key else None,
        [_header(line) for line in lines if line],
        _stamp_ms(stamp),
    )


def written(
    value: bytes | None,
    *,
    key: bytes | None = b"e1",
    headers: list[tuple[str, bytes | None]] | None = None,
    stamp: bytes = b"1541000000000",
) -> bytes:
    """The input that stands for a record."""
    lines = [
        name.encode() + (b"" if held is None else b": " + held) for name, held in headers or ()
    ]
    first = stamp + (b"" if key is None else b" " + key)
    return b"\n".join([first, *lines]) + (b"" if value is None else b"\n\n" + value)


def unframed(frame: Frame) -> bytes:
    """A registry that returns one schema for every id, which most payloads do not match."""
    if isinstance(frame.schema, int) and frame.schema % 5 == 0:
        raise InvalidEvent("value", frame.payload, "names a schema", "register it")
    if isinstance(frame.schema, int) and frame.schema % 5 == 1:
        try:
            return _reader(frame.payload)
        except avro.Unreadable as error:
            raise InvalidEvent("value", frame.payload, str(error), "send Avro") from None
    return frame.payload


def corpus() -> list[bytes]:
    """The inputs that a fuzzer found worth keeping."""
    return [text.encode("latin-1") for text in json.loads(CORPUS.read_text("utf-8"))]


def keep(inputs: list[bytes]) -> None:
    """Write the corpus, smallest first, one input a line."""
    lines = [
        json.dumps(each.decode("latin-1")) for each in sorted(inputs, key=lambda i: (len(i), i))
    ]
    CORPUS.write_text("[\n" + ",\n".join(lines) + "\n]\n", "utf-8")


def mutations(seed: int) -> Iterator[Fuzzed]:
    """Records for ever: those of the corpus first, then what comes of changing them.

    Every second one begins as a whole gig with fields at the edges of what is taken: changed
    bytes alone are too rarely valid to tell one decoder from another.
    """
    inputs, chance = corpus(), random.Random(seed)
    yield from map(parsed, inputs)
    while True:
        whole = chance.random() < 0.5
        mutant = bytearray(_gig(chance) if whole else chance.choice(inputs))
        for _ in range(int(chance.expovariate(1.5 if whole else 0.7)) + (not whole)):
            chance.choice(_MUTATIONS)(mutant, chance, inputs)
        yield parsed(bytes(mutant[:20_000]))


_IDS = ["e", "é" * 128, "é" * 129, "x" * 255, "x" * 256, "x" * 257, "a\x7f", "\x85", "日本", "", 7]
_TEXTS = [{"name": "x"}, 42, True, "x", "", None, 'say "hi"', "\u2028", "\x00", "😀", ["x"]]
_STAMPS = [0, DEFAULT_STAMP_MS, DEFAULT_STAMP_MS - 1, MAX_MS, MIN_MS]
_TIMES = [DAY_MS, DAY_MS + 1, DAY_MS - 1, 0, 1, -1, -MAX_START_MS]
_STARTS = [MAX_START_MS, MAX_START_MS + 1, MAX_START_MS - 1, 0, -1, -DAY_MS]
_STATUSES = [
    *("EventMovedOnline", "schema:EventCancelled", "https://www.schema.org/EventCancelled/"),
    *("TENTATIVE", "sold out", "hold", "", " ", "CANCELLED_BY_ARTIST", "not cancelled", "annulé"),
    *(*STATUSES, "canceled", "CANCELLED", " confirmed ", "EventCancelled", "eventscheduled"),
    *("https://schema.org/EventPostponed", "http://schema.org/EventRescheduled", "Event", None, 1),
]
_VERSIONS = [0, 1, None, -1, 2**63 - 1, 2**63, 1.0, "1", " 7 ", "", 1e300, "1.0", [1]]
_VENUES = [
    *(None, {}, {"lat": 90, "lng": -180.0, "city": "x", "country": None, "capacity": 2**63 - 1}),
    *(
        "Werft",
        "",
        {"lat": "53.54", "lng": "x"},
        {"lat": 0.0, "city": {"name": "x"}, "country": ""},
    ),
    *(
        {"capacity": "1200"},
        {"capacity": 1200.0},
        {"capacity": ""},
        {"city": {"a": 1}, "lat": True},
    ),
    *({"lat": 90.0000001}, {"lng": "1"}, {"lat": -90, "x": {"y": [1.10]}}, {"capacity": -1}, []),
]
_OTHER_UNITS = [
    0,
    20_514,
    20_261_205,
    1_772_366_400,
    10**11,
    10**11 - 1,
    -(10**11),
    1772366400000000,
]
_ARTISTS = [
    *("", [{"genres": ["a"]}], {"genres": "a"}, {"genres": ["a", None]}, {"genres": [["a"]]}),
    {"genres": [{"name": "a"}]},
]
_ARTISTS += [None, {}, {"genres": ["a", ""]}, {"genres": []}, {"genres": [1]}, {"x": 1}, "x"]


def _gig(chance: random.Random) -> bytes:
    stamp_ms = chance.choice(_STAMPS)
    time_ms = stamp_ms + chance.choice(_TIMES)
    start_ms = time_ms + chance.choice(_STARTS)
    optional = {
        "source": _IDS,
        "status": _STATUSES,
        "version": _VERSIONS,
        "starts_at": [
            start_ms,
            _instant(start_ms),
            _instant(start_ms)[:10],
            None,
            "",
            *_OTHER_UNITS,
        ],
        "artist_name": _TEXTS,
        "venue_name": _TEXTS,
        "venue": _VENUES,
        "artist": _ARTISTS,
        "more": [1, 1.10, "x", {"a": None}],
    }
    fields = {"event_id": "e1", "artist_id": "a1", "venue_id": "v1"}
    fields["time"] = chance.choice([time_ms, _instant(time_ms), chance.choice(_OTHER_UNITS)])
    if chance.random() < 0.3:
        fields[chance.choice(["event_id", "artist_id", "venue_id"])] = chance.choice(_IDS)
    for name in chance.sample([*optional], chance.choice((0, 1, 1, 2, 3))):
        fields[name] = chance.choice(optional[name])
    ascii_only, separators = (
        chance.random() < 0.5,
        chance.choice([None, (",", ":"), (" , ", "\t: ")]),
    )
    text = json.dumps(fields, ensure_ascii=ascii_only, separators=separators)
    return written(text.encode(), headers=chance.choice(_HEADS), stamp=str(stamp_ms).encode())


def _instant(milliseconds: int) -> str:
    try:
        found = EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return "0000-00-00T00:00:00Z"
    return found.isoformat().replace("+00:00", "Z")


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CLOUD = [("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_source", b"/s"), ("ce_type", b"t")]
_HEADS = [
    None,
    None,
    None,
    None,
    [("trace", b"1")],
    [("content-type", b"application/json")],
    _CLOUD,
]


def _header(line: bytes) -> tuple[bytes, bytes | None]:
    name, has_value, value = line.partition(b": ")
    return name.replace(b"\0", b"?"), value if has_value else None


def _stamp_ms(stamp: bytes) -> int | None:
    if stamp == b"-":
        return None
    try:
        return min(max(int(stamp[:20]), 2 * MIN_MS), 2 * MAX_MS)
    except ValueError:
        return DEFAULT_STAMP_MS


def _place(mutant: bytearray, chance: random.Random) -> int:
    return chance.randrange(len(mutant) + 1)


def _flip(mutant: bytearray, chance: random.Random, _: list[bytes]) -> None:
    if mutant:
        mutant[chance.randrange(len(mutant))] ^= 1 << chance.randrange(8)


def _insert(mutant: bytearray, chance: random.Random, _: list[bytes]) -> None:
    place = _place(mutant, chance)
    mutant[place:place] = chance.randbytes(1 + chance.randrange(4))


def _token(mutant: bytearray, chance: random.Random, _: list[bytes]) -> None:
    place = _place(mutant, chance)
    mutant[place : place + chance.choice((0, 0, 1, 8))] = chance.choice(TOKENS)


def _between(mutant: bytearray, chance: random.Random, _: list[bytes]) -> None:
    """Insert a token before or after a delimiter."""
    places = [place for place, byte in enumerate(mutant) if byte in b'{}[]:,"']
    if places:
        place = chance.choice(places) + chance.randrange(2)
        mutant[place:place] = chance.choice(TOKENS)


def _swap(mutant: bytearray, chance: random.Random, _: list[bytes]) -> None:
    """Replace one token by another."""
    old, new = chance.choice(TOKENS), chance.choice(TOKENS)
    place = mutant.find(old)
    if place >= 0:
        mutant[place : place + len(old)] = new


def _cut(mutant: bytearray, chance: random.Random, _: list[bytes]) -> None:
    start = _place(mutant, chance)
    del mutant[start : start + 1 + int(chance.expovariate(0.1))]


def _end(mutant: bytearray, chance: random.Random, _: list[bytes]) -> None:
    del mutant[_place(mutant, chance) :]


def _splice(mutant: bytearray, chance: random.Random, inputs: list[bytes]) -> None:
    """Splice the beginning of one with the end of another."""
    other = chance.choice(inputs)
    mutant[_place(mutant, chance) :] = other[chance.randrange(len(other) + 1) :]


def _body(mutant: bytearray, chance: random.Random, inputs: list[bytes]) -> None:
    """Combine the headers of one with the value of another."""
    head, ends, _ = bytes(mutant).partition(b"\n\n")
    mutant[:] = head + (ends or b"\n\n") + chance.choice(inputs).partition(b"\n\n")[2]


def _digit(mutant: bytearray, chance: random.Random, _: list[bytes]) -> None:
    digits = [place for place, byte in enumerate(mutant) if 48 <= byte <= 57]
    if digits:
        mutant[chance.choice(digits)] = 48 + chance.randrange(10)


_MUTATIONS = (
    _flip,
    _insert,
    _token,
    _between,
    _between,
    _swap,
    _cut,
    _end,
    _splice,
    _body,
    _digit,
    _digit,
)
