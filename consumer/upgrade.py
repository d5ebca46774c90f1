"""An older store becomes one of today's format, under consumers that have it open.

Each step is a Delta commit of its own and may be done again: one that died half-way is gone on
with at the next opening. Whoever appends through a handle from before is refused by Delta
("metadata changed"), reopens and repeats its batch, as after any other lost race.
"""

import logging
import random
import time
from pathlib import Path

from deltalake import CommitProperties, DeltaTable, Field
from deltalake.exceptions import DeltaError
from deltalake.schema import PrimitiveType

from consumer import log
from consumer.errors import StoreBusy, StoreUnusable
from consumer.handle import NO_HOOKS, open_handle
from consumer.rows import SCHEMA

logger = logging.getLogger(__name__)

ADDED = {"raw_headers": 2, "replay_of": 2}
"""The format that each later column came with. All of them are strings."""

_JITTER_S = 0.05


def upgrade(path: Path, *, patience_s: float) -> None:
    """Bring the table to today's format; the caller holds the store's lock.

    Args:
        path: the table's folder, with a table in it.
        patience_s: how long to try again when other writers win.

    Raises:
        StoreUnusable: it is no interaction store.
        StoreNewer: its format is one that we do not know.
        StoreDamaged: it cannot be read.
        StoreBusy: other writers won for too long; the next opening goes on with it.
    """
    give_up_at = time.monotonic() + patience_s
    while True:
        table = open_handle(path)
        found = log.format_of(path, _configuration(table))
        missing = _missing(path, table)
        if found == log.FORMAT and not missing:
            return
        try:
            _step(path, table, missing)
        except DeltaError as error:
            if time.monotonic() > give_up_at:
                raise StoreBusy(path, error) from None
            time.sleep(random.uniform(0, _JITTER_S))
        else:
            logger.info("Upgraded the store from format %d to %d", found, log.FORMAT)


def _configuration(table: DeltaTable) -> dict[str, str]:
    return {name: str(value) for name, value in table.metadata().configuration.items()}


def _missing(path: Path, table: DeltaTable) -> list[str]:
    there = {field.name for field in table.schema().fields}
    missing = [name for name in SCHEMA.names if name not in there]
    if not ADDED.keys() >= set(missing):
        raise StoreUnusable(path, "it holds a table that is no interaction store")
    return missing


def _step(path: Path, table: DeltaTable, missing: list[str]) -> None:
    before = table.version()
    if missing:
        table.alter.add_columns(
            [Field(name, PrimitiveType("string")) for name in missing],
            commit_properties=_properties(),
            post_commithook_properties=NO_HOOKS,
        )
    # The number last: who reads it relies on the columns.
    table.alter.set_table_properties(
        {log.FORMAT_KEY: str(log.FORMAT)},
        raise_if_not_exists=False,
        commit_properties=_properties(),
        post_commithook_properties=NO_HOOKS,
    )
    entries = [log.entry_path(path, n) for n in range(before + 1, table.version() + 1)]
    log.sync([*entries, path / log.FOLDER])


def _properties() -> CommitProperties:
    return CommitProperties(custom_metadata={log.ACTIONS: 1})
