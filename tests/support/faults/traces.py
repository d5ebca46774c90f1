"""Finds a text in files (also decompressed) and in every key and value of Redis."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import redis

from support.processes.running import until


def files_with(folder: Path, *texts: str) -> list[str]:
    """Files below a folder that hold one of these texts, in UTF-8 or as JSON escapes it."""
    spellings = [s for t in texts for s in (t.encode(), json.dumps(t)[1:-1].encode())]
    while True:
        try:
            return [
                str(file.relative_to(folder))
                for file in sorted(folder.rglob("*"))
                if file.is_file() and any(spelling in content(file) for spelling in spellings)
            ]
        except FileNotFoundError:  # renamed meanwhile, perhaps: it is to be read all the same
            continue


def content(file: Path) -> bytes:
    """Of Parquet, what its pages hold once they are decompressed, too."""
    found = [file.read_bytes()]
    if file.suffix == ".parquet":
        for row in until(lambda: _rows(file)):
            found += [v if isinstance(v, bytes) else str(v).encode() for v in row.values()]
    return b"\n".join(found)


def _rows(file: Path) -> list[dict[str, Any]]:
    """None while somebody is still writing it."""
    try:
        return pq.ParquetFile(file).read().to_pylist()
    except pa.ArrowInvalid:
        return []


def keys_with(client: redis.Redis, *texts: str) -> list[str]:
    """Keys of a whole server that hold one of these texts in name, field or value."""
    read: dict[bytes, Any] = {
        b"none": lambda _: None,  # gone since it was listed
        b"hash": client.hgetall,
        b"stream": client.xrange,
        b"string": client.get,
    }
    return [
        key.decode()
        for key in client.scan_iter()
        if any(text in f"{key!r} {read[client.type(key)](key)!r}" for text in texts)
    ]
