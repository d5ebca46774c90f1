"""The bytes of a file, unpacked; the share of it that was read."""

import lzma
import os
from pathlib import Path

import pyarrow as pa

from consumer.imports.formats import kind


class Stream:
    """A file, open for reading once from its start.

    Args:
        path: The file; its name may be of any bytes.

    Raises:
        OSError: It cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._size = max(1, path.stat().st_size)
        with path.open("rb") as raw:
            packing = kind.packing(raw.read(8))
        # As bytes: Arrow takes no name that is not UTF-8 as text.
        self._raw: pa.NativeFile = pa.OSFile(os.fsencode(path))
        self.bytes: pa.NativeFile = self._raw
        if packing == "xz":  # Arrow cannot unpack it
            self.bytes = pa.PythonFile(lzma.LZMAFile(self._raw), mode="r")  # noqa: SIM115 - as long as this
        elif packing:
            self.bytes = pa.CompressedInputStream(self._raw, packing)

    def share(self) -> float:
        """Part of the file read so far, 0 to 1."""
        return 1.0 if self._raw.closed else float(min(1.0, self._raw.tell() / self._size))
