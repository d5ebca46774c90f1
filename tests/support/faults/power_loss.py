"""Power cuts at every call of a story of `support.processes.deeds`, and checks of the store.

Words used here:
    moment: how many deeds were asked for and how many of them were done.
    picture: what a reader finds: rows by partition and offset, and positions.
    loss: a picture that may not be, or a store that fails.
"""

import json
import os
import random
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.exceptions import DeltaError

from consumer.errors import ConsumerError
from consumer.store.erase import Erasing
from consumer.store.reader import StoreReader, read_at
from consumer.store.writer import Store
from consumer.table import delta_log, parquet
from consumer.table.delta_log import Span
from consumer.table.schema import SCHEMA
from support.faults.disk import Disk, Tree, build, digest
from support.faults.strace import Call, calls
from support.processes.deeds import ID, STORIES, Batch, app_of

T = TypeVar("T")

SEED = 4
_PARTITIONS = (0, 1)
_TOLD = "told"
_EVERY = 4  # in one of this number of outcomes an interrupted erasure is run again
_PLACE = pa.schema([SCHEMA.field(name) for name in ("partition", "offset")])


class Moment(NamedTuple):
    asked: int
    done: int


class Picture(NamedTuple):
    rows: tuple[tuple[int, int], ...]
    positions: tuple[int, ...]


@dataclass(frozen=True)
class Cut:
    """A power cut: when, after which call (and its number), and what it left."""

    moment: Moment
    number: int
    after: str
    tree: Tree


class Traced:
    """A story, and the calls that it made.

    Args:
        story: one of `STORIES`.
        home: an empty folder to run it in.
    """

    def __init__(self, story: str, home: Path) -> None:
        self.deeds = STORIES[story]
        self._root = home / "root"
        self._root.mkdir()
        self._told = str(home / _TOLD)
        program = ["support.processes.deeds", story, str(store_in(self._root)), self._told]
        self.calls = [call for call in calls(program, home / "trace") if self._is_ours(call)]

    def _is_ours(self, call: Call) -> bool:
        if call.name == "lseek" and "0, SEEK_CUR" in call.flags:
            return False  # where am I?
        names = [call.file[1]] if call.file else [text.decode() for text in call.texts]
        return any(name.startswith((str(self._root), self._told)) for name in names)

    def disk(self) -> Disk:
        return Disk(self._root, skipped=_skipped)

    def really(self) -> Tree:
        """The final state of the story."""
        files = [path for path in self._root.rglob("*") if not _skipped(path.name)]
        return {
            str(path.relative_to(self._root)): None if path.is_dir() else path.read_bytes()
            for path in files
        }

    def syncs(self, deed: int, pattern: str) -> list[int]:
        """Numbers of the calls of a deed that sync such a file or folder."""
        found, moment = [], Moment(0, 0)
        for number, call in enumerate(self.calls):
            if self.tells(call):
                moment = _next(moment, call.texts[0].decode())
            elif (
                call.name in {"fsync", "fdatasync"}
                and moment == (deed + 1, deed)
                and re.fullmatch(pattern, self._named(call))
            ):
                found.append(number)
        return found

    def cuts(self, most: int, *, without: int | None = None) -> Iterator[Cut]:
        """Power cuts before and after every call.

        Args:
            most: outcomes of one cut at most.
            without: number of a call that is left out.
        """
        disk, moment, draw = self.disk(), Moment(0, 0), random.Random(SEED)
        for number, call in enumerate(self.calls):
            if self.tells(call):
                moment = _next(moment, call.texts[0].decode())
            elif number == without or not disk.apply(call) or self._goes_on(number):
                continue
            after = f"call {number}, {call.name} {self._named(call)}"
            yield from (Cut(moment, number, after, tree) for tree in disk.after(most, draw))

    def tells(self, call: Call) -> bool:
        """Whether the call only reports progress of the story."""
        return call.name == "write" and call.file is not None and call.file[1] == self._told

    def _goes_on(self, number: int) -> bool:
        """Whether the next call writes to the same file; its cuts cover one in between."""
        pair = self.calls[number : number + 2]
        return len({(call.name, call.file) for call in pair}) == 1 and pair[-1].name == "write"

    def _named(self, call: Call) -> str:
        name = call.file[1] if call.file else b" to ".join(call.texts).decode()
        return name.replace(f"{self._root}", "").lstrip("/")


def _skipped(name: str) -> bool:
    return name.startswith((".lock", ".writers"))


def store_in(root: Path) -> Path:
    """The store's parent folder is new as well."""
    return root / "home" / "store"


def _next(moment: Moment, said: str) -> Moment:
    what, number = said.split()
    return moment._replace(**{what: int(number) + 1})


def allowed(deeds: Sequence[Batch | str], moment: Moment) -> list[Picture]:
    """What may be found: everything finished, and all or nothing of the current step."""
    found = [_picture(deeds[: moment.done])]
    if moment.asked > moment.done:
        doing = deeds[: moment.asked]
        found.append(_picture(doing))
        if doing[-1] == "erase":
            found.append(_picture(doing, hidden="E"))  # recorded; the files are as before
    return found


