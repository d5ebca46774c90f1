"""Which artifacts still hold an id that was erased."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from consumer.erasures import Erasures
from consumer.merges import Side
from trainer import journal

TABLES: dict[str, Side] = {"artists.json": "artist", "venues.json": "venue"}
"""An artifact's id tables, and what the ids in them are of."""


def holding(artifacts: Iterable[Path], erasures: Erasures) -> list[Path]:
    """Those with an erased id; one that cannot be read, such as a cut-off draft, may hold any."""
    return [path for path in artifacts if any_id(path, erasures.gone)]


def any_id(artifact: Path, gone: Callable[[Side, str], bool]) -> bool:
    """Whether this holds for any id of an artifact."""
    try:
        if any(gone(side, name) for side, name in journal.named(artifact)):
            return True
        tables = {side: json.loads((artifact / name).read_bytes()) for name, side in TABLES.items()}
    except (OSError, ValueError):
        return True
    return any(gone(side, name) for side, names in tables.items() for name in names)
