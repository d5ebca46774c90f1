"""Mutated files of gigs: each is imported or refused in one line, in bounded memory; no crash.

``GIGSTREAM_TEST_FILES`` is how many (400 by default; `make fuzz`: ten thousand). They come from
files of every kind by changes of bytes, encoding and structure, the same ones in every run.
"""

import bz2
import gzip
import io
import json
import lzma
import os
import random
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consumer.events import MAX_ID_BYTES
from consumer.imports.columns import Columns
from consumer.imports.file_set import FileSet
from consumer.imports.findings import Findings
from consumer.imports.problems import BadFile, Ignored
from consumer.imports.survey import Survey
from support.data import case_files as cases
from support.data.workbooks import Day, workbook

COUNT = int(os.environ.get("GIGSTREAM_TEST_FILES", "400"))
MAX_GROWTH_KB = 400 << 10
SEED = 20_260_501
TEXT = (
    "artist_id,venue_id,date,artist,venue,status,id\n"
    'a1,v1,2026-05-01,"Zoë, ""Z"" K.",Café Olé,confirmed,G1\n'
    "a2,v1,2026-05-02,Łódź Kapela,Werft,cancelled,G2\n"
    "a2,v2,2026-05-02 20:00,이정아,Werft 2,,G3\n"
) + "".join(f"a{n % 7},v{n % 5},2026-05-{n % 28 + 1:02},,,,X{n}\n" for n in range(40))
ROWS = [line.split(",") for line in TEXT.splitlines() if '"' not in line]
TOKENS = [
    b'"', b"'", b",", b";", b"\t", b"|", b"\r", b"\n", b"\r\n", b"\x00", b"\x1a", b"\xff\xfe",
    b"\xfe\xff", b"\xef\xbb\xbf", b"sep=;\n", b"{", b"[", b"]", b"}", b"PK\x03\x04", b"\x1f\x8b",
    b"PAR1", b"BZh9", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"<html>", b"%PDF-", b"NULL", b"#REF!",
    b"1.23E+11", b"03/04/2026", b"99999999999999999999", b"-1", b"2026-02-30", b"\xc3", b"\xe4",
    "\u200b".encode(), "\u2028".encode(), b"\\", b"=cmd()", b"x" * 300, b"\xed\xa0\x80",
]  # fmt: skip


def parquet() -> bytes:
    columns = {name: [row[at] for row in ROWS[1:]] for at, name in enumerate(ROWS[0][:3])}
    written = io.BytesIO()
    pq.write_table(pa.table(columns), written)
    return written.getvalue()


def seeds() -> list[bytes]:
    """Files of every kind that are read, and of some that are not."""
    objects = [dict(zip(ROWS[0], row, strict=True)) for row in ROWS[1:]]
    lines = "\n".join(map(json.dumps, objects)).encode()
    contract = [
        {"event_id": row["id"], "time": "2026-01-01T00:00:00Z"}
        | {name: row[name] for name in ("artist_id", "venue_id", "status")}
        for row in objects
    ]
    found = [TEXT.encode(), TEXT.replace(",", ";").encode("cp1252", "replace")]
    found += [TEXT.replace(",", "\t").encode(name) for name in ("utf-16", "utf-16-be", "utf-8-sig")]
    found += [gzip.compress(TEXT.encode()), bz2.compress(TEXT.encode()), lzma.compress(lines)]
    found += [lines, json.dumps(objects).encode(), "\n".join(map(json.dumps, contract)).encode()]
    found += [parquet(), workbook(ROWS), workbook([[row[0], 7, Day(46143)] for row in ROWS])]
    every = (vars(cases)[name] for name in vars(cases) if name.isupper())
    return found + [content for files in every for content in files.values()]


def flip(data: bytearray, rng: random.Random) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def insert(data: bytearray, rng: random.Random) -> None:
    at = rng.choice([0, len(data), rng.randint(0, len(data))])
    data[at:at] = rng.choice(TOKENS) * rng.choice([1, 1, 1, 2, 50])


