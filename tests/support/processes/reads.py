"""``python -m support.processes.reads STORE``: a process that read and wrote the store."""

import sys
from pathlib import Path

from consumer.store.reader import StoreReader, read_at
from consumer.store.writer import Store


def _main(path: Path) -> None:
    tail = StoreReader(path)
    chunk = tail.read()
    again = tail.read()
    if chunk is None or again is not None:
        sys.exit(3)
    Store.open(path).refresh()
    print(read_at(path, chunk.version).events.num_rows, flush=True)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
