"""`artist` and `venue`: print the list that an app would get."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from gigstream.errors import WrongUse
from gigstream.settings import load
from gigstream.tables import Rows, bounded
from gigstream.terminal import Report, Terminal, command
from gigstream.texts import plain
from operations.ids import typed
from serving.connection import connect
from serving.lookup import Lookup, Match, Recommendation, Side

Function = TypeVar("Function", bound=Callable[..., Report])

_MATCHES = 20
_MOST = 200
_SHOWN = 3


def _arguments(function: Function) -> Function:
    function = click.argument("identity", metavar="[ID]", required=False)(function)
    function = click.option("--name", help="Find the id by a part of the name.")(function)
    function = click.option(
        "--why", is_flag=True, help="Say what puts each entry into the list; reads store and model."
    )(function)
    return click.option(
        "-n", default=10, show_default=True, type=click.IntRange(1, _MOST), help="How many."
    )(function)


@command("artist")
@_arguments
@click.option(
    "--returns", is_flag=True, help="Include venues already played, with their number of plays."
)
def artist(
    terminal: Terminal,
    identity: str | None,
    name: str | None,
    n: int,
    *,
    why: bool,
    returns: bool,
) -> Report:
    """Venues for an artist, best first."""
    with connected() as lookup:
        wanted = _identity(terminal, lookup, "artist", identity, name, n)
        found = lookup.artist(wanted, n, returns=returns)
        _remark(terminal, "artist", found, n)
        return (_show_why if why else _show)(terminal, lookup, "artist", found)


@command("venue")
@_arguments
@click.option(
    "--returns", is_flag=True, help="Include artists who played there, with their number of plays."
)
def venue(
    terminal: Terminal,
    identity: str | None,
    name: str | None,
    n: int,
    *,
    why: bool,
    returns: bool,
) -> Report:
    """Artists for a venue, best first."""
    with connected() as lookup:
        wanted = _identity(terminal, lookup, "venue", identity, name, n)
        found = lookup.venue(wanted, n, returns=returns)
        _remark(terminal, "venue", found, n)
        return (_show_why if why else _show)(terminal, lookup, "venue", found)


@contextmanager
def connected() -> Iterator[Lookup]:
    """A reader of the lists in the Redis that the settings name."""
    settings = load()
    with connect(settings) as client:
        yield Lookup(client, settings.redis_prefix)


def _identity(  # noqa: PLR0917 - as the command is given them
    terminal: Terminal, lookup: Lookup, side: Side, identity: str | None, name: str | None, n: int
) -> str:
    """The given id, or the one found by name; of several that match, `n` are shown, or more.

    Raises:
        WrongUse: Neither or both were given; the name matches no id, or several.
    """
    if (identity is None) == (name is None):
        raise WrongUse(f"give one {side} id, or --name with a part of the name")
    if identity is not None:
        if not identity:
            raise WrongUse(f"'' is no {side} id; give a non-empty one")
        return typed(identity)
    # All of them: how many there are is said, and the names are read as a whole anyway.
    matches = lookup.search(typed(str(name)), of=side, limit=sys.maxsize)
    return _named(terminal, side, str(name), matches, max(n, _MATCHES))


def _named(terminal: Terminal, side: Side, name: str, matches: list[Match], shown: int) -> str:
    """The id of the only exact match, or of the only match."""
    if not matches:
        raise WrongUse(
            f"no {side} is called {name!r}; try a shorter part of the name, or give the id (names "
            "of a file that had no ids are ids, as they are spelt)"
        )
    # An exact name wins over names that only contain it.
    exact = [match for match in matches if match.name.casefold() == name.casefold()]
    for only in (exact, matches):
        if len(only) == 1:
            return only[0].id
    rows = [(match.id, match.name) for match in matches[:shown]]
    terminal.say(Rows(("id", "name"), rows, prose={"name"}))
    terminal.remark(*bounded(len(rows), len(matches), _MOST))
    some = ", ".join(f"{match.id} ({match.name})" for match in matches[:_SHOWN])
    raise WrongUse(f"several {side}s are called {name!r}; give an id, such as {some}")


def _show(terminal: Terminal, lookup: Lookup, side: Side, found: Recommendation) -> Report:
    other: Side = "venue" if side == "artist" else "artist"
    names = lookup.names([item.id for item in found.items], of=other)
    own = lookup.names([found.id], of=side).get(found.id)
    terminal.say(list_table(found, names), _origin(side, found, own))
    return Report(_data(found, names, own))


def _show_why(terminal: Terminal, lookup: Lookup, side: Side, found: Recommendation) -> Report:
    # Imported here: a list alone is shown without loading the trainer.
    from gigstream.commands import why
    from gigstream.reasons import explain

    explained = explain(load(), side, found)
    names = why.names_of(lookup, side, found, explained)
    own = lookup.names([found.id], of=side).get(found.id)
    if not explained.current:
        terminal.remark("plays changed since this list was made; its reasons are as of now")
    terminal.say(*why.lines(side, found, explained, names), _origin(side, found, own))
    data = _data(found, names["venue" if side == "artist" else "artist"], own)
    for item, reasons in zip(data["items"], explained.entries, strict=True):
        item["why"] = why.as_json(reasons, names)
    return Report(data | {"why_is_current": explained.current})


def _remark(terminal: Terminal, side: Side, found: Recommendation, n: int) -> None:
    # Remarks, not errors: an app shows these lists too.
    if found.source == "popular":
        terminal.remark(f"{side} {found.id!r} has no list of its own yet; this is the popular one")
    if len(found.items) < n:
        other = "venue" if side == "artist" else "artist"
        terminal.remark(
            f"{len(found.items)} of {n}: GIGSTREAM_LIST_SIZE bounds what is stored, and a list is "
            f"shorter where no other {other} is left"
        )


def _origin(side: Side, found: Recommendation, own: str | None) -> str:
    called = f" ({plain(own)})" if own else ""
    return (
        f"{side} {found.id}{called}: {found.source} list of generation {found.generation}, "
        f"as of {found.as_of:%Y-%m-%d}, {found.age_s:.0f} s old"
    )


def _data(found: Recommendation, names: Mapping[str, str], own: str | None) -> dict[str, Any]:
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


def list_table(found: Recommendation, names: Mapping[str, str], *, title: str = "") -> Rows:
    """A table of a list with names; it has a column of plays if the list has them.

    Args:
        found: the list.
        names: display names by id.
        title: printed above the table.
    """
    with_plays = any(item.plays is not None for item in found.items)
    rows = [
        (str(rank), item.id, names.get(item.id, ""), f"{item.score:.3f}", str(item.plays))
        for rank, item in enumerate(found.items, 1)
    ]
    head = ("", "id", "name", "score", "plays")
    # All rows have the column; it is cut off unless the list has returns.
    end = None if with_plays else -1
    empty = "this list has no entries"
    return Rows(head[:end], [row[:end] for row in rows], prose={"name"}, title=title, empty=empty)
