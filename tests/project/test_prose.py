"""The prose: plain words, comments where the order of steps matters, arguments explained.

``NOT_YET`` lists what is still exempt, ``ARGS_MISSING`` and ``COMMENTS_FLOOR`` are today's values.
List and number only shrink, the floor only rises.
"""

import ast
import io
import re
import tokenize

import pytest

from project.tree import ROOT, committed_texts, docstrings, modules, parameters, public_functions

# In character classes, so that this list does not match itself.
IDIOMS = [
    "[w]hoever",
    "[a]new",
    "[n]obody",
    "[h]angs? on",
    "[s]o many",
    "[g]o(?:es)? on",
    "[l]ikewise",
    "[o]f (?:theirs|ours)",
    "[m]end(?:s|ed)?",
    "(?:[i]s|[a]re|[w]as|[w]ere) told",
    "[s]ays? so",
    "[h]ears? of",
    "[s]peaks?",
    "[s]poken of",
    "[l]ets? go",
    "[i]n the midst",
    "[t]hereby",
    "[t]herein",
]
# A phrase may be broken over two lines, with the comment sign of the second between its words.
# `chunk.anew` and the like are names of the code, which have lists of their own.
BANNED = re.compile(
    rf"(?<!\.)\b(?:{'|'.join(IDIOMS)})\b".replace(" ", r"(?:\s|#|//|--)+"), re.IGNORECASE
)
PROSE = (".py", ".pyi", ".lua", ".md", ".hpp", ".cpp", ".sh", ".toml", ".yml", ".yaml")
PROSE_NAMES = {"Makefile", "Dockerfile", ".ci/run"}
DATA = ("docs/contract/released/", "tests/project/schema/", "tests/fuzz/corpus")

# Files and folders whose prose is still to be rewritten.
NOT_YET: tuple[str, ...] = ()

# Comment lines and trailing comments per 100 lines of code without docstrings, in all packages.
COMMENTS_FLOOR = 4.0


def prose() -> list[tuple[str, str]]:
    """(path, text) of every committed file in which people read sentences."""
    return [
        (path, text)
        for path, text in committed_texts()
        if (path.endswith(PROSE) or path in PROSE_NAMES) and not path.startswith(DATA)
    ]


def test_prose_is_plain() -> None:
    found = [
        f"{path}:{text[: match.start()].count(chr(10)) + 1}: {match.group()}"
        for path, text in prose()
        if not path.startswith(NOT_YET)
        for match in BANNED.finditer(text)
    ]

    assert found == []


@pytest.mark.parametrize(
    "text", ["made a" + "new", "he g" + "oes\n    # on", "it i" + "s\ntold", "l" + "et go"]
)
def test_the_idiom_finder_finds_one(text: str) -> None:
    assert BANNED.search(text)


def test_every_exemption_names_something() -> None:
    paths = [path for path, _ in prose()]

    assert [e for e in NOT_YET if not any(path.startswith(e) for path in paths)] == []


def comments_and_code(module: str) -> tuple[int, int]:
    """(comments, lines of code): docstrings and blank lines count as neither."""
    text = (ROOT / module).read_text(encoding="utf-8")
    layout = {tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    comments, code = 0, set[int]()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            comments += 1
        elif token.type not in layout:
            code.update(range(token.start[0], token.end[0] + 1))
    for node, _ in docstrings(module):
        first = node.body[0]  # type: ignore[attr-defined]
        code -= set(range(first.lineno, first.end_lineno + 1))
    return comments, len(code)


def test_comments_explain_the_code() -> None:
    counts = [comments_and_code(module) for module in modules()]
    comments, code = (sum(column) for column in zip(*counts, strict=True))

    assert 100 * comments / code >= COMMENTS_FLOOR


def test_a_public_function_explains_its_arguments() -> None:
    missing = [
        f"{module} {name}"
        for module in modules()
        for name, function in public_functions(module)
        if len(parameters(function)) >= 3 and "Args:" not in (ast.get_docstring(function) or "")
    ]

    assert missing == []
