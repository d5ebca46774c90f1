"""System calls of a program on the files below a folder, from strace.

Words used here:
    call: one system call that came to its end, its texts as bytes, its files as paths.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parents[2]

_SEEN = [
    *("open", "openat", "creat", "lseek", "write", "pwrite64", "writev", "pwritev", "pwritev2"),
    *("ftruncate", "truncate", "fallocate", "copy_file_range", "sendfile", "splice"),
    *("rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"),
    *("unlink", "unlinkat", "rmdir", "mkdir", "mkdirat"),
    *("fsync", "fdatasync", "sync", "syncfs", "sync_file_range", "msync"),
]
_MOST_BYTES = 1 << 20
_HEX = re.compile(r"(?:\\x[0-9a-f]{2})+")
_WHOLE = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+)(?:<([^>]*)>)?")
_BEGUN = re.compile(r"(.*) <unfinished \.\.\.>")
_ENDED = re.compile(r"<\.\.\. \w+ resumed>(.*)")
_FILE = re.compile(r"(AT_FDCWD|\d+)<([^>]*)>")


@dataclass(frozen=True)
class Call:
    """One call that succeeded.

    Attributes:
        name: of the call; ``...at`` is taken off.
        texts: paths, absolute, and what was written.
        file: descriptor and its path, of a call that is given one.
        flags: all that is neither.
        result: what it returned.
    """

    name: str
    texts: list[bytes]
    file: tuple[int, str] | None
    flags: str
    result: int


def calls(program: Sequence[str], trace: Path) -> Iterator[Call]:
    """Run a module of the tests to its end; all calls that change files, in their order.

    Args:
        program: module and arguments.
        trace: a file to write to.
    """
    # Without bytecode: where a module is imported first here, Python writes and renames its file.
    environ = {
        **os.environ,
        "PYTHONPATH": f"{TESTS.parent}:{TESTS}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    how = ["-f", "-y", "-xx", "-s", str(_MOST_BYTES), "--seccomp-bpf", "-o", str(trace)]
    done = subprocess.run(
        ["strace", *how, "-e", f"trace={','.join(_SEEN)}", sys.executable, "-m", *program],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return filter(None, map(_call, _lines(trace)))


def _lines(trace: Path) -> Iterator[str]:
    """Calls in the order of their ends, halves put together again."""
    begun: dict[str, str] = {}
    with trace.open() as file:
        for line in file:
            pid, said = line.rstrip("\n").split(maxsplit=1)
            if first := _BEGUN.fullmatch(said):
                begun[pid] = first[1]
            elif second := _ENDED.fullmatch(said):
                yield begun.pop(pid) + second[1]
            else:
                yield said


def _call(line: str) -> Call | None:
    whole = _WHOLE.match(line)
    if whole is None or int(whole[3]) < 0:
        return None
    name, said, result = whole[1], whole[2], int(whole[3])
    files = [(number, _bytes(path).decode()) for number, path in _FILE.findall(said)]
    texts = [_bytes(text) for text in re.findall(r'"((?:\\x[0-9a-f]{2})*)"', said)]
    assert '"...' not in said, f"cut: {line[:200]}"
    if name.endswith("at") or name == "renameat2":
        pairs = zip(files, texts, strict=True)
        texts = [str(Path(folder, text.decode())).encode() for (_, folder), text in pairs]
        name, files = name.removesuffix("2").removesuffix("at"), []
    file = (int(files[0][0]), files[0][1]) if files else None
    return Call(name, texts, file, _FILE.sub("", re.sub(r'"[^"]*"', "", said)), result)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))
