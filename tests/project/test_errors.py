"""The tree of errors that each package draws in its docstring is the tree of its classes."""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from string import Formatter
from types import ModuleType

import pytest

import consumer.errors
from project.tree import PACKAGES, modules, parsed

# The branches before it, the error's name, its exit code; a dot: each error is raised with its own.
ROW = re.compile(r"^([ │|├└+─-]*)(\w+) +(\d|·)(?=\s|$)", re.MULTILINE)


def drawn(docstring: str) -> dict[str, tuple[str, str]]:
    """(name of the base, exit code) by name of the error, as the docstring draws them."""
    rows = list(ROW.finditer(docstring))
    found: dict[str, tuple[str, str]] = {}
    path = ["Exception"]
    for row in rows:
        depth = (len(row[1]) - len(rows[0][1])) // 4  # a level is four characters wide
        path = [*path[: depth + 1], row[2]]
        found[row[2]] = (path[-2], row[3])
    return found


def declared(errors: ModuleType) -> dict[str, tuple[str, str]]:
    """(name of the base, exit code) of each error of a package that has an exit code."""
    package = importlib.import_module(errors.__package__ or "")
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if "spark" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    (base,) = (kind for kind in vars(errors).values() if is_root(kind, errors))
    return {base.__name__: ("Exception", code(base)), **dict(below(base, package.__name__))}


def is_root(kind: object, errors: ModuleType) -> bool:
    own = isinstance(kind, type) and kind.__module__ == errors.__name__
    return own and kind.__base__ is Exception


def code(kind: type) -> str:
    """The exit code of a class of errors; a dot where each error is raised with its own."""
    if "exit_code" in inspect.signature(kind.__init__).parameters:
        return "·"
    return str(kind.exit_code)  # type: ignore[attr-defined]


def below(base: type, package: str) -> list[tuple[str, tuple[str, str]]]:
    """The errors under a base that this package declares."""
    found = []
    for kind in base.__subclasses__():
        if kind.__module__.partition(".")[0] == package:
            found += [(kind.__name__, (base.__name__, code(kind))), *below(kind, package)]
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_the_tree_of_errors_is_that_of_the_classes(package: str) -> None:
    errors = importlib.import_module(f"{package}.errors")

    assert drawn(errors.__doc__ or "") == declared(errors)


def raised(package: str) -> Iterator[tuple[str, str, int]]:
    """(place, name, number of arguments) of each call of a class that may be an error."""
    for module in modules(package):
        for node in ast.walk(parsed(module)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                yield f"{module}:{node.lineno}", node.func.id, len(node.args)


def test_an_error_is_raised_with_what_its_text_names():
    fields = {
        kind.__name__: len([field for _, field, _, _ in Formatter().parse(kind.text) if field])
        for kind in vars(consumer.errors).values()
        if isinstance(kind, type) and "text" in vars(kind) and kind.text != "{}"
    }
    calls = [call for call in raised("consumer") if call[1] in fields]

    assert len(calls) > len(fields)
    assert [call for call in calls if call[2] != fields[call[1]]] == []
