"""A model of a disk that loses power: which states may remain after a given sequence of calls.

Words used here:
    pending: done and not asked to be on the disk since (`fsync` of that file or folder).
    change: names of a folder that one call gives and takes; a rename is one change.
    cut: a file with a part of its pending bytes: none, up to the half, up to a line's end, all,
        and as many zeros in their place.

Assumed of a file system: what was synced is there; a change is made whole or not at all; nothing
else. Pending changes of the same folder may be lost in any combination, whatever their order.
"""

import hashlib
import itertools
import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.faults.strace import Call

_ALL = 256
"""Up to this number all combinations are tried; beyond it, this number of samples."""

Tree = Mapping[str, bytes | None]
"""A state: content by relative path, None for a folder."""


@dataclass(eq=False)
class File:
    """A file's bytes: those on the disk, and the pending writes (offset and bytes)."""

    synced: bytes = b""
    pending: list[tuple[int, bytes]] = field(default_factory=list)

    def write(self, at: int, data: bytes) -> None:
        # Writes in a row are one: a power cut between them is one of its cuts.
        if self.pending:
            start, before = self.pending[-1]
            if at == start + len(before):
                self.pending.pop()
                at, data = start, before + data
        self.pending.append((at, data))

    def content(self) -> bytes:
        return _written(self.synced, self.pending)

    def sync(self) -> None:
        self.synced, self.pending = self.content(), []

    def cuts(self) -> list[bytes]:
        found = [self.synced]
        for number, (at, data) in enumerate(self.pending):
            before = self.pending[:number]
            line, half = data.find(b"\n") + 1, len(data) // 2
            parts = [data[:half], data[:line], bytes(len(data)), data]
            found += [_written(self.synced, [*before, (at, part)]) for part in parts]
        return list(dict.fromkeys(found))


def _written(data: bytes, writes: Sequence[tuple[int, bytes]]) -> bytes:
    for at, new in writes:
        data = data[:at].ljust(at, b"\0") + new + data[at + len(new) :]
    return data


@dataclass(eq=False)
class Folder:
    """A folder's names as on the disk."""

    names: dict[str, "File | Folder"] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Change:
    """Names added (a file or folder) and removed (None)."""

    made: Sequence[tuple[Folder, str, File | Folder | None]]

    def is_of(self, folder: Folder) -> bool:
        return any(each is folder for each, _, _ in self.made)


