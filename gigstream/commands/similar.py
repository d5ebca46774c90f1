"""`similar`: artists or venues with the most similar factors in the live model."""

from typing import Any

import click
import numpy as np

from consumer.table.schema import Side
from gigstream.errors import WrongUse
from gigstream.live_model import published
from gigstream.settings import load
from gigstream.tables import Rows
from gigstream.terminal import Report, Terminal, command
from operations.ids import typed
from trainer.live.following import Following
from trainer.live.generation import Generation
from trainer.ranking.masked import visible
from trainer.ranking.similar import similar as nearest


@command("similar")
@click.argument("side", type=click.Choice(["artist", "venue"]))
@click.argument("identity", metavar="ID")
@click.option("-n", default=10, show_default=True, type=click.IntRange(1, 200), help="How many.")
def similar(terminal: Terminal, side: Side, identity: str, n: int) -> Report:
    """List artists similar to an artist, or venues to a venue, best first."""
    typed(identity)
    generation, following = published(load())
    items = _items(generation, following, side, identity, n)
    rows: list[tuple[str, ...]] = [
        (str(rank), item["id"], item["name"] or "", f"{item['similarity']:.3f}")
        for rank, item in enumerate(items, 1)
    ]
    empty = f"{side} {identity!r} has no factors yet, so nothing can be compared with it"
    terminal.say(Rows(("", "id", "name", "similarity"), rows, prose={"name"}, empty=empty))
    return Report({"id": identity, "generation": generation.number, "items": items})


def _items(
    generation: Generation, following: Following, side: Side, identity: str, n: int
) -> list[dict[str, Any]]:
    known, lists = following.interactions, generation.lists(following, n)
    if side == "artist":
        ids, names, candidates = known.artists, known.artist_names, lists.artist_rows
        same = known.merged_artists
    else:
        ids, names, candidates = known.venues, known.venue_names, lists.venue_rows
        same = known.merged_venues
    candidates = candidates[visible(ids, known.hidden.get(side, ()), candidates)]
    row = ids.row(identity)
    if row is None:
        raise WrongUse(
            f"no {side} has the id {identity!r}; `gigstream {side} --name TEXT` finds one"
        )
    # A merged id is looked up by the row of the id that it counts as.
    found = nearest(
        generation.model, side, int(same.mapped(np.array([row], np.int32))[0]), n, candidates
    )
    called = names.for_rows(ids, found.rows.astype(np.int32))
    return [
        {"id": ids[at], "name": called.get(ids[at]), "similarity": round(float(cosine), 6)}
        for at, cosine in zip(found.rows.tolist(), found.cosines, strict=True)
    ]
