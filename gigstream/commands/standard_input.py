"""Standard input and pipes as files, so that they can be read twice."""

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

_STANDARD = Path("-")
_NAME = "stdin"


@contextlib.contextmanager
def with_standard_input(files: Sequence[Path]) -> Iterator[list[Path]]:
    """The same files, with a copy of standard input in place of `-`, and of each named pipe."""
    with contextlib.ExitStack() as stack:
        yield [_copied(path, stack) if _flows(path) else path for path in files]


def _flows(path: Path) -> bool:
    return path == _STANDARD or path.is_fifo()


def _copied(path: Path, stack: contextlib.ExitStack) -> Path:
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="gigstream-"))
    copy = Path(folder) / (_NAME if path == _STANDARD else path.name)
    with copy.open("wb") as file:
        if path == _STANDARD:
            shutil.copyfileobj(sys.stdin.buffer, file)
        else:
            with path.open("rb") as pipe:
                shutil.copyfileobj(pipe, file)
    return copy