def delete(data: bytearray, rng: random.Random) -> None:
    at = rng.randint(0, len(data))
    del data[at : at + rng.choice([1, 1, 5, 100])]


def replace(data: bytearray, rng: random.Random) -> None:
    old, new = rng.choice([*TOKENS, b"a", b"2026", b"artist_id", b":"]), rng.choice(TOKENS)
    data[:] = data.replace(old, new, rng.choice([1, -1]))[: 1 << 16]


def truncate(data: bytearray, rng: random.Random) -> None:
    del data[rng.randint(0, len(data)) :]


def repeat(data: bytearray, rng: random.Random) -> None:
    at = rng.randint(0, len(data))
    data[at:at] = data[at // 2 : at] * rng.choice([1, 3])


def transcode(data: bytearray, rng: random.Random) -> None:
    name = rng.choice(["utf-8", "cp1252", "utf-16", "utf-16-le", "utf-32", "shift_jis", "cp037"])
    data[:] = data.decode("utf-8", "replace").encode(name, "replace")


def pack(data: bytearray, rng: random.Random) -> None:
    data[:] = rng.choice([gzip.compress, bz2.compress, lzma.compress])(bytes(data))


MUTATIONS: list[Callable[[bytearray, random.Random], None]] = [
    flip, flip, insert, insert, delete, replace, replace, truncate, repeat, transcode, pack,
]  # fmt: skip


def mutated(count: int) -> Iterator[bytes]:
    rng, every = random.Random(SEED), seeds()
    for number in range(count):
        data = bytearray(every[number % len(every)])
        for _ in range(rng.choice([0, 1, 1, 2, 3, 8])):
            rng.choice(MUTATIONS)(data, rng)
        yield bytes(data)


def check_refusal(line: str) -> None:
    assert "\n" not in line
    assert "; " in line


def imported(path: Path, columns: Columns) -> int:
    """Looks at a file and states its good rows; how many these are, -1 where it is refused."""
    files = FileSet([path], columns=columns)
    try:
        with Findings() as findings:
            survey = Survey(findings)
            files.look(survey, findings)
            seen = survey.finish()
        events = list(files.statements(Ignored()))
    except BadFile as error:
        check_refusal(str(error))
        return -1
    assert all("\n" not in str(problem) for _, problem in findings.first)
    assert sum(each.rows for each in seen.values()) == len(events)
    for event in events:
        for text in (event.event_id, event.artist_id, event.venue_id):
            assert 0 < len(text.encode()) <= MAX_ID_BYTES
    return len(events)


@pytest.mark.timeout(120 + COUNT)
def test_each_mutated_file_is_imported_or_refused_in_one_line(tmp_path):
    ids = Columns(id="id"), Columns(), Columns(header=False)
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = {}
    for number, content in enumerate(mutated(COUNT)):
        path = (
            tmp_path / f"gigs.{random.Random(number).choice(['csv', 'tsv', 'txt', 'xlsx', 'gz'])}"
        )
        path.write_bytes(content)
        try:
            found[number] = imported(path, ids[number % 3])
        except (AssertionError, ValueError, TypeError, LookupError, OSError, ArithmeticError):
            print(f"file {number} of {COUNT}: {content[:400]!r}")
            raise

    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
    refused = sum(count < 0 for count in found.values())
    print(f"{len(found)} files, {refused} refused, {grown_kb >> 10} MiB more")
    assert COUNT // 5 < refused < COUNT * 4 // 5
    assert grown_kb < MAX_GROWTH_KB


def test_a_file_that_unpacks_to_much_more_takes_little_memory(tmp_path):
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for fill in (b"\0", b"a", b"a,b\n", b'"'):
        path = tmp_path / "gigs.csv"
        path.write_bytes(gzip.compress(fill * ((200 << 20) // len(fill)), 1))
        assert imported(path, Columns()) == -1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < MAX_GROWTH_KB
