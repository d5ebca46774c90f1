"""``python -m support.reads STORE``: a process that read and wrote the store, and ends."""

import sys
from pathlib import Path

from consumer.store import Store
from consumer.tail import Tail, read_at


def _main(path: Path) -> None:
    tail = Tail(path)
    chunk = tail.read()
    again = tail.read()
    if chunk is None or again is not None:
        sys.exit(3)
    Store.open(path).refresh()
    print(read_at(path, chunk.version).events.num_rows, flush=True)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
