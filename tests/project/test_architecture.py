"""The shape of the code: one noun per file, one step per function, no catch-alls inside."""

import ast
import re
import statistics

import pytest

from project.tree import PACKAGES, ROOT, committed_texts, functions, modules, parsed

# The outermost frame of a process: an unforeseen error is printed once, and the process ends.
PROCESS_EDGES = {"gigstream/cli.py"}
# An unforeseen error costs the record that raised it, and is logged once for each kind.
RECORD_EDGES = {"consumer/ingest/rows.py"}
THREAD_EDGES = {
    "consumer/ingest/appender.py"
}  # whatever ends the thread is raised again in the loop

# Patterns that do not match themselves.
HOSTS = [r"pypi\.org", r"python[h]osted", r"maven\.org", r"registry\.npm", r"crates\.io"]
HOSTS += [r"proxy\.golang", r"deb\.debian"]
LOCAL_PATH = re.compile(r"(?<![\w.$}-])/(?:root|home|work|Users|tmp)/\w")
LEFT_FOR_LATER = re.compile(r"\b(TOD[O]|FIXM[E]|XX[X]|HAC[K])\b|NotImplemented[E]rror")


def lengths(*, docstrings: bool = True) -> dict[str, int]:
    """Lines of each function of the packages with its signature, with or without its docstring."""
    return {
        f"{module}:{function.lineno} {function.name}": _lines(function, docstrings=docstrings)
        for module in modules()
        for function in functions(module)
    }


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef, *, docstrings: bool) -> int:
    first, whole = function.body[0], function.end_lineno - function.lineno + 1
    has_docstring = ast.get_docstring(function) is not None
    left_out = has_docstring and not docstrings
    return whole - (first.end_lineno - first.lineno + 1 if left_out else 0)


def test_a_function_is_one_step() -> None:
    found = sorted(lengths().values())

    # 7, not the 6 that is wanted, since every public function of three parameters has `Args`.
    assert statistics.median(found) <= 7
    assert found[int(len(found) * 0.9)] <= 18
    assert [name for name, length in lengths().items() if length > 60] == []


def test_a_function_has_few_lines_of_code() -> None:
    code = lengths(docstrings=False)
    found = sorted(code.values())

    assert statistics.median(found) <= 6
    assert found[int(len(found) * 0.9)] <= 15
    assert [name for name, length in code.items() if length > 45] == []


def test_a_file_is_one_noun() -> None:
    long = {m: len((ROOT / m).read_text(encoding="utf-8").splitlines()) for m in modules()}

    assert {module: length for module, length in long.items() if length > 500} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_nothing_by_itself(package: str) -> None:
    module = parsed(f"{package}/__init__.py")

    assert ast.get_docstring(module)
    assert len(module.body) == 1


def test_every_module_says_what_it_is() -> None:
    assert [module for module in modules() if not ast.get_docstring(parsed(module))] == []


def catches_all(node: ast.AST) -> bool:
    """``except:``, ``except Exception`` and ``contextlib.suppress(Exception)`` alike."""
    if isinstance(node, ast.ExceptHandler):
        return node.type is None or names_everything(node.type)
    called = isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress")
    return called and any(map(names_everything, node.args))


def names_everything(node: ast.expr) -> bool:
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    return any(ast.unparse(part) in {"Exception", "BaseException"} for part in parts)


def test_only_a_process_edge_catches_everything() -> None:
    broad = {m for m in modules() if any(map(catches_all, ast.walk(parsed(m))))}

    assert broad == PROCESS_EDGES | RECORD_EDGES | THREAD_EDGES


def test_the_catch_all_finder_knows_one_when_it_sees_one() -> None:
    source = "try: ...\nexcept (ValueError, Exception): ...\nwith suppress(BaseException): ..."

    assert sum(map(catches_all, ast.walk(ast.parse(source)))) == 2
    assert not any(map(catches_all, ast.walk(ast.parse("try: ...\nexcept OSError: ..."))))


@pytest.mark.parametrize("host", HOSTS)
def test_no_file_names_a_registry(host: str) -> None:
    assert [path for path, text in committed_texts() if re.search(host, text)] == []


def test_no_file_names_a_path_of_some_machine() -> None:
    found = [
        f"{path}: {match.group()}"
        for path, text in committed_texts()
        for match in LOCAL_PATH.finditer(text)
    ]

    assert found == []


def test_nothing_is_left_for_later() -> None:
    in_code = (item for item in committed_texts() if item[0].endswith((".py", ".lua", ".sh")))

    assert [path for path, text in in_code if LEFT_FOR_LATER.search(text)] == []
