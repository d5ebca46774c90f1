"""`artist` and `venue`: the list that an app would get, for people."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.table import Table

from gigstream.errors import WrongUse
from gigstream.terminal import Report, Terminal, command

if TYPE_CHECKING:
    from serving.lookup import Lookup, Match, Recommendation, Side

Function = TypeVar("Function", bound=Callable[..., Report])

_MATCHES = 20
_SHOWN = 3


def _arguments(function: Function) -> Function:
    function = click.argument("identity", metavar="[ID]", required=False)(function)
    function = click.option("--name", help="Find the id by a part of the name.")(function)
    return click.option(
        "-n", default=10, show_default=True, type=click.IntRange(1, 200), help="How many."
    )(function)


@command("artist")
@_arguments
@click.option("--returns", is_flag=True, help="Venues already played too, with their plays.")
def artist(
    terminal: Terminal, identity: str | None, name: str | None, n: int, *, returns: bool
) -> Report:
    """Venues for an artist, best first."""
    with connected() as lookup:
        wanted = _identity(terminal, lookup, "artist", identity, name)
        found = lookup.artist(wanted, n, returns=returns)
        return _show(terminal, lookup, "artist", found)


@command("venue")
@_arguments
def venue(terminal: Terminal, identity: str | None, name: str | None, n: int) -> Report:
    """Artists for a venue who have not played there, best first."""
    with connected() as lookup:
        wanted = _identity(terminal, lookup, "venue", identity, name)
        return _show(terminal, lookup, "venue", lookup.venue(wanted, n))


@contextmanager
def connected() -> "Iterator[Lookup]":
    """A reader of the lists that the settings name."""
    from gigstream.settings import load
    from serving.connection import connect
    from serving.lookup import Lookup

    settings = load()
    with connect(settings) as client:
        yield Lookup(client, settings.redis_prefix)


def _identity(
    terminal: Terminal,
    lookup: "Lookup",
    side: "Side",
    identity: str | None,
    name: str | None,
) -> str:
    """The id that was given, or the one that the name leads to.

    Raises:
        WrongUse: Neither or both were given; the name leads nowhere, or to several ids.
    """
    if (identity is None) == (name is None):
        raise WrongUse(f"give one {side} id, or --name with a part of the name")
    if identity is not None:
        if not identity:
            raise WrongUse(f"'' is no {side} id; give a non-empty one")
        return identity
    return _named(terminal, side, str(name), lookup.search(str(name), of=side, limit=_MATCHES))


def _named(terminal: Terminal, side: "Side", name: str, matches: "list[Match]") -> str:
    """The id of the only match, or of the only one that is called exactly so."""
    if not matches:
        raise WrongUse(f"no {side} is called {name!r}; try a shorter part of the name")
    exact = [match for match in matches if match.name.casefold() == name.casefold()]
    for only in (exact, matches):
        if len(only) == 1:
            return only[0].id
    terminal.say(table(("id", "name"), [(match.id, match.name) for match in matches]))
    some = ", ".join(f"{match.id} ({match.name})" for match in matches[:_SHOWN])
    raise WrongUse(f"several {side}s are called {name!r}; give an id, such as {some}")


def _show(terminal: Terminal, lookup: "Lookup", side: "Side", found: "Recommendation") -> Report:
    other: Side = "venue" if side == "artist" else "artist"
    names = lookup.names([item.id for item in found.items], of=other)
    if found.source == "popular":
        terminal.remark(f"{side} {found.id!r} has no list of its own yet; this is the popular one")
    own = lookup.names([found.id], of=side).get(found.id)
    terminal.say(
        list_table(found, names),
        f"{side} {found.id}{f' ({own})' if own else ''}: {found.source} list of generation "
        f"{found.generation}, as of {found.as_of:%Y-%m-%d}, {found.age_s:.0f} s old",
    )
    return Report(_data(found, names, own))


def _data(found: "Recommendation", names: Mapping[str, str], own: str | None) -> dict[str, Any]:
    return {
        "id": found.id,
        "name": own,
        "generation": found.generation,
        "as_of": found.as_of.isoformat(),
        "age_s": round(found.age_s, 3),
        "source": found.source,
        "items": [
            {"id": item.id, "name": names.get(item.id), "score": item.score, "plays": item.plays}
            for item in found.items
        ],
    }


def list_table(found: "Recommendation", names: Mapping[str, str], *, title: str = "") -> Table:
    """A list with names; the column of plays only where the list has it."""
    with_plays = any(item.plays is not None for item in found.items)
    rows = [
        (str(rank), item.id, names.get(item.id, ""), f"{item.score:.3f}", str(item.plays))
        for rank, item in enumerate(found.items, 1)
    ]
    head = ("", "id", "name", "score", "plays")
    end = len(head) if with_plays else -1
    return table(head[:end] if end < 0 else head, [row[:end] for row in rows], title=title)


def table(head: tuple[str, ...], rows: list[tuple[str, ...]], *, title: str = "") -> Table:
    """Plain columns; rich measures wide letters, so Korean names stand in line."""
    made = Table(*head, title=title or None, title_justify="left", box=None, pad_edge=False)
    made.show_header = any(head)
    for row in rows:
        made.add_row(*row)
    return made
