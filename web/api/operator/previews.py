"""The JSON of a dry run."""

from typing import Any

from operations.impact import Erasable, Impact


def previewed(touched: Impact | Erasable | None) -> dict[str, Any]:
    """What an action would touch; None: it would change nothing."""
    changes = touched is not None
    return {"dry_run": True, "changes": changes, "touches": touched.data if touched else None}
