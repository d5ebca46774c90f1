"""A dead letter stays one in a store that is rebuilt from the topic, until it is replayed.

Whether a record breaks the contract depends on more than its bytes: on the consumer's clock, on
settings, on the version of gigstream. So where the first store has a dead letter, the second one
gets the same row, whatever the decoder makes of the record today.
"""

from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from consumer.dead_letters.letters import KEYS, addresses, rows_of, scan
from consumer.table import delta_log, schema

_DEAD = "dead"


class Verdicts:
    """The dead letters of a store, found by topic id, partition and offset.

    Args:
        path: the store's folder.
        files: of the store.

    Raises:
        FileNotFoundError: a file is gone.
        StoreDamaged: one cannot be read.
    """

    def __init__(self, path: Path, files: Collection[delta_log.File]) -> None:
        self._path = path
        self._dead = scan(path, list(files))

    def applied(self, rows: pa.Table) -> pa.Table:
        """These rows (`rows.SCHEMA`), with the store's dead letters in place of valid ones."""
        valid = rows.filter(pc.field("kind") != _DEAD).select(KEYS)
        found = self._dead.join(valid, list(KEYS), join_type="inner")
        if not found.num_rows:
            return rows
        replaced = pc.is_in(addresses(rows), addresses(found).combine_chunks())
        kept = rows.filter(pc.invert(replaced))
        dead = rows_of(self._path, found, schema.STORED)
        return pa.concat_tables([kept, schema.with_kind(dead, _DEAD).cast(schema.SCHEMA)])
