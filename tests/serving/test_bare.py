"""What an app gets that installs `redis` and gigstream's own files, and nothing else."""

import json
import pkgutil
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import redis

import serving
from support.data.lists import publish

LOOKUP = """
import json, sys
sys.path[:] = [p for p in sys.path if "site-packages" not in p] + {paths!r}
from redis import Redis
from serving.lookup import Lookup
found = Lookup(Redis.from_url({url!r}), {prefix!r}).artist("a0", n=2)
print(json.dumps([[item.id for item in found.items], found.source, sorted(sys.modules)]))
"""

QUIET = """
import sys
opened = []
def audit(event, arguments):
    if event.startswith("socket."):
        opened.append((event, str(arguments)))
sys.addaudithook(audit)
import {module}
sys.exit(str(opened) if opened else 0)
"""

MODULES = sorted(module.name for module in pkgutil.iter_modules(serving.__path__, "serving."))


@pytest.fixture
def bare(tmp_path):
    """A folder with the package `redis` and ours, as `pip install --no-deps` would leave it."""
    packages = [Path(redis.__file__).parent, Path(serving.__file__).parent]
    if sys.version_info < (3, 11, 3):
        packages.append(Path(find_spec("async_timeout").origin).parent)
    for package in packages:
        shutil.copytree(
            package, tmp_path / package.name, ignore=shutil.ignore_patterns("__pycache__")
        )
    return tmp_path


def run(code, cwd):
    # -I: neither this environment's variables nor its folders; -S: nor its site-packages.
    command = [sys.executable, "-I", "-S", "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_lookup_needs_redis_alone(bare, redis_server, publisher, prefix):
    publish(publisher, 1)
    code = LOOKUP.format(paths=[str(bare)], url=redis_server.url, prefix=prefix)
    ids, source, modules = json.loads(run(code, bare))

    assert (ids, source) == (["v1", "v2"], "model")
    loaded = {name.partition(".")[0] for name in modules}
    # redis-py itself needs async_timeout before Python 3.11.3.
    known = {"__main__", "redis", "serving", "async_timeout"}
    foreign = loaded - set(sys.stdlib_module_names) - known
    # redis-py registers itself under no other name, Python itself under these.
    assert set() == {name for name in foreign if not name.startswith("_")}
    top = ("contract", "errors", "lookup", "reader", "redis_errors")
    used = (*top, "reader.answers", "reader.list_cache", "reader.reading")
    assert {"serving", *(f"serving.{name}" for name in used)} == {
        name for name in modules if name.partition(".")[0] == "serving"
    }


def test_the_package_itself_imports_nothing(bare):
    code = f"import sys; sys.path.append({str(bare)!r}); before = set(sys.modules); import serving"
    added = run(code + "; print(sorted(set(sys.modules) - before))", bare)

    assert added.strip() == "['serving']"


@pytest.mark.parametrize("module", MODULES)
def test_importing_opens_no_socket(module):
    root = str(Path(serving.__file__).parents[1])
    code = f"import sys; sys.path.insert(0, {root!r})\n" + QUIET.format(module=module)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
