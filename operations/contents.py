"""What the store holds, and the decisions about ids among it."""

from collections import Counter
from pathlib import Path
from typing import Any

from consumer.ids import decisions, merges, visibility
from consumer.table import delta_log, reader_marks
from consumer.table.delta_log import Snapshot
from consumer.table.schema import Side

SIDES: tuple[Side, Side] = ("artist", "venue")


def contents(path: Path) -> dict[str, Any]:
    """Rows, files, bytes, log and positions, read from the log alone; `version` is None at first.

    Raises:
        ConsumerError: the store cannot be read.
    """
    snapshot = delta_log.replay(path)
    return _facts(path, snapshot) if snapshot else {"version": None}


def decided(path: Path) -> dict[str, Any]:
    """Which ids count as others, and which are hidden.

    Raises:
        ConsumerError: the store cannot be read.
    """
    known = decisions.read(path)
    return {
        "merges": [
            {"kind": side, "from": gone, "into": kept}
            for side in SIDES
            for gone, kept in sorted(merges.resolve(known.merges, side).items())
        ],
        "hidden": [
            {"kind": side, "id": identity}
            for side in SIDES
            for identity in sorted(visibility.resolve(known.visibility, side))
        ],
    }


def _facts(path: Path, snapshot: Snapshot) -> dict[str, Any]:
    rows: Counter[str] = Counter()
    for file in snapshot.files.values():
        rows[file.kind] += file.rows
    size = sum(file.size for file in snapshot.files.values())
    marked, entries = delta_log.checkpoints(path), delta_log.versions(path)
    # Beside the log's files: orphans, and replaced ones that a reader still needs.
    on_disk = [file.stat().st_size for file in path.glob("kind=*/*")]
    return {
        "version": snapshot.version,
        "format": snapshot.table.format,
        "rows": dict(rows),
        "files": len(snapshot.files),
        "bytes": size,
        "bytes_per_event": round(size / rows["event"], 1) if rows["event"] else None,
        "files_on_disk": len(on_disk),
        "bytes_on_disk": sum(on_disk),
        "log_entries": len(entries),
        "log_begins_at": delta_log.begin(path),
        "last_checkpoint": marked[-1] if marked else None,
        "readers": reader_marks.living(path),
        "partitions": len(snapshot.positions),
        "positions": snapshot.positions,
    }
