"""What belongs to this project: its root, its packages' modules, its text files."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("consumer", "trainer", "serving", "operations", "web", "gigstream")

_TARGETS = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
OF_A_CHECKOUT = re.compile(
    rf"\bmake (?:{'|'.join(_TARGETS)})\b"
    r"|\b(?:docs|examples|scripts|lock|tests)/\w|\w\.md\b|\bcheckout\b"
)
"""What an installed package has none of: make's targets, and files of the repository."""


def modules(*packages: str) -> list[str]:
    """Paths of the modules of these packages (default: all six), such as ``consumer/run.py``."""
    found = (path for package in packages or PACKAGES for path in (ROOT / package).rglob("*.py"))
    return sorted(str(path.relative_to(ROOT)) for path in found)


def parsed(module: str) -> ast.Module:
    return ast.parse((ROOT / module).read_text(encoding="utf-8"), module)


def functions(module: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(parsed(module)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def committed_texts() -> Iterator[tuple[str, str]]:
    """(path, text) of every text file that git has or would take."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True)
    for path in filter(lambda p: (ROOT / p).is_file(), done.stdout.splitlines()):
        content = (ROOT / path).read_bytes()
        if b"\0" not in content:
            yield path, content.decode("utf-8")


def docstrings(module: str) -> Iterator[tuple[ast.AST, str]]:
    """(node, docstring) of the module and of each class and function in it that has one."""
    for node in ast.walk(parsed(module)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield node, text


def public_functions(module: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    """(qualified name, node) of the functions and methods that other modules may call.

    Commands and routes are left out: click and OpenAPI show their docstrings as help, so options
    and parameters explain themselves.
    """
    for node in parsed(module).body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        if not prefix.startswith("_"):
            for function in (f for f in inner if isinstance(f, ast.FunctionDef)):
                if not function.name.startswith("_") and not _is_command(function):
                    yield prefix + function.name, function


def _is_command(function: ast.FunctionDef) -> bool:
    decorators = map(ast.unparse, function.decorator_list)
    return any(name.startswith(("command(", "click.", "get(", "post(")) for name in decorators)


def parameters(function: ast.FunctionDef) -> list[str]:
    """Names of the parameters, without ``self`` and ``cls``."""
    found = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    return [each.arg for each in found if each.arg not in {"self", "cls"}]
