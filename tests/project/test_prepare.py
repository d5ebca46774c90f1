"""What `make` says on a machine that lacks something, shown on a PATH that holds less."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from project.tree import ROOT

TOOLS = ["sh", "sed", "tr", "cat", "grep", "id", "uname", "dirname"]


def prepare(purpose: str, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [shutil.which("sh") or "sh", "scripts/prepare.sh", purpose],
        cwd=ROOT,
        env={"PATH": f"{path}:{path.parent / 'linked'}"},
        capture_output=True,
        text=True,
        check=False,
    )


def script(path: Path, text: str) -> None:
    path.write_text(f"#!{shutil.which('sh')}\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A PATH with this Python and a shell's everyday tools, but no server, Java or Maven."""
    linked, own = tmp_path / "linked", tmp_path / "own"
    linked.mkdir()
    for tool in TOOLS:
        (linked / tool).symlink_to(shutil.which(tool) or tool)
    own.mkdir()  # apart from the links, which writing would follow to the machine's own tools
    script(own / "python3", f'exec "{sys.executable}" "$@"')
    return own


def test_all_that_is_missing_is_named_with_one_line_that_installs_it(bare: Path) -> None:
    done = prepare("tests", bare)

    assert done.returncode == 1
    assert done.stdout == ""
    lacks, line = done.stderr.splitlines()
    missing = "redis java maven strace prometheus chromium"
    assert lacks == f"This machine lacks: {missing}. Install it, then run make again:"
    assert line.split(": ")[1].startswith(missing)


def test_no_python_is_named_too(bare: Path) -> None:
    (bare / "python3").unlink()

    lacks = "lacks: python libgomp redis java maven strace prometheus chromium."
    assert lacks in prepare("tests", bare).stderr


def test_a_shim_without_a_python_behind_it_is_no_python(bare: Path) -> None:
    script(bare / "python3", "exit 127")

    assert "lacks: python" in prepare("demo", bare).stderr


def test_java_11_is_too_old(bare: Path) -> None:
    for tool in ("mvn", "redis-server", "strace", "prometheus", "promtool", "chromium"):
        script(bare / tool, "exit 0")
    script(bare / "java", "echo 'openjdk version \"11.0.2\" 2019-01-15' >&2")

    assert "lacks: java." in prepare("tests", bare).stderr


def test_a_machine_that_has_all_is_left_alone(bare: Path) -> None:
    for tool in ("mvn", "redis-server", "strace", "prometheus", "promtool", "chromium"):
        script(bare / tool, "exit 0")
    script(bare / "java", "echo 'openjdk version \"21.0.1\" 2023-10-17' >&2")
    done = prepare("tests", bare)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("candidate", "java"),
    [("17.0.19", "openjdk-17-jre-headless"), ("(none)", "default-jre-headless")],
)
def test_where_nobody_may_install_the_debian_line_is_whole(
    bare: Path, candidate: str, java: str
) -> None:
    script(bare / "apt-get", "exit 100")
    script(bare / "apt-cache", f"echo '  Candidate: {candidate}'")
    script(bare / "id", "echo 1000")
    done = prepare("tests", bare)

    assert done.returncode == 1
    assert done.stderr.splitlines()[1].strip() == (
        "sudo apt-get update && sudo apt-get install -y --no-install-recommends "
        f"redis-server {java} maven strace prometheus chromium"
    )


def test_a_compiler_is_fetched_where_that_is_allowed_and_nobody_stops_without_it(
    bare: Path, tmp_path: Path
) -> None:
    for tool in ("mvn", "redis-server", "strace", "prometheus", "promtool", "chromium"):
        script(bare / tool, "exit 0")
    script(bare / "java", "echo 'openjdk version \"21.0.1\" 2023-10-17' >&2")
    asked = tmp_path / "asked"
    script(bare / "apt-get", f'echo "$@" >>{asked}; exit 100')
    script(bare / "id", "echo 0")
    done = prepare("tests", bare)

    assert done.returncode == 0
    assert "g++ python3-dev" in asked.read_text().splitlines()[-1]
