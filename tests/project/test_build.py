"""The package builds from its own files, with a compiler and without one."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import yaml

from project.tree import ROOT
from support.data.indistreet import EVENTS as INDISTREET

FILES = ("pyproject.toml", "CMakeLists.txt", "README.md", "LICENSE", "native", "examples")
KNOWN_NDCG = 0.25  # of venues for artists, with compiled code 0.27
PACKAGES = ("consumer", "trainer", "serving", "operations", "web", "gigstream")


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


def test_a_wheel_holds_the_kernel_and_every_module(tmp_path: Path) -> None:
    names = wheel(tmp_path / "source", tmp_path)

    for kernel in ("trainer/als/_als.", "trainer/plays/_settle.", "consumer/ingest/_decode."):
        assert {name.rpartition(".")[2] for name in names if name.startswith(kernel)} == {
            "pyi",
            "so",
        }
    assert "trainer/als/local.py" in names
    assert not any(name.startswith("native") for name in names)


def test_without_a_compiler_the_wheel_is_pure_python(tmp_path: Path) -> None:
    names = wheel(tmp_path / "source", tmp_path, CXX="/nonexistent/c++")

    assert "trainer/als/implicit.py" in names
    assert not any(name.endswith(".so") for name in names)


# As `gigstream` in a process that has no other gigstream: -S leaves the checkout's own out.
PROGRAM = """
import sys
sys.path[:0] = sys.argv[1:3]
from gigstream.cli import main
sys.argv = ["gigstream", *sys.argv[3:]]
main()
"""


def gigstream(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    packages = sysconfig.get_path("purelib")
    return subprocess.run(
        [sys.executable, "-S", "-c", PROGRAM, str(home / "pure"), packages, *arguments],
        env=os.environ | {"GIGSTREAM_HOME": str(home / "data")},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def test_without_a_compiler_everything_works_and_says_what_is_missing(tmp_path: Path) -> None:
    wheel(tmp_path / "source", tmp_path, CXX="/nonexistent/c++")
    zipfile.ZipFile(next(tmp_path.glob("*.whl"))).extractall(tmp_path / "pure")

    checked = gigstream(tmp_path, "check", "solver")
    evaluated = gigstream(tmp_path, "evaluate", str(INDISTREET), "--split", "0.8", "--json")

    missing = "NOT COMPILED: decoding, settling, fitting, folding in, ranking"
    assert missing in checked.stdout + checked.stderr
    assert "install a C++ compiler" in checked.stdout + checked.stderr
    live = json.loads(evaluated.stdout)["models"]["live"]
    assert live["artist_to_venue"]["known"]["ndcg10"] > KNOWN_NDCG
    assert "not compiled" in evaluated.stderr


def test_the_commit_hooks_are_what_make_check_runs() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (recipe,) = re.findall(r"^check:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    (local,) = hooks["repos"]

    assert [hook["entry"] for hook in local["hooks"]] == [
        line.strip().replace("$(BIN)", ".venv/bin") for line in recipe.splitlines()
    ]
