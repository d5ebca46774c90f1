"""How this process was called, so that the commands in its hints work where they are pasted.

After `make demo` no shell finds `gigstream`: it is `.venv/bin/gigstream` there.
"""

import functools
import os
import shlex
import shutil
import sys
from pathlib import Path

NAME = "gigstream"
_HINT = f"`{NAME} "


def as_called(text: str) -> str:
    """A text with the commands in its hints, which stand in backticks, as a shell finds them."""
    return text.replace(_HINT, f"`{program()} ") if _HINT in text else text


@functools.cache
def program() -> str:
    """The command that calls gigstream again, as a shell reads it."""
    called = Path(sys.argv[0])
    # Another program calls us: it knows how.
    if called.name != NAME or not called.is_file():
        return NAME
    found = shutil.which(NAME)
    if found and Path(found).samefile(called):
        return NAME
    relative = os.path.relpath(called)
    return shlex.quote(str(called.absolute()) if relative.startswith("..") else relative)
