"""``python -m support.processes.append STORE APP_ID COMMITS [HANDLE]``: one of several writers.

With HANDLE ``older`` it opens the store as it is, without an upgrade.
"""

import sys
from pathlib import Path

from consumer.ingest import rows
from consumer.store.writer import Store
from consumer.table.delta import open_handle
from consumer.table.delta_log import Span
from support.data.records import message


def _main(path: str, app_id: str, commits: str, handle: str = "") -> None:
    if handle == "older":
        store = Store(path=Path(path), table=open_handle(Path(path)))
    else:
        store = Store.open(Path(path))
    for number in range(int(commits)):
        table = rows.table([message(number)], topic_id=app_id)
        store.append(table, {app_id: Span(number, number + 1)})


if __name__ == "__main__":
    _main(*sys.argv[1:])