def _picture(deeds: Sequence[Batch | str], hidden: str = "ED") -> Picture:
    gone = hidden if "erase" in deeds else ""
    rows: list[tuple[int, int]] = []
    positions = dict.fromkeys(_PARTITIONS, 0)
    for batch in deeds:
        if isinstance(batch, Batch):
            positions[batch.partition] = batch.end
            kept = [n for n, kind in enumerate(batch.said, batch.start) if kind not in f"{gone}."]
            rows += [(batch.partition, n) for n in kept]
    return Picture(tuple(sorted(rows)), tuple(positions.values()))


class Looks:
    """Opens what a power cut left, reads it and continues with it; each outcome once.

    Args:
        scratch: a folder to build in.
    """

    def __init__(self, deeds: Sequence[Batch | str], scratch: Path) -> None:
        self._deeds = deeds
        self._scratch = scratch
        self._seen: dict[bytes, Seen | str] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def loss(self, cut: Cut) -> str:
        """What is wrong with an outcome; empty if nothing is."""
        name = digest(cut.tree)
        if name not in self._seen:
            self._seen[name] = self._in_scratch(cut.tree, _seen)
        seen = self._seen[name]
        if isinstance(seen, str):
            return seen
        may_be = allowed(self._deeds, cut.moment)
        if seen.picture not in may_be:
            return f"found {seen.picture}, not one of {may_be}"
        traces = seen.traces if "erase" in self._deeds[: cut.moment.done] else []
        if name[0] % _EVERY == 0 and self._deeds[cut.moment.done : cut.moment.asked] == ["erase"]:
            again = self._in_scratch(cut.tree, _erased_again)
            if isinstance(again, str):
                return again
            traces = again
        return f"the erased id is in {traces}" if traces else ""

    def _in_scratch(self, tree: Tree, look: Callable[[Path], T]) -> T | str:
        self._scratch.mkdir()
        try:
            build(tree, self._scratch)
            return look(self._scratch)
        except (ConsumerError, DeltaError, OSError, pa.ArrowException, AssertionError) as error:
            return f"{type(error).__name__}: {error}"
        finally:
            shutil.rmtree(self._scratch)


class Seen(NamedTuple):
    """What is found in an outcome, and files that contain the ID."""

    picture: Picture
    traces: list[str]


def _seen(root: Path) -> Seen:
    traces = _traces(root)
    path = store_in(root)
    store, tail = Store.open(path), StoreReader(path)
    chunk, snapshot = tail.read(), delta_log.replay(path)
    assert chunk is not None
    assert snapshot is not None
    assert read_at(path, chunk.version).events.equals(chunk.events)
    dead = [parquet.read(path, f, _PLACE) for f in snapshot.files.values() if f.kind == "dead"]
    rows = pa.concat_tables([chunk.events.select(_PLACE.names), *dead]).to_pylist()
    places = sorted((row["partition"], row["offset"]) for row in rows)
    positions = tuple(chunk.positions.get(app_of(number), 0) for number in _PARTITIONS)
    _go_on(store, tail, positions[0])
    return Seen(Picture(tuple(places), positions), traces)


def _go_on(store: Store, tail: StoreReader, position: int) -> None:
    """Store and read the next batch."""
    batch = Batch(position, "ed")
    store.append(batch.table(), {app_of(0): Span(position or None, batch.end)})
    chunk = tail.read()
    assert chunk is not None
    assert chunk.positions[app_of(0)] == batch.end
    assert chunk.events["offset"].to_pylist() == [position]


def _erased_again(root: Path) -> list[str]:
    """Run an interrupted erasure again."""
    Erasing(path=store_in(root), side="artist", identity=ID).run({})
    return _traces(root)


def _traces(root: Path) -> list[str]:
    return [str(file.relative_to(root)) for file in root.rglob("*") if _speaks(file)]


def _speaks(file: Path) -> bool:
    if file.is_dir():
        return False
    found = file.read_bytes()
    if file.suffix == ".parquet":
        with suppress(pa.ArrowInvalid):  # torn
            found += repr(pq.ParquetFile(file).read().to_pylist()).encode()
    return ID.encode() in found


def whole(story: str, most: int, home: Path) -> dict[str, object]:
    """Every power cut of a story, with a limited number of outcomes each. Returns what was lost."""
    traced = Traced(story, home)
    looks, losses, cuts = Looks(traced.deeds, home / "scratch"), dict[str, str](), 0
    for cut in traced.cuts(most):
        cuts += 1
        if loss := looks.loss(cut):
            losses.setdefault(loss, cut.after)
    return {"calls": len(traced.calls), "cuts": cuts, "outcomes": len(looks), "losses": losses}


def first_loss(traced: Traced, without: int, scratch: Path, most: int) -> str:
    """The first loss where one call was left out; empty where there is none."""
    looks = Looks(traced.deeds, scratch)
    later = (cut for cut in traced.cuts(most, without=without) if cut.number > without)
    return next(filter(None, map(looks.loss, later)), "")


def _main(most: str = "64") -> None:
    """Prints a line for each story; exit 1 after a loss."""
    lost = False
    for story in STORIES:
        with tempfile.TemporaryDirectory() as home:
            found = whole(story, int(most), Path(home))
        print(json.dumps({"story": story, **found}), flush=True)
        lost = lost or bool(found["losses"])
    sys.exit(lost)


if __name__ == "__main__":
    os.fsync = lambda _: None  # nothing is cut off while we look
    _main(*sys.argv[1:])
