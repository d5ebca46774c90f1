"""What became of the generations: whether the newest was published, and why not."""

import json
from typing import Any

from operations.settings import OperationSettings
from trainer.registry.generations import PUBLISHED, Generations, Record, decided
from trainer.registry.sealed import MANIFEST


def reasons(settings: OperationSettings, record: Record) -> list[str]:
    """Why a generation was refused or held, in full; none where its model is gone."""
    if record.verdict == PUBLISHED:
        return []
    # From the manifest: the records name no ids, so that an erasure need not look there.
    try:
        manifest = json.loads((settings.models / record.artifact / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return []
    found: list[str] = manifest.get("verdict", {}).get("reasons", [])
    return found


def latest(settings: OperationSettings) -> dict[str, Any] | None:
    """The newest generation's verdict; None before the first."""
    # Records outlive their models, so that the newest is known whatever was removed.
    found = decided(newest_first(settings)[::-1])
    if not found:
        return None
    last = found[-1]
    why = "; ".join(reasons(settings, last)) or last.reason
    return {"generation": last.number, "verdict": last.verdict, "reason": why}


def newest_first(settings: OperationSettings) -> list[Record]:
    """The records of all generations, newest first."""
    return sorted(Generations(settings.models).records(), key=lambda each: -each.number)
