"""The shape of the packages: few rooms, short import chains between them, no circles.

A *room* is a sub-package, or a module at the top of a package. import-linter holds the order of
the rooms (pyproject.toml); this holds how many there are and how deep they stand.
"""

import ast
from graphlib import TopologicalSorter

import pytest

from project.tree import ROOT, modules, parsed

GOALS = {"consumer": (15, 8), "trainer": (13, 7)}
"""By package: most rooms, and the longest chain of imports between them."""


def room(module: str) -> str:
    """The room of a dotted name: `trainer.als.local` is in `als`."""
    return module.split(".")[1]


def imported(module: str) -> set[str]:
    """Dotted names that a module imports, those inside functions included."""
    names: set[str] = set()
    for node in ast.walk(parsed(module)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def rooms(package: str) -> dict[str, set[str]]:
    """Every room of a package, and the other rooms that it imports."""
    graph: dict[str, set[str]] = {}
    for path in modules(package):
        name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        if name == package:
            continue
        used = {room(other) for other in imported(path) if other.startswith(f"{package}.")}
        graph.setdefault(room(name), set()).update(used - {room(name)})
    return graph


def longest_chain(graph: dict[str, set[str]]) -> list[str]:
    """The longest path, importer first.

    Raises:
        CycleError: there is a circle.
    """
    chains: dict[str, list[str]] = {}
    for name in TopologicalSorter(graph).static_order():
        below = max((chains[other] for other in graph[name]), key=len, default=[])
        chains[name] = [name, *below]
    return max(chains.values(), key=len)


@pytest.mark.parametrize("package", GOALS)
def test_a_package_has_few_modules_at_its_top(package: str) -> None:
    found = [path.name for path in (ROOT / package).glob("*.py")]

    assert len(found) - 1 <= GOALS[package][0], found


@pytest.mark.parametrize("package", GOALS)
def test_rooms_import_downward_in_short_chains(package: str) -> None:
    chain = longest_chain(rooms(package))

    assert len(chain) <= GOALS[package][1], chain


def test_the_chain_finder_knows_a_chain_when_it_sees_one() -> None:
    assert longest_chain({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == ["a", "b", "c"]
