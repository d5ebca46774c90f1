"""What was published, one record for each generation: the file `generations.json` in `models/`.

It holds no ids of artists or venues, so that an erasure leaves it as it is. A record stays when its
model's files are gone.
"""

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from consumer.table import durable

logger = logging.getLogger(__name__)

FILE = "generations.json"
MOST = 200
"""Records kept."""

PUBLISHED = "published"


@dataclass(frozen=True)
class Record:
    """One generation.

    Attributes:
        number: of the generation.
        at: when, epoch seconds.
        artifact: name of the folder of its model.
        model_hash: of the model.
        as_of_ms: from when its plays age, epoch ms.
        fitted_version: store version that its model was fitted on.
        store_version: store version that its lists were made from.
        plays: that counted then.
        recipe: of the fit.
        weights: of the terms of the score, by side.
        quality: what is known of it: the gains that tuning its weights measured.
        overlap: share of the ten best venues that an artist's list has in common with the list of
            the generation before; None: there was none.
        verdict: `published`, or why it is not.
        reason: of the verdict.
    """

    number: int
    at: float
    artifact: str
    model_hash: str
    as_of_ms: int
    fitted_version: int
    store_version: int
    plays: int
    recipe: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, Any] = field(default_factory=dict)
    quality: Mapping[str, Any] | None = None
    overlap: float | None = None
    verdict: str = PUBLISHED
    reason: str = ""

    @property
    def is_published(self) -> bool:
        """Whether it was live."""
        return self.verdict == PUBLISHED


def decided(records: Iterable[Record]) -> list[Record]:
    """The records of what a fit or a person decided.

    Left out are those by which the live model was published again, after ids were hidden or lists
    were lost: a fit that was refused or held before is still the newest one then.

    Args:
        records: oldest first.
    """
    found: list[Record] = []
    live = None
    for each in records:
        if not each.is_published or each.artifact != live:
            found.append(each)
        if each.is_published:
            live = each.artifact
    return found


def newest_verdict(records: Iterable[Record]) -> str:
    """The verdict on the newest generation that was decided on.

    Args:
        records: oldest first.
    """
    found = decided(records)
    return found[-1].verdict if found else PUBLISHED


class Generations:
    """The records of one folder `models/`, which one process writes: the one that has the lease.

    Args:
        models: the folder.
    """

    def __init__(self, models: Path) -> None:
        self._models = models

    def records(self) -> list[Record]:
        """All that are kept, oldest first; none where the file cannot be read."""
        try:
            read = json.loads((self._models / FILE).read_bytes())
            return [Record(**each) for each in read]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError) as error:
            logger.warning("%s cannot be read (%s); it begins again.", FILE, error)
            return []

    def add(self, record: Record) -> None:
        """Note a generation, in place of an earlier record of the same number."""
        kept = [each for each in self.records() if each.number != record.number]
        content = [asdict(each) for each in (*kept, record)[-MOST:]]
        try:
            durable.write(self._models / FILE, json.dumps(content, indent=1).encode())
        except OSError as error:  # the lists are right without it
            logger.warning("%s cannot be written: %s", FILE, error)
