"""What the product prints names what an installed package has: no make, no file of a checkout."""

import ast
from collections.abc import Iterator

import pytest

from project.tree import OF_A_CHECKOUT, modules, parsed


def texts(module: str) -> Iterator[tuple[int, str]]:
    """(line, text) of every string that is no docstring, and of docstrings that are help."""
    tree = parsed(module)
    silent = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any(map(_is_command, node.decorator_list)):
            yield node.lineno, ast.get_docstring(node) or ""
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in silent
        ):
            yield node.lineno, node.value


def _is_command(decorator: ast.expr) -> bool:
    return ast.unparse(decorator).startswith(("command(", "click.", "get(", "post("))


@pytest.mark.parametrize("module", modules())
def test_texts_name_nothing_of_a_checkout(module: str) -> None:
    found = [f"{line}: {text}" for line, text in texts(module) if OF_A_CHECKOUT.search(text)]

    assert found == []


@pytest.mark.parametrize("text", ["run `make spark`", "see docs/contract/redis.md", "README.md"])
def test_the_finder_finds_one(text: str) -> None:
    assert OF_A_CHECKOUT.search(text)


def test_the_finder_reads_messages_and_help() -> None:
    found = {text for module in modules("gigstream") for _, text in texts(module)}

    assert "the consumer stores nothing" in found
    assert any(text.startswith("Run real gigs through Kafka") for text in found)
