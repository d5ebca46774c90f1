"""``python -m support.append STORE APP_ID COMMITS``: one of several writers at full speed."""

import sys
from pathlib import Path

from consumer import rows
from consumer.store import Span, Store
from support.records import message


def _main(path: str, app_id: str, commits: str) -> None:
    store = Store.open(Path(path))
    for number in range(int(commits)):
        table = rows.table([message(number)], topic_id=app_id)
        store.append(table, {app_id: Span(number, number + 1)})


if __name__ == "__main__":
    _main(*sys.argv[1:])
