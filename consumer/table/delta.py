"""The table through the Delta library: its handle, checkpoints and changes of schema.

Checkpoints keep commits fast. Delta reads the log from its last checkpoint on, twice per commit:
0.07 ms per entry and time, 280 ms after 2,000 commits. A checkpoint every 100 entries keeps it at
about 15 ms.

An older store is upgraded under consumers that have it open. Each step is a Delta commit of its
own and may be repeated: a step that died half-way is completed at the next opening. A consumer
that appends through an older handle is refused by Delta ("metadata changed"), reopens the table
and repeats its batch, as after any other lost race.
"""

import logging
import random
import re
import time
from pathlib import Path

from deltalake import CommitProperties, DeltaTable, Field, PostCommitHookProperties
from deltalake.exceptions import DeltaError
from deltalake.schema import PrimitiveType

from consumer.deadline import Deadline
from consumer.errors import StoreBusy, StoreDamaged, StoreUnusable
from consumer.table import delta_log, durable
from consumer.table.schema import SCHEMA

logger = logging.getLogger(__name__)

NO_HOOKS = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)
"""After a commit nothing but the commit: maintenance writes checkpoints and cleans up."""

CHECKPOINT_EVERY = 100
"""Log entries between two checkpoints."""

ADDED = {"raw_headers": 2, "replay_of": 2}
"""The format that each later column came with. All of them are strings."""

_JITTER_S = 0.05
_DECODED = re.compile(r"%[0-9A-Fa-f]{2}|\\|[\x00-\x1f\x7f]")


def check_path(path: Path) -> None:
    """Refuse a folder that Delta would look for elsewhere.

    Delta decodes the path when it opens a table, though not when it creates one (deltalake 1.6.6):
    `a%20b` is read as `a b`, which may be another store.

    Raises:
        StoreUnusable: the path has a part that Delta decodes.
    """
    found = _DECODED.search(str(path.resolve()))
    if found:
        raise StoreUnusable(path, f"Delta reads {found[0]!r} in a path as something else")


def open_handle(path: Path) -> DeltaTable:
    """The table as it is now.

    Raises:
        StoreDamaged: it cannot be read.
    """
    try:
        return DeltaTable(path)
    except DeltaError as error:
        raise StoreDamaged(path, str(error).partition("\n")[0]) from None


def is_checkpoint_due(newest: int, checkpoint: int | None, every: int = CHECKPOINT_EVERY) -> bool:
    """Whether enough entries follow the last checkpoint for the next one to pay.

    Args:
        newest: version of the table.
        checkpoint: version of the last checkpoint; None: there is none.
        every: how many entries are enough.
    """
    return newest - (checkpoint or 0) >= every


def write_checkpoint_if_due(path: Path, every: int = CHECKPOINT_EVERY) -> bool:
    """Write a checkpoint where one is due. Returns whether it was written."""
    versions, checkpoints = delta_log.versions(path), delta_log.checkpoints(path)
    last = checkpoints[-1] if checkpoints else None
    if not versions or not is_checkpoint_due(versions[-1], last, every):
        return False
    write_checkpoint(path)
    return True


def write_checkpoint(path: Path) -> int:
    """Write a checkpoint of the newest version. Returns that version."""
    table = open_handle(path)
    # The checkpoint must not survive a power cut without the entries that it sums up.
    delta_log.sync_entries(path, table.version())
    table.create_checkpoint()
    # The pointer last: it must never be on the disk before what it points to.
    durable.sync([delta_log.checkpoint_path(path, table.version())])
    delta_log.sync_pointer(path)
    durable.sync([path / delta_log.FOLDER])
    logger.debug("Wrote a checkpoint at version %d", table.version())
    return int(table.version())


def upgrade(path: Path, *, patience_s: float) -> None:
    """Bring the table to today's format; the caller holds the store's lock.

    Args:
        path: the table's folder, with a table in it.
        patience_s: how long to try again when other writers win.

    Raises:
        StoreUnusable: it is no interaction store.
        StoreNewer: its format is one that we do not know.
        StoreDamaged: it cannot be read.
        StoreBusy: other writers won for too long; the next opening tries again.
    """
    deadline = Deadline(patience_s)
    while True:
        table = open_handle(path)
        # First the format: columns of a newer one would look like those of no interaction store.
        found = delta_log.format_of(
            path, {name: str(value) for name, value in table.metadata().configuration.items()}
        )
        missing = _missing(path, table)
        if found == delta_log.FORMAT and not missing:
            return
        try:
            _upgrade_once(path, table, missing)
        except DeltaError as error:
            if deadline.is_over:
                raise StoreBusy(path, error) from None
            time.sleep(random.uniform(0, _JITTER_S))
        else:
            logger.info("Upgraded the store from format %d to %d", found, delta_log.FORMAT)


def _missing(path: Path, table: DeltaTable) -> list[str]:
    present = {field.name for field in table.schema().fields}
    missing = [name for name in SCHEMA.names if name not in present]
    if not ADDED.keys() >= set(missing):
        raise StoreUnusable(path, "it holds a table that is no interaction store")
    return missing


def _upgrade_once(path: Path, table: DeltaTable, missing: list[str]) -> None:
    before = table.version()
    # A step that died between its two commits left the columns and not the format.
    if missing:
        table.alter.add_columns(
            [Field(name, PrimitiveType("string")) for name in missing],
            commit_properties=_properties(),
            post_commithook_properties=NO_HOOKS,
        )
    # The format last: a reader of the new format relies on the columns.
    table.alter.set_table_properties(
        {delta_log.FORMAT_KEY: str(delta_log.FORMAT)},
        raise_if_not_exists=False,
        commit_properties=_properties(),
        post_commithook_properties=NO_HOOKS,
    )
    entries = [delta_log.entry_path(path, n) for n in range(before + 1, table.version() + 1)]
    durable.sync([*entries, path / delta_log.FOLDER])


def _properties() -> CommitProperties:
    return CommitProperties(custom_metadata={delta_log.ACTIONS: 1})
