"""The locks: everything hashed, nothing missing, runtime a part of dev."""

import re
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from project.tree import ROOT

PIN = re.compile(r"^([a-z0-9.-]+)==(\S+?)((?: ;[^\\\n]*)?) \\$", re.MULTILINE)


LOCKS = ("runtime.txt", "dev.txt", "spark.txt", "wheel.txt")


def text(name: str) -> str:
    return (ROOT / "lock" / name).read_text(encoding="utf-8")


def pins(name: str) -> dict[str, set[str]]:
    """Versions by package; more than one where Python versions need different ones."""
    found: dict[str, set[str]] = {}
    for package, version, _ in PIN.findall(text(name)):
        found.setdefault(package, set()).add(version)
    return found


def wanted(*extras: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lines = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    for extra in extras:
        lines += project["project"]["optional-dependencies"][extra]
    return [Requirement(line) for line in lines]


def test_runtime_pins_are_dev_pins() -> None:
    assert pins("runtime.txt").items() <= pins("dev.txt").items()


def test_what_spark_adds_to_the_tests_packages_is_spark() -> None:
    more = {"pyspark", "py4j"}

    assert pins("spark.txt").keys() - pins("dev.txt").keys() == more
    assert {k: v for k, v in pins("spark.txt").items() if k not in more}.items() <= pins(
        "dev.txt"
    ).items()


def test_every_requirement_is_locked_at_a_version_it_allows() -> None:
    tests = ["embedded", "schema-registry", "serve", "test", "check"]
    kinds = (("runtime.txt", ["embedded", "serve"]), ("dev.txt", tests), ("spark.txt", ["spark"]))
    for name, extras in kinds:
        locked = pins(name)
        for requirement in wanted(*extras):
            versions = locked[canonicalize_name(requirement.name)]

            assert all(requirement.specifier.contains(v) for v in versions), str(requirement)


def test_wheels_are_built_with_what_the_lock_builds_with() -> None:
    common = pins("wheel.txt").keys() & pins("dev.txt").keys()

    assert {"scikit-build-core", "nanobind", "cmake", "ninja"} <= common
    assert all(pins("wheel.txt")[name] <= pins("dev.txt")[name] for name in common)


def test_every_locked_package_carries_hashes() -> None:
    for name in LOCKS:
        blocks = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", text(name), flags=re.MULTILINE))

        assert len(blocks) == len(PIN.findall(text(name)))
        assert all("--hash=sha256:" in block for block in blocks)


def test_the_locks_name_no_index() -> None:
    for name in LOCKS:
        assert not re.search(r"^--|https?:", text(name), re.MULTILINE)
