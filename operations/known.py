"""Ids that must be in the store before anything is decided about them: a typo is no decision."""

from pathlib import Path

from consumer.ids import merges
from consumer.ids.decisions import Decisions
from consumer.store.survey import stated
from consumer.table.schema import Side
from operations.errors import NotThere


def require_known(path: Path, known: Decisions, side: Side, identity: str) -> None:
    """Refuse an id that neither a statement nor a merge names.

    Args:
        path: the store.
        known: its decisions.
        side: of the id.
        identity: the id.

    Raises:
        NotThere: nothing knows the id.
    """
    links = merges.links(known.merges, side)
    is_merged = identity in links or identity in links.values()
    if not is_merged and not stated(path, side, [identity]).statements:
        raise unknown(side, identity)


def unknown(side: Side, identity: str) -> NotThere:
    """The error for an id that nothing knows."""
    return NotThere(
        f"no {side} has the id {identity!r}, so nothing was done; `gigstream {side} --name TEXT` "
        "finds one",
        field="id",
    )
