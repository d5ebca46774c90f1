"""`similar`: who is like an artist or a venue, by the live model's vectors."""

from typing import TYPE_CHECKING, Any

import click

from gigstream.commands.lists import table
from gigstream.errors import WrongUse
from gigstream.terminal import Report, Terminal, command

if TYPE_CHECKING:
    from trainer.following import Following
    from trainer.generation import Generation
    from trainer.similar import Side


@command("similar")
@click.argument("side", type=click.Choice(["artist", "venue"]))
@click.argument("identity", metavar="ID")
@click.option("-n", default=10, show_default=True, type=click.IntRange(1, 200), help="How many.")
def similar(terminal: Terminal, side: "Side", identity: str, n: int) -> Report:
    """Artists like an artist, or venues like a venue, most alike first."""
    from gigstream.published import published
    from gigstream.settings import load

    generation, following = published(load())
    items = _items(generation, following, side, identity, n)
    if not items:
        terminal.remark(f"{side} {identity!r} has no vector yet, so nobody is like it")
    rows: list[tuple[str, ...]] = [
        (str(rank), item["id"], item["name"] or "", f"{item['similarity']:.3f}")
        for rank, item in enumerate(items, 1)
    ]
    terminal.say(table(("", "id", "name", "similarity"), rows))
    return Report({"id": identity, "generation": generation.number, "items": items})


def _items(
    generation: "Generation", following: "Following", side: "Side", identity: str, n: int
) -> list[dict[str, Any]]:
    import numpy as np

    from trainer.similar import similar as nearest

    known, lists = following.interactions, generation.lists(following, n)
    if side == "artist":
        ids, names, candidates = known.artists, known.artist_names, lists.artist_rows
        same = known.merged_artists
    else:
        ids, names, candidates = known.venues, known.venue_names, lists.venue_rows
        same = known.merged_venues
    row = ids.row(identity)
    if row is None:
        raise WrongUse(
            f"no {side} has the id {identity!r}; `gigstream {side} --name TEXT` finds one"
        )
    found = nearest(
        generation.model, side, int(same.mapped(np.array([row], np.int32))[0]), n, candidates
    )
    called = names.of(ids, found.rows.astype(np.int32))
    return [
        {"id": ids[at], "name": called.get(ids[at]), "similarity": round(float(cosine), 6)}
        for at, cosine in zip(found.rows.tolist(), found.cosines, strict=True)
    ]
