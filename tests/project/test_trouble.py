"""Trouble by message: what the page calls a message is one, to the letter, in the code."""

import ast
import re
from functools import cache

import pytest

from project.tree import ROOT, modules, parsed

PAGE = (ROOT / "docs/trouble.md").read_text(encoding="utf-8")
HEADINGS = re.findall(r"^### (.+)$", PAGE, re.MULTILINE)
CODE = re.compile(r" \((?:\d|.* from `gigstream .*`)\)$")
VARIES = "\x00"
"""Stands in the texts of the code for what is put into them."""
PLACE = re.compile(r"\{[^{}]*\}|%[-\d.]*[sdrfg]")


@cache
def texts() -> list[str]:
    """Every text of the packages, and of Lua; what is put into it is one character."""
    found = []
    for module in modules():
        for node in ast.walk(parsed(module)):
            if isinstance(node, ast.JoinedStr):
                found.append("".join(map(part, node.values)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(PLACE.sub(VARIES, node.value))
    return [" ".join(text.split()) for text in found]


def part(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else VARIES


def message(heading: str) -> re.Pattern[str]:
    """A heading as a pattern; `…` stands for anything."""
    words = CODE.sub("", heading).split("…")
    return re.compile(".*".join(re.escape(word.strip()) for word in words))


@pytest.mark.parametrize("heading", HEADINGS)
def test_each_message_of_the_page_is_one_of_the_code(heading: str) -> None:
    assert any(message(heading).search(text) for text in texts())


def test_a_message_that_is_none_is_noticed() -> None:
    assert not any(message("the moon is in another cluster").search(text) for text in texts())


def test_each_message_comes_with_what_to_do() -> None:
    bodies = re.split(r"^##+ .+$", PAGE, flags=re.MULTILINE)[1:]

    assert len(HEADINGS) > 60
    assert [h for h in HEADINGS if f"### {h}\n\n" not in PAGE] == []
    assert all(bodies)


@pytest.mark.parametrize("module", ["consumer.errors", "trainer.errors", "serving.errors"])
def test_every_refusal_with_an_exit_code_of_its_own_can_be_found(module: str) -> None:
    """Errors that stop a process and that an operator can end: codes 3 and 4."""
    source = parsed(f"{module.replace('.', '/')}.py")
    lasting = [
        node
        for node in source.body
        if isinstance(node, ast.ClassDef) and re.search(r"exit_code\b.* = 4", ast.unparse(node))
    ]
    for node in lasting:
        said = [" ".join(each.split()) for each in strings(node)]
        known = any(message(h).search(text) for h in HEADINGS for text in said)

        assert known or node.name in ELSEWHERE, node.name


def strings(node: ast.AST) -> list[str]:
    found = []
    for each in ast.walk(node):
        if isinstance(each, ast.JoinedStr):
            found.append("".join(map(part, each.values)))
        elif isinstance(each, ast.Constant) and isinstance(each.value, str):
            found.append(PLACE.sub(VARIES, each.value))
    return found


ELSEWHERE = {
    "LeaseLost",
    "Refused",
    "RefitRefused",
    "InsaneModel",
    "ErasedInside",
    "RequestRefused",
}
"""Bases, and errors whose text is made where they are raised."""
