"""``python -m support.processes.deeds STORY STORE TOLD``: all that is ever done, on a small store.

Before each deed and after it its number goes to the file TOLD: "asked 3", "done 3". Stories:

    plain: batches, a compaction, checkpoints, clean-ups and an erasure, one after another.
    killed: the same, but each deed first dies (SIGKILL) at its every `fsync`; the next process
        continues from what it finds.
    killed erasing: that with a clean-up and an erasure.
"""

import itertools
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa

from consumer.ingest import rows
from consumer.maintenance import compaction, vacuum
from consumer.store.erase import Erasing
from consumer.store.writer import Store
from consumer.table import delta, schema
from consumer.table.delta_log import Span
from support.data.records import gig, message

ID = "kopis:artist-7"


@dataclass(frozen=True)
class Batch:
    """Records from an offset on.

    Attributes:
        said: e an event, d a dead letter, E and D those that contain the ID, . no row.
    """

    start: int
    said: str
    partition: int = 0

    @property
    def end(self) -> int:
        return self.start + len(self.said)

    def table(self) -> pa.Table:
        made = {
            "e": gig,
            "E": lambda n: gig(n, artist_id=ID),
            "d": lambda _: b"?",
            "D": lambda n: json.dumps({"n": n, "artist_id": ID}).encode(),
        }
        messages = [
            message(n, made[kind](n), partition=self.partition)
            for n, kind in enumerate(self.said, self.start)
            if kind != "."
        ]
        return rows.table(messages, topic_id="T") if messages else schema.SCHEMA.empty_table()


def app_of(partition: int) -> str:
    return f"c/t/{partition}"


class Deeds:
    """What can be done to a store; each may be done again where it was cut short.

    Args:
        path: the store.
        lasting: one consumer lives through all of it; else a new one for each batch.
    """

    def __init__(self, path: Path, *, lasting: bool) -> None:
        self._path = path
        self._lasting = lasting
        self._store: Store | None = None

    def append(self, batch: Batch) -> None:
        if self._store is None or not self._lasting:
            self._store = Store.open(self._path)
        app = app_of(batch.partition)
        if (self._store.positions([app])[app] or 0) < batch.end:
            span = Span(batch.start or None, batch.end)
            self._store.append(batch.table(), {app: span})

    def other_dies(self) -> None:
        """What another writer leaves that is killed before its first `fsync`."""
        (self._path / "kind=dead").mkdir()

    def compact(self) -> None:
        compaction.FEWEST = 2
        compaction.compact(self._path, on_step=lambda _: None)

    def checkpoint(self) -> None:
        delta.write_checkpoint(self._path)

    def clean(self) -> None:
        vacuum.vacuum(self._path, grace_s=0)
        vacuum.clean_log(self._path)

    def erase(self) -> None:
        Erasing(path=self._path, side="artist", identity=ID).run({})


PLAIN: Sequence[Batch | str] = [
    Batch(0, "eeEe"),
    "other_dies",
    Batch(4, "dDd"),
    Batch(7, ".."),
    Batch(0, "ed", partition=1),
    "compact",
    Batch(9, "e"),
    "checkpoint",
    Batch(10, "d"),
    "checkpoint",
    "clean",
    Batch(11, "eE"),
    "erase",
    Batch(13, "eEeD"),
    "checkpoint",
    Batch(17, "."),
]
KILLED: Sequence[Batch | str] = [
    Batch(0, "ed"),
    Batch(2, "e"),
    "compact",
    "checkpoint",
    Batch(3, "."),
]
KILLED_ERASING: Sequence[Batch | str] = [
    *KILLED,
    Batch(4, "eE"),
    "checkpoint",
    "clean",
    "erase",
    Batch(6, "ed"),
]
STORIES = {"plain": PLAIN, "killed": KILLED, "killed erasing": KILLED_ERASING}


def tell(path: Path, said: str) -> None:
    """A line for who reads the trace."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    os.write(descriptor, said.encode())
    os.close(descriptor)


def _main(story: str, store: str, told: str) -> None:
    deeds = Deeds(Path(store), lasting=story == "plain")
    for number, what in enumerate(STORIES[story]):
        tell(Path(told), f"asked {number}")
        do = getattr(deeds, what) if isinstance(what, str) else partial(deeds.append, what)
        if story == "plain":
            do()
        else:
            _insist(do)
        tell(Path(told), f"done {number}")


def _insist(do: Callable[[], None]) -> None:
    """A process that dies at its first `fsync`, one that dies at its second, until one lives."""
    for number in itertools.count():
        child = os.fork()
        if not child:
            os.fsync = _dying(number)
            do()
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            return


def _dying(number: int) -> Callable[[int], None]:
    left, real = iter(range(number)), os.fsync

    def fsync(descriptor: int) -> None:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        real(descriptor)

    return fsync


if __name__ == "__main__":
    _main(*sys.argv[1:])
