"""The package builds from its own files, with a compiler and without one."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from project.tree import ROOT

FILES = ("pyproject.toml", "CMakeLists.txt", "README.md", "LICENSE", "native")
PACKAGES = ("consumer", "trainer", "serving", "gigstream")


def wheel(source: Path, out: Path, **environ: str) -> set[str]:
    """Names in a wheel built of a copy of the tree."""
    source.mkdir()
    for name in (*FILES, *PACKAGES):
        (source / name).symlink_to(ROOT / name)
    code = f"from scikit_build_core.build import build_wheel; build_wheel({str(out)!r})"
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=source,
        env=os.environ | environ,
        capture_output=True,
        timeout=280,
        check=True,
    )
    (built,) = out.glob("*.whl")
    return {name for name in zipfile.ZipFile(built).namelist() if not name.endswith("/")}


@pytest.mark.timeout(300)
def test_a_wheel_holds_the_kernel_and_every_module(tmp_path: Path) -> None:
    names = wheel(tmp_path / "source", tmp_path)

    for kernel in ("trainer/engines/_als.", "trainer/_settle.", "consumer/_decode."):
        assert {name.rpartition(".")[2] for name in names if name.startswith(kernel)} == {
            "pyi",
            "so",
        }
    assert "trainer/engines/local.py" in names
    assert not any(name.startswith("native") for name in names)


def test_without_a_compiler_the_wheel_is_pure_python(tmp_path: Path) -> None:
    names = wheel(tmp_path / "source", tmp_path, CXX="/nonexistent/c++")

    assert "trainer/engines/implicit.py" in names
    assert not any(name.endswith(".so") for name in names)