class Disk:
    """Everything below a root, on the disk and pending.

    Args:
        root: what lies outside is passed over.
        skipped: whether a name is of no matter (locks).
    """

    def __init__(self, root: Path, *, skipped: Callable[[str], bool]) -> None:
        self._root = root
        self._skipped = skipped
        self._top = Folder()
        self._now: dict[Folder, dict[str, File | Folder]] = {self._top: {}}
        self._pending: list[Change] = []
        self._open: dict[int, tuple[File | Folder, int]] = {}

    def is_of(self, path: str) -> bool:
        """Whether a path lies below the root and matters."""
        return Path(path).is_relative_to(self._root) and not self._skipped(Path(path).name)

    def apply(self, call: Call) -> bool:
        """Apply a call. Returns whether it changed anything."""
        if call.file:
            return self.is_of(call.file[1]) and self._on_file(call)
        paths = [text.decode() for text in call.texts]
        return any(map(self.is_of, paths)) and self._on_paths(call, paths)

    def _on_file(self, call: Call) -> bool:
        assert call.file is not None
        number = call.file[0]
        node, at = self._open[number]
        match call.name:
            case "fsync" | "fdatasync":
                return self._sync(node)
            case "lseek":
                self._open[number] = node, call.result
                return False
            case "write" | "writev" if isinstance(node, File):
                data = b"".join(call.texts)[: call.result]
                node.write(at, data)
                self._open[number] = node, at + len(data)
                return True
            case "pwrite64" if isinstance(node, File):
                node.write(int(call.flags.rsplit(",", 1)[1]), call.texts[0][: call.result])
                return True
            case _:
                raise ValueError(f"no model of {call}")

    def _on_paths(self, call: Call, paths: Sequence[str]) -> bool:
        match call.name:
            case "open":
                return self._opened(call, paths[0])
            case "mkdir":
                folder = Folder()
                self._now[folder] = {}
                return self._change((paths[0], folder))
            case "unlink" | "rmdir":
                return self._change((paths[0], None))
            case "link":
                return self._change((paths[1], self._at(paths[0])))
            case "rename":
                return self._change((paths[0], None), (paths[1], self._at(paths[0])))
            case _:
                raise ValueError(f"no model of {call}")

    def _opened(self, call: Call, path: str) -> bool:
        node, made = self._at(path), False
        if node is None:
            node = File()
            made = self._change((path, node))
        elif isinstance(node, File) and "O_TRUNC" in call.flags and node.content():
            raise ValueError(f"no model of {call}")
        at = len(node.content()) if isinstance(node, File) and "O_APPEND" in call.flags else 0
        self._open[call.result] = node, at
        return made

    def _change(self, *pairs: tuple[str, File | Folder | None]) -> bool:
        made = []
        for path, node in pairs:
            folder = self._at(str(Path(path).parent))
            assert isinstance(folder, Folder), path
            made.append((folder, Path(path).name, node))
            _set(self._now[folder], Path(path).name, node)
        self._pending.append(Change(made))
        return True

    def _at(self, path: str) -> File | Folder | None:
        node: File | Folder | None = self._top
        for name in Path(path).relative_to(self._root).parts:
            node = self._now[node].get(name) if isinstance(node, Folder) else None
        return node

    def _sync(self, node: File | Folder) -> bool:
        if isinstance(node, File):
            pending = bool(node.pending)
            node.sync()
            return pending
        done = [change for change in self._pending if change.is_of(node)]
        for change in done:
            self._pending.remove(change)
            for folder, name, given in change.made:
                _set(folder.names, name, given)
        return bool(done)

    # -- after the power cut -------------------------------------------------------------------

    def now(self) -> Tree:
        """The state without a power cut."""
        leaves = _leaves(self._top, "", self._now.__getitem__)
        return {path: node.content() if isinstance(node, File) else None for path, node in leaves}

    def after(self, most: int, draw: random.Random) -> Iterator[Tree]:
        """States that may remain after a power cut: all of them, or samples.

        Args:
            most: number of outcomes at most, the simplest first.
            draw: for samples.
        """
        files = [node for node in self._files() if node.pending]
        choices = [*([True, False] for _ in self._pending), *(each.cuts() for each in files)]
        trees = (
            self._left(
                chosen[: len(self._pending)], zip(files, chosen[len(self._pending) :], strict=True)
            )
            for chosen in _combinations(choices, len(self._pending), draw)
        )
        return itertools.islice(_distinct(trees), most)

    def _files(self) -> Iterator[File]:
        given = [node for change in self._pending for _, _, node in change.made]
        there = [node for _, node in _leaves(self._top, "", lambda folder: folder.names)]
        return (node for node in dict.fromkeys([*there, *given]) if isinstance(node, File))

    def _left(self, kept: Iterable[bool], cuts: Iterable[tuple[File, bytes]]) -> Tree:
        names: dict[Folder, dict[str, File | Folder]] = {}
        for change in itertools.compress(self._pending, kept):
            for folder, name, node in change.made:
                _set(names.setdefault(folder, dict(folder.names)), name, node)
        content = dict(cuts)
        leaves = _leaves(self._top, "", lambda each: names.get(each, each.names))
        return {
            path: content.get(node, node.synced) if isinstance(node, File) else None
            for path, node in leaves
        }


def _set(names: dict[str, File | Folder], name: str, node: File | Folder | None) -> None:
    if node is None:
        names.pop(name, None)
    else:
        names[name] = node


def _leaves(
    folder: Folder, at: str, names_of: Callable[[Folder], Mapping[str, File | Folder]]
) -> Iterator[tuple[str, File | Folder]]:
    for name, node in names_of(folder).items():
        yield at + name, node
        if isinstance(node, Folder):
            yield from _leaves(node, f"{at}{name}/", names_of)


def _combinations(
    choices: Sequence[Sequence[Any]], changes: int, draw: random.Random
) -> Iterator[Sequence[Any]]:
    """One of each: the changes all made or none with the files whole or void, then all but one
    so, then any."""
    ends = [[(each[0], each[-1])[last] for each in choices] for last in (0, 1)]
    corners = [a[:changes] + b[changes:] for a, b in itertools.product(ends, ends)]
    yield from corners
    beside = [
        [*corner[:number], one, *corner[number + 1 :]]
        for number, each in enumerate(choices)
        for one, corner in itertools.product(each, corners)
    ]
    draw.shuffle(beside)
    yield from beside
    if math.prod(map(len, choices)) <= _ALL:
        yield from itertools.product(*choices)
    else:
        for _ in range(_ALL):
            yield [draw.choice(each) for each in choices]


def _distinct(trees: Iterable[Tree]) -> Iterator[Tree]:
    seen: set[bytes] = set()
    for tree in trees:
        name = digest(tree)
        if name not in seen:
            seen.add(name)
            yield tree


def digest(tree: Tree) -> bytes:
    """A digest of a state."""
    found = hashlib.blake2b(digest_size=16)
    for path in sorted(tree):
        content = tree[path]
        found.update(f"{path}\0{-1 if content is None else len(content)}\0".encode())
        found.update(content or b"")
    return found.digest()


def build(tree: Tree, root: Path) -> None:
    """Create the state below an empty folder."""
    for path, content in tree.items():  # folders come before what is in them
        if content is None:
            (root / path).mkdir()
        else:
            (root / path).write_bytes(content)
