"""`python -m support.processes.sanitized [ARGUMENTS OF PYTEST]`: the code under ASan and UBSan.

All three extensions are built into ``build/sanitize``, beside links to the sources, and an
interpreter of its own finds them there. The broker runs outside, as Java and ASan do not mix.
"""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from support.servers.kafka import KafkaBroker

ROOT = Path(__file__).parents[3]
BUILD = ROOT / "build" / "sanitize"
TREE = BUILD / "tree"
# A report is written to the real stderr, which pytest would keep.
_ALONE = ("-n", "0", "-s", "--timeout", "3600")
TESTS = (
    "tests/fuzz",
    "tests/consumer/ingest/test_compiled.py",
    "tests/consumer/events/test_limits.py",
    "tests/consumer/ingest/test_rows.py",
    "tests/trainer/plays/test_interactions.py",
    "tests/trainer/plays/test_ids.py",
    "tests/trainer/registry/test_snapshot.py",
    "tests/trainer/plays/test_matrix.py",
    "tests/trainer/registry/test_bounds.py",
    "tests/trainer/als/test_engine.py",
    "tests/trainer/als/test_local.py",
    "tests/trainer/ranking/test_topn.py",
    "tests/trainer/model/test_foldin.py",
    "tests/trainer/als/test_regularization.py",
)


def build() -> None:
    """The extensions, in place among links to all that git knows."""
    nanobind = _output(sys.executable, "-m", "nanobind", "--cmake_dir")
    _run(
        *("cmake", "-S", str(ROOT), "-B", str(BUILD / "cmake"), "-DGIGSTREAM_SANITIZE=ON"),
        *(f"-DPython_EXECUTABLE={sys.executable}", f"-Dnanobind_ROOT={nanobind}"),
    )
    _run("cmake", "--build", str(BUILD / "cmake"), "--parallel", str(os.cpu_count()))
    for name in _output("git", "-C", str(ROOT), "ls-files").splitlines():
        link = TREE / name
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(ROOT / name)
    _run("cmake", "--install", str(BUILD / "cmake"), "--prefix", str(TREE))


def interpreter() -> Path:
    """A Python that has the packages of this one, without the editable install among them."""
    _run(sys.executable, "-m", "venv", "--without-pip", str(BUILD / "venv"))
    (packages,) = (BUILD / "venv").glob("lib/python*/site-packages")
    (packages / "others.pth").write_text(f"{sysconfig.get_path('purelib')}\n{TREE}\n", "utf-8")
    return BUILD / "venv" / "bin" / "python"


def main(*arguments: str) -> int:
    """Build and test; pytest's exit code."""
    build()
    python = interpreter()
    environ = {
        **os.environ,
        # With the C++ library at once, or ASan does not find what throws exceptions.
        "LD_PRELOAD": " ".join(map(_library, ("libasan.so", "libstdc++.so.6"))),
        # The interpreter leaks on purpose.
        "ASAN_OPTIONS": "detect_leaks=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "PYTHONPATH": str(TREE / "tests"),
    }
    with KafkaBroker() as broker:
        environ["GIGSTREAM_TEST_KAFKA"] = broker.bootstrap
        command = [str(python), "-m", "pytest", *_ALONE, *TESTS, *arguments]
        return subprocess.run(command, cwd=TREE, env=environ, check=False).returncode


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _library(name: str) -> str:
    return _output("g++", f"-print-file-name={name}")


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
