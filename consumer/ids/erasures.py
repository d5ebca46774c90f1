"""Erasures: ids that must not be stored any more, recorded as keyed hashes only.

An erasure is a row of the store (kind ``erasure``), in a commit that moves no Kafka position:

    recorded_at  when it was requested
    field        ``artist`` or ``venue``
    event_id     keyed hash of the id, in hex
    source       the request; one request erases an id and all that were merged into it
    status       ``asked``, ``rewritten`` or ``complete``
    extra        what was found and done by then, JSON

From the first row on, readers skip rows of that id, and writers leave them out. The key is a file
beside the log and never in it: without the key names cannot be tried against the hashes. A rebuilt
store gets a copy of the key (`consumer.audit.rebuild`).
"""

import hashlib
import os
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from consumer.errors import StoreUnusable
from consumer.table import durable, schema
from consumer.table.schema import Side

KIND = "erasure"
KEY_FILE = ".erasures.key"
COLUMNS = ("recorded_at", "field", "event_id", "source", "status", "extra")
"""The columns that an erasure's row uses."""
ASKED, REWRITTEN, COMPLETE = "asked", "rewritten", "complete"

_KEY_BYTES = 32
_REMEMBERED = 200_000


class Record(NamedTuple):
    """One row of an erasure, in the order of time."""

    recorded_us: int
    side: Side
    hash: str
    request: str
    status: str
    facts: str


class Erasures:
    """Which ids are erased.

    Args:
        key: of the hashes; not used where there are none.
        hashes: of the erased ids, by side.
    """

    def __init__(self, key: bytes, hashes: Iterable[tuple[Side, str]] = ()) -> None:
        self._key = key
        self._hashes = frozenset(hashes)
        self._known: dict[tuple[Side, str], bool] = {}

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def __len__(self) -> int:
        return len(self._hashes)

    def hash(self, side: Side, identity: str) -> str:
        """The keyed hash that the store holds in place of an id."""
        return hashed(self._key, side, identity)

    def gone(self, side: Side, identity: str) -> bool:
        """Whether an id is erased."""
        if not self._hashes:
            return False
        known = self._known.get((side, identity))
        if known is None:
            # A hash costs more than a dict look-up, and most rows repeat ids. Dropping all of a
            # full cache is simpler than evicting, and costs one round of hashes.
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = (side, self.hash(side, identity)) in self._hashes
            self._known[side, identity] = known
        return known

    def either(self, text: str) -> bool:
        """Whether a text is the erased id of an artist or of a venue."""
        return self.gone("artist", text) or self.gone("venue", text)

    def visible(self, events: pa.Table) -> pa.Table:
        """The events without those of erased ids, by the id columns that are present."""
        if not self._hashes:
            return events
        for side in ("artist", "venue"):
            if f"{side}_id" in events.column_names:
                events = events.filter(pc.invert(self.mask(side, events[f"{side}_id"])))
        return events

    def mask(self, side: Side, ids: pa.ChunkedArray) -> pa.Array:
        """Which of these ids are erased; a null is not."""
        return masked(ids, lambda identity: self.gone(side, identity))


NONE = Erasures(b"")


def masked(ids: pa.ChunkedArray, gone: Callable[[str], bool]) -> pa.Array:
    """Where a column holds a text for which this holds; each distinct text is asked once."""
    distinct = [name for name in pc.unique(ids).to_pylist() if name is not None and gone(name)]
    return pc.is_in(ids, pa.array(distinct, pa.string()))


def hashed(key: bytes, side: Side, identity: str) -> str:
    """The keyed hash of an id, in hex.

    Args:
        key: of the store.
        side: whether it is the id of an artist or of a venue.
        identity: the id.
    """
    # Between them a byte that no id holds: ("a", "bc") is not ("ab", "c").
    text = f"{side}\x00{identity}".encode()
    return hashlib.blake2b(text, key=key, digest_size=32).hexdigest()


def table(records: Iterable[Record]) -> pa.Table:
    """The rows of these records."""
    return schema.table(
        {
            "kind": KIND,
            "recorded_at": record.recorded_us,
            "field": record.side,
            "event_id": record.hash,
            "source": record.request,
            "status": record.status,
            "extra": record.facts,
        }
        for record in records
    )


def read(rows: pa.Table) -> list[Record]:
    """The records of stored rows, `COLUMNS` of them."""
    # As integers: records are ordered by microseconds.
    rows = rows.set_column(0, "recorded_at", rows["recorded_at"].cast(pa.int64()))
    return [Record(*row.values()) for row in rows.to_pylist()]


def has_key(store: Path) -> bool:
    """Whether anything was ever erased here; cheap enough for every append."""
    return (store / KEY_FILE).exists()


def load_key(store: Path) -> bytes:
    """The key of a store that has erasures.

    Raises:
        StoreUnusable: it is missing, damaged, or may not be read.
    """
    try:
        key = (store / KEY_FILE).read_bytes()
    except OSError as error:
        raise StoreUnusable(
            store, f"it has erasures, and their key {KEY_FILE} cannot be read ({error.strerror})"
        ) from None
    if len(key) != _KEY_BYTES:
        raise StoreUnusable(store, f"the key of its erasures, {KEY_FILE}, is damaged")
    return key


def make_key(store: Path) -> bytes:
    """The key of a store, created where there is none; durable before anything relies on it."""
    path = store / KEY_FILE
    if not path.exists():
        draft = store / f"{KEY_FILE}.{os.getpid()}"
        # Readable by the owner alone: with the key names can be tried against the hashes.
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
        # The content before the name, and the folder last: a key that is lost after a power cut
        # would make every erasure void.
        durable.sync([draft])
        try:
            os.link(draft, path)  # of two processes at once, one wins
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        durable.sync([store])
    return load_key(store)
