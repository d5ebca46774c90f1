"""Settings: every source, every problem at once, no secret in sight."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gigstream.running import only_stack
from gigstream.settings import BadSettings, environment, load, shown


def problems() -> list[str]:
    with pytest.raises(BadSettings) as caught:
        load()

    assert caught.value.exit_code == 2
    return str(caught.value).splitlines()


def test_without_any_source_the_defaults_hold():
    settings = load()

    assert settings.kafka_topic == "gigs"
    assert settings.redis_prefix == "gig"
    assert settings.store == Path("gigstream-data/store")
    assert settings.recipe().factors == 64


def test_the_environment_wins_over_the_file(monkeypatch):
    Path("gigstream.toml").write_text('kafka_topic = "file"\nfactors = 16\n')
    monkeypatch.setenv("GIGSTREAM_KAFKA_TOPIC", "environment")

    assert (load().kafka_topic, load().factors) == ("environment", 16)


def test_a_table_of_the_environment_joins_that_of_the_file(monkeypatch):
    Path("gigstream.toml").write_text('[kafka]\n"sasl.username" = "me"\n"log_level" = 3\n')
    monkeypatch.setenv("GIGSTREAM_KAFKA__SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("gigstream_kafka__enabled_events", "0")

    assert load().kafka == {
        "security.protocol": "SASL_SSL",
        "sasl.username": "me",
        "log_level": "3",
        "enabled_events": "0",
    }


def test_the_file_may_lie_elsewhere(monkeypatch, tmp_path):
    (tmp_path / "other.toml").write_text("list_size = 7\n")
    monkeypatch.setenv("GIGSTREAM_CONFIG", str(tmp_path / "other.toml"))

    assert load().list_size == 7


def test_a_named_file_must_be_there(monkeypatch):
    monkeypatch.setenv("GIGSTREAM_CONFIG", "none.toml")

    assert problems() == [
        "GIGSTREAM_CONFIG: none.toml does not exist; create it or unset it",
    ]


def test_a_file_that_is_no_toml_is_named():
    Path("gigstream.toml").write_text("list_size = \n")

    (said,) = problems()
    assert said.startswith("gigstream.toml cannot be read: ")


def test_all_problems_are_listed_at_once_each_with_its_remedy(monkeypatch):
    Path("gigstream.toml").write_text('kafka_topik = "x"\nalpha = -1\n')
    monkeypatch.setenv("GIGSTREAM_KAFKA_BOOTSTRP", "x")
    monkeypatch.setenv("GIGSTREAM_LIST_SIZE", "many")
    monkeypatch.setenv("GIGSTREAM_HOME__FOLDER", "x")

    said = problems()
    assert said[:3] == [
        "GIGSTREAM_HOME__FOLDER: no such setting; did you mean GIGSTREAM_HOME?",
        "GIGSTREAM_KAFKA_BOOTSTRP: no such setting; did you mean GIGSTREAM_KAFKA_BOOTSTRAP?",
        "gigstream.toml: kafka_topik: no such setting; did you mean kafka_topic?",
    ]
    assert sorted(line.split(" cannot be:")[0] for line in said[3:]) == [
        "GIGSTREAM_LIST_SIZE: 'many'",
        "gigstream.toml: alpha: -1",
    ]


def test_a_table_must_be_an_object(monkeypatch):
    monkeypatch.setenv("GIGSTREAM_KAFKA", "security.protocol=SSL")

    (said,) = problems()
    assert 'field "kafka"' in said
    assert said.endswith("write it as a JSON object")


def test_names_left_to_the_tests_are_no_problem(monkeypatch):
    monkeypatch.setenv("GIGSTREAM_TEST_KAFKA", "localhost:1")

    assert load().kafka_topic == "gigs"


def test_secrets_are_masked_wherever_settings_are_shown(monkeypatch):
    monkeypatch.setenv("GIGSTREAM_REDIS_URL", "redis://me:hunter2@host:1/0")
    monkeypatch.setenv("GIGSTREAM_KAFKA__SASL_PASSWORD", "hunter2")
    monkeypatch.setenv("GIGSTREAM_KAFKA__SSL_KEY_PEM", "hunter2")
    monkeypatch.setenv("GIGSTREAM_KAFKA__SASL_USERNAME", "me")
    monkeypatch.setenv("GIGSTREAM_REDIS__PASSWORD", "hunter2")
    monkeypatch.setenv("GIGSTREAM_SCHEMA_REGISTRY__BASIC_AUTH_USER_INFO", "me:hunter2")
    settings = load()

    assert "hunter2" not in str(shown(settings))
    assert "hunter2" not in repr(settings)
    assert shown(settings)["redis_url"] == "redis://me:***@host:1/0"
    assert '"sasl.username": "me"' in shown(settings)["kafka"]


def test_a_login_in_a_schema_registrys_address_is_refused_and_not_repeated(monkeypatch):
    monkeypatch.setenv("GIGSTREAM_SCHEMA_REGISTRY_URL", "https://me:hunter2@host:1")

    (said,) = problems()
    assert said.startswith("GIGSTREAM_SCHEMA_REGISTRY_URL: it holds a login; move that to")
    assert "hunter2" not in said


def test_a_refused_secret_is_not_repeated(monkeypatch):
    monkeypatch.setenv("GIGSTREAM_REDIS_URL", "http://me:hunter2@host:1/0")

    (said,) = problems()
    assert said.startswith("GIGSTREAM_REDIS_URL: 'http://me:***@host:1/0' is not a Redis URL")


def test_a_child_process_gets_the_same_settings_whatever_its_folder_holds(monkeypatch):
    Path("gigstream.toml").write_text("list_size = 7\n")
    monkeypatch.setenv("GIGSTREAM_KAFKA__SASL_PASSWORD", "a:b'c")
    settings = load()
    Path("gigstream.toml").write_text("list_size = 9\n")
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)

    assert load() == settings


def test_the_servers_of_a_running_local_stack_are_found_until_it_is_gone(tmp_path):
    hold = (
        "import sys, time; from pathlib import Path; from gigstream.running import only_stack\n"
        "with only_stack(Path('gigstream-data')) as announce:\n"
        "    announce(kafka_bootstrap='local:1', redis_url='redis://local:2/0')\n"
        "    print('held', flush=True); time.sleep(60)\n"
    )
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        [sys.executable, "-c", hold],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])},
    ) as stack:
        assert stack.stdout is not None
        stack.stdout.readline()
        running = load()
        stack.kill()
        stack.wait()

    assert running.kafka_bootstrap == "local:1"
    assert running.redis_url.get_secret_value() == "redis://local:2/0"
    assert load().kafka_bootstrap == "localhost:9092"


def test_what_a_user_names_wins_over_a_running_stack(monkeypatch):
    monkeypatch.setenv("GIGSTREAM_KAFKA_BOOTSTRAP", "mine:1")
    with only_stack(Path("gigstream-data")) as announce:
        announce(kafka_bootstrap="local:1")

        assert load().kafka_bootstrap == "mine:1"
