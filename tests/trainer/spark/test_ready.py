"""What the `spark` engine lacks is said in one line, with the code that tells a supervisor."""

import shutil
import socket
import threading
from importlib import metadata

import pytest
from pydantic import ValidationError

from consumer.ids.erasures import Erasures
from support.processes.commands import gigstream
from trainer.als.choose import engine
from trainer.errors import EngineMissing, EngineUnfit, SparkUnreachable
from trainer.live.plan import Known, Policy, warm
from trainer.recipe import Recipe
from trainer.registry.state import Registry, holding
from trainer.settings import TrainerSettings
from trainer.spark import ready
from trainer.spark.settings import ClusterSettings

JARS = ("delta-spark_4.1_2.13-4.4.0.jar", "delta-storage-4.4.0.jar")


@pytest.fixture
def found(monkeypatch, tmp_path):
    """Settings by which nothing is missing: pyspark by name alone, a Java of a script, two jars."""
    known = metadata.version
    monkeypatch.setattr(ready, "version", lambda n: "4.1.4" if n == "pyspark" else known(n))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "java"))
    says(tmp_path, 'openjdk version "17.0.15" 2025-04-15')
    for name in JARS:
        (tmp_path / name).touch()
    return ClusterSettings(spark_jars=str(tmp_path))


def says(tmp_path, line: str) -> None:
    """Java says this of its version from now on."""
    path = tmp_path / "java" / "bin" / "java"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{shutil.which('sh')}\necho '{line}' >&2\n")
    path.chmod(0o755)


def missing(settings: ClusterSettings) -> str:
    with pytest.raises(EngineMissing) as refusal:
        ready.ready(settings, wait_s=0)
    assert refusal.value.exit_code == 2
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def test_where_all_is_there_it_is_named(found):
    assert ready.ready(found, wait_s=0) == "pyspark 4.1.4, Java 17, local[*]"


@pytest.mark.parametrize("other", [None, "4.0.5", "4.2.1"])
def test_without_the_extra_or_with_another_spark_the_remedy_is_one_line(found, monkeypatch, other):
    def version(name: str) -> str:
        if other is None:
            raise metadata.PackageNotFoundError(name)
        return other

    monkeypatch.setattr(ready, "version", version)

    assert missing(found).endswith(f"here is {other or 'none'}; `pip install 'gigstream[spark]'`")


def test_java_that_is_missing_too_old_or_broken_is_told_apart(found, tmp_path):
    said = []
    for line in ('openjdk version "11.0.2" 2019-01-15', 'java version "1.8.0_392"', "?"):
        says(tmp_path, line)
        said.append(missing(found))
    shutil.rmtree(tmp_path / "java")
    said.append(missing(found))

    command = tmp_path / "java" / "bin" / "java"
    assert f"{command} is 11;" in said[0]
    assert f"{command} is 1;" in said[1]
    assert f"{command} is broken;" in said[2]
    assert f"there is no {command};" in said[3]
    assert all("Java 17" in line and "apt-get install" in line for line in said)


@pytest.mark.parametrize("gone", JARS)
def test_a_jar_that_is_missing_is_named(found, tmp_path, gone):
    (tmp_path / gone).unlink()

    assert f"spark_jars: {tmp_path} has no {gone};" in missing(found)


def test_a_master_that_does_not_answer_is_waited_for_and_then_code_3(found):
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"spark://127.0.0.1:{server.getsockname()[1]}"
        there = found.model_copy(update={"spark_master": url})
        assert ready.ready(there, wait_s=0).endswith(url)
    with pytest.raises(SparkUnreachable, match=f"spark_master: {url} does not answer") as refusal:
        ready.ready(there, wait_s=0.1)
    assert refusal.value.exit_code == 3


def test_of_two_masters_one_that_answers_is_enough_and_a_stop_ends_the_waiting(found):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        url = f"spark://127.0.0.1:1,127.0.0.1:{port}"
        assert ready.ready(found.model_copy(update={"spark_master": url}), wait_s=0)
    stop = threading.Event()
    stop.set()
    ready.ready(found.model_copy(update={"spark_master": url}), wait_s=60, stop=stop)


@pytest.mark.parametrize("command", [("train", "--once"), ("check", "solver")])
def test_the_command_line_says_it_in_one_line_and_exits_2(command, found, monkeypatch, tmp_path):
    (tmp_path / JARS[0]).unlink()
    settings = {"ENGINE": "spark", "REGULARIZATION_EXPONENT": "1", "SPARK_JARS": tmp_path}
    for name, value in settings.items():
        monkeypatch.setenv(f"GIGSTREAM_{name}", str(value))
    monkeypatch.chdir(tmp_path)

    done = gigstream(*command)

    assert done.code == 2
    said = done.line if command[0] == "train" else done.out
    assert f"spark_jars: {tmp_path} has no {JARS[0]};" in said


def test_lambda_that_is_not_by_count_is_refused_by_name():
    for exponent in ({}, {"regularization_exponent": 0.5}):
        with pytest.raises(ValidationError, match=r"regularization_exponent[\s\S]*by count alone"):
            TrainerSettings(engine="spark", **exponent)

    assert TrainerSettings(engine="spark", regularization_exponent=1).recipe().engine == "spark"


def test_a_refit_by_spark_is_never_warm():
    known = Known(
        plays=100,
        changed=1,
        fitted_plays=100,
        fitted_at_s=0,
        recipe_changed=False,
        warm_fits=0,
        first_change_s=0,
        last_change_s=0,
    )
    spark = TrainerSettings(engine="spark", regularization_exponent=1)

    assert warm(known, Policy.from_settings(TrainerSettings()))
    assert not warm(known, Policy.from_settings(spark))


def test_plays_in_memory_are_not_for_spark():
    with pytest.raises(EngineUnfit, match="'spark' fits the whole store") as refusal:
        engine("spark")
    assert refusal.value.exit_code == 2
    Recipe(engine="spark", regularization_exponent=1)


@pytest.mark.parametrize("url", ["local", "local[4]", "local[*]", "spark://a:1,b:2", "yarn"])
def test_a_master_is_this_machine_or_an_address(url):
    assert ClusterSettings(spark_master=url).spark_master == url


@pytest.mark.parametrize("url", ["", "spark", "spark://a", "http://a:1", "local[x]"])
def test_what_is_no_master_is_refused(url):
    with pytest.raises(ValidationError, match=r"is no master; use local\[\*\]"):
        ClusterSettings(spark_master=url)


def test_options_may_lack_their_first_word_and_ours_are_refused():
    options = {"executor.memory": "2g", "spark.driver.memory": "1g", "authenticate.secret": "s"}
    held = ClusterSettings(spark=options).spark

    assert set(held) == {f"spark.{name.removeprefix('spark.')}" for name in options}
    assert "'s'" not in repr(held)
    with pytest.raises(ValidationError, match="cannot be set here \\(use spark_master\\)"):
        ClusterSettings(spark={"master": "local"})


def test_an_erasure_takes_what_a_killed_fit_left_behind(tmp_path):
    registry = Registry(tmp_path)
    left = ready.beside(registry.artifact(7))
    left.mkdir()
    (left / "artists.parquet").write_bytes(b"PAR1")

    assert holding(registry.artifacts(), Erasures(b"", [("artist", "ff")])) == [left]
