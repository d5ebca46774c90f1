"""Standard input as a file, so that it can be read twice."""

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

_NAME = "stdin"


@contextlib.contextmanager
def with_standard_input(files: Sequence[Path]) -> Iterator[list[Path]]:
    """The same files, with a copy of standard input in place of `-`."""
    if Path("-") not in files:
        yield list(files)
        return
    with tempfile.TemporaryDirectory(prefix="gigstream-") as folder:
        copy = Path(folder) / _NAME
        with copy.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield [copy if path == Path("-") else path for path in files]
