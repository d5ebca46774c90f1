"""The wheel, in an empty environment: every command works there, the demo included.

In the suite one wheel is built, for this Python, and uses the packages of this environment.
`make wheel` sets GIGSTREAM_TEST_DIST: then the wheels of that folder are installed by pip, on each
Python that they are for, with their dependencies as locked.
"""

import json
import os
import shutil
import sys
import tarfile
from pathlib import Path

import pytest

from project.tree import OF_A_CHECKOUT
from support.processes.environment import OURS, ROOT, Environment, build, pythons

DIST = Path(os.environ.get("GIGSTREAM_TEST_DIST", ".")).absolute()
VERSIONS = list(pythons(DIST)) if "GIGSTREAM_TEST_DIST" in os.environ else ["here"]
HELPS = """
import click, json
from click.testing import CliRunner
from gigstream.cli import cli, Later

def walk(group, above):
    for name, made in group.commands.items():
        command = made.load() if isinstance(made, Later) else made
        shown = CliRunner().invoke(cli, [*above, name, "--help"])
        print(json.dumps([" ".join([*above, name]), shown.exit_code, shown.output]))
        if isinstance(command, click.Group):
            walk(command, [*above, name])

walk(cli, [])
"""


@pytest.fixture(scope="module")
def sdist(tmp_path_factory) -> Path:
    if "GIGSTREAM_TEST_DIST" in os.environ:
        (found,) = DIST.glob("gigstream-*.tar.gz")
        return found
    out = tmp_path_factory.mktemp("sdist")
    build("sdist", ROOT, out)
    return next(out.glob("*.tar.gz"))


@pytest.fixture(scope="module", params=VERSIONS)
def installed(request, sdist, tmp_path_factory) -> Environment:
    """With gigstream in it, of the sdist."""
    folder = tmp_path_factory.mktemp(f"python-{request.param}")
    if request.param != "here":
        return from_dist(request.param, folder)
    shutil.unpack_archive(sdist, folder / "source", filter="data")
    build("wheel", next((folder / "source").iterdir()), folder)
    environment = Environment.of_this_python(folder)
    shutil.unpack_archive(next(folder.glob("*.whl")), environment.packages, "zip")
    environment.borrow_all()
    return environment


def from_dist(version: str, folder: Path) -> Environment:
    environment = Environment.of(pythons(DIST)[version], folder)
    tag = f"cp{version.replace('.', '')}"
    (wheel,) = DIST.glob(f"gigstream-*-{tag}-*.whl")
    assert sys.platform != "linux" or "manylinux" in wheel.name
    environment.install("--require-hashes", "-r", ROOT / "lock" / "runtime.txt")
    environment.install("--no-deps", wheel)
    return environment


def test_an_sdist_holds_what_it_builds_and_nothing_else(sdist):
    with tarfile.open(sdist) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}

    assert {"pyproject.toml", "LICENSE", "native/decode/rows.cpp"} <= names
    assert str(Path("gigstream") / "indistreet" / "events.tsv.gz") in names
    assert not {name.partition("/")[0] for name in names} & {"tests", "docs", "client", ".venv"}


def test_no_checkout_is_seen(installed):
    code = "import consumer, trainer, gigstream; print(gigstream.__file__)"

    assert str(installed.packages) in installed.run(installed.python, "-c", code)


def test_the_wheel_is_compiled(installed):
    assert "NOT COMPILED" not in installed.gigstream("check", "solver")


def test_every_command_has_help_that_names_no_checkout(installed):
    own = installed.gigstream("--help")
    lines = installed.run(installed.python, "-c", HELPS).splitlines()
    helps = {name: (code, text) for name, code, text in map(json.loads, lines)}

    assert {"demo", "import", "dead-letters list"} <= helps.keys()
    for name, (code, text) in {**helps, "": (0, own)}.items():
        assert (code, "Usage: " in text) == (0, True), name
        assert not OF_A_CHECKOUT.search(text), name


def test_the_demo_runs(installed):
    shown = json.loads(installed.gigstream("demo", "--json").splitlines()[-1])

    assert shown["events"] == 47_142
    assert len(shown["latencies_ms"]) == 5


def test_packages_are_those_of_the_checkout(installed):
    top = {path.name for path in installed.packages.iterdir()}

    assert set(OURS) <= top
