"""The pages of the console, in the order of its navigation."""

from collections.abc import Container
from typing import NamedTuple


class Link(NamedTuple):
    """A page in the navigation."""

    title: str
    path: str


class Group(NamedTuple):
    """Pages for one kind of reader."""

    title: str
    links: tuple[Link, ...]


GROUPS = (
    Group(
        "Read",
        (
            Link("Now", "/"),
            Link("Artists", "/artists"),
            Link("Venues", "/venues"),
            Link("What if", "/what-if"),
            Link("Quality", "/quality"),
        ),
    ),
    Group(
        "Operate",
        (
            Link("Stream", "/stream"),
            Link("Dead letters", "/dead-letters"),
            Link("Generations", "/generations"),
            Link("Sources", "/sources"),
            Link("Store and ids", "/store"),
            Link("Settings and access", "/settings"),
            Link("Audit", "/audit"),
        ),
    ),
)


def shown(paths: Container[str]) -> tuple[Group, ...]:
    """The groups with those pages that are served.

    Args:
        paths: of all pages that are served.
    """
    kept = (
        Group(group.title, tuple(link for link in group.links if link.path in paths))
        for group in GROUPS
    )
    return tuple(group for group in kept if group.links)
