"""Which records a store holds, in 23 bytes each: topic, partition, offset, kind and print."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from consumer import log, parts
from consumer.prints import READ, prints

KINDS = ("event", "dead")
"""Kinds of rows that are records of Kafka; others are people's decisions."""

_FIELDS = [
    ("topic", np.int32),
    ("partition", np.int32),
    ("offset", np.int64),
    ("print", np.uint32),
    ("kind", np.int8),
]
_AT_ONCE = 100_000
PLACE = np.dtype(_FIELDS)


class Rows(NamedTuple):
    """Rows of one partition, by offset; equal offsets are rows of the same record."""

    offset: NDArray[np.int64]
    print: NDArray[np.uint32]
    kind: NDArray[np.int8]


class Places:
    """All rows that are records, of all topics.

    Args:
        topics: topic ids; the rows' `topic` is an index into it.
        rows: of type `PLACE`, in any order.
    """

    def __init__(self, topics: Iterable[str], rows: NDArray[np.void]) -> None:
        self._topics = list(topics)
        order = np.lexsort((rows["offset"], rows["partition"], rows["topic"]))
        self._columns = {name: rows[name][order] for name, _ in _FIELDS}

    def __len__(self) -> int:
        return len(self._columns["offset"])

    @classmethod
    def of(cls, path: Path, files: Iterable[log.File]) -> Self:
        """Those of a store's files.

        Raises:
            FileNotFoundError: one is gone.
            StoreDamaged: one cannot be read.
        """
        topics: dict[str, int] = {}
        found = [
            placed(rows, file.kind, topics)
            for file in files
            if file.kind in KINDS
            for rows in parts.stream(path, file, READ, _AT_ONCE)
        ]
        return cls(topics, np.concatenate([np.empty(0, PLACE), *found]))

    def of_partition(self, topic_id: str, partition: int) -> Rows:
        """Those of one partition."""
        at = slice(0, 0)
        if topic_id in self._topics:
            at = self._run("topic", self._topics.index(topic_id), slice(0, len(self)))
            at = self._run("partition", partition, at)
        return Rows(*(self._columns[name][at] for name in Rows._fields))

    def others(self, topic_id: str, partitions: Iterable[int]) -> int:
        """How many rows are of other topics than these partitions of that one."""
        return len(self) - sum(len(self.of_partition(topic_id, n).offset) for n in partitions)

    def _run(self, field: str, value: int, within: slice) -> slice:
        start, end = np.searchsorted(self._columns[field][within], [value, value + 1])
        return slice(within.start + int(start), within.start + int(end))


def placed(rows: pa.Table, kind: str, topics: dict[str, int]) -> NDArray[np.void]:
    """Rows of one kind; new topics are added to `topics`."""
    table = np.empty(len(rows), PLACE)
    encoded = rows["topic_id"].combine_chunks().dictionary_encode()
    numbers = [topics.setdefault(name, len(topics)) for name in encoded.dictionary.to_pylist()]
    if len(rows):
        codes = encoded.indices.to_numpy(zero_copy_only=False)
        table["topic"] = np.asarray(numbers, np.int32)[codes]
    table["partition"] = rows["partition"].to_numpy()
    table["offset"] = rows["offset"].to_numpy()
    table["print"] = prints(rows)
    table["kind"] = KINDS.index(kind)
    return table
