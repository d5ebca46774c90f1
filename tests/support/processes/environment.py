"""Empty Python environments, and what an installed package does there.

No compiler, no checkout: `PATH` holds the environment and a Redis, and the working folder is a
fresh one.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[3]
OURS = ("consumer", "trainer", "serving", "web", "gigstream")


class Environment:
    """One virtual environment under a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "venv" / "bin" / "python"
        self.work = folder / "work"
        self.work.mkdir(parents=True)
        tools = folder / "tools"
        tools.mkdir()
        redis = shutil.which("redis-server")
        if redis:
            (tools / "redis-server").symlink_to(redis)
        self.environ = {
            "PATH": f"{self.python.parent}:{tools}",
            "HOME": str(self.work),
            "LANG": "C.UTF-8",
            "TMPDIR": str(self.work),
            "CXX": "/nonexistent/c++",
        }

    @classmethod
    def of_this_python(cls, folder: Path) -> "Environment":
        """Without pip: packages are put beside it as files."""
        made = cls(folder)
        venv.create(folder / "venv", symlinks=True)
        return made

    @classmethod
    def of(cls, python: Path, folder: Path) -> "Environment":
        """With pip, of another Python."""
        made = cls(folder)
        subprocess.run([python, "-m", "venv", folder / "venv"], check=True)
        return made

    @property
    def packages(self) -> Path:
        """Its site-packages."""
        (found,) = self.folder.glob("venv/lib/python*/site-packages")
        return found

    def install(self, *arguments: str | Path) -> None:
        """Run pip, which compiles nothing."""
        quiet = ("--quiet", "--disable-pip-version-check", "--only-binary", ":all:")
        command = [self.python, "-m", "pip", "install", *quiet, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.work, check=False)
        assert done.returncode == 0, done.stderr

    def borrow(self, names: Iterable[str]) -> None:
        """Copy packages of this Python's environment."""
        for name in names:
            found = Path(sysconfig.get_path("purelib"), name)
            shutil.copytree(found, self.packages / name, ignore=shutil.ignore_patterns("*.pyc"))

    def borrow_all(self) -> None:
        """See all packages of this Python's environment but the checkout.

        Its `.pth` files, by which an editable install is found, are not read.
        """
        borrowed = sysconfig.get_path("purelib")
        (self.packages / "borrowed.pth").write_text(f"{borrowed}\n")

    def run(self, *command: str | Path, timeout_s: float = 250) -> str:
        """What a command prints.

        Raises:
            AssertionError: it fails.
        """
        done = self.try_to_run(*command, timeout_s=timeout_s)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def try_to_run(
        self, *command: str | Path, timeout_s: float = 250
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [*command],
            env=self.environ,
            cwd=self.work,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def gigstream(self, *arguments: str, timeout_s: float = 250) -> str:
        """What `gigstream` prints."""
        return self.run(self.python, "-m", "gigstream", *arguments, timeout_s=timeout_s)


def pythons(dist: Path) -> dict[str, Path]:
    """By version, the Pythons that a folder has wheels for.

    Args:
        dist: what `make wheel` wrote.
    """
    found = {}
    for wheel in dist.glob("gigstream-*.whl"):
        tag = wheel.name.split("-")[2].removeprefix("cp")
        version = f"{tag[0]}.{tag[1:]}"
        path = ROOT / "build" / "packages" / version / "bin" / "python"
        found[version] = Path(os.path.realpath(path))
    return dict(sorted(found.items()))


def build(kind: str, source: Path, out: Path) -> None:
    """Build an `sdist` or a `wheel` with this environment's tools.

    Args:
        kind: which.
        source: folder of the pyproject.toml.
        out: where it goes.
    """
    code = f"from scikit_build_core.build import build_{kind}; build_{kind}({str(out)!r})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=source,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
