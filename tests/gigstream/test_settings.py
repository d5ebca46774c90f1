"""Settings: every source, every problem at once, no secret in sight."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gigstream.settings import BadSettings, environment, load, origins, shown
from gigstream.stack_file import only_stack


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


def test_a_sources_own_words_are_found_in_each_spelling(monkeypatch):
    monkeypatch.setenv("GIGSTREAM_STATUSES", '{"box": {"On Hold": "postponed"}}')

    assert load().statuses == {"box": {"onhold": "postponed"}}
    assert environment(load())["GIGSTREAM_STATUSES"] == '{"box": {"onhold": "postponed"}}'


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ('{"box": {"storno": "gone"}}', "box: 'storno' cannot mean 'gone'; name one of confirmed,"),
        ('{"box": {"Confirmed": "cancelled"}}', "box: 'Confirmed' is a status itself; remove it"),
    ],
)
def test_a_word_means_a_status_and_is_none_itself(monkeypatch, words, said):
    monkeypatch.setenv("GIGSTREAM_STATUSES", words)

    (problem,) = problems()
    assert said in problem


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
    assert said.startswith("GIGSTREAM_REDIS_URL: it is not a Redis URL; use redis://, rediss://")


def test_a_child_process_gets_the_same_settings_whatever_its_folder_holds(monkeypatch):
    Path("gigstream.toml").write_text("list_size = 7\n")
    monkeypatch.setenv("GIGSTREAM_KAFKA__SASL_PASSWORD", "a:b'c")
    settings = load()
    Path("gigstream.toml").write_text("list_size = 9\n")
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)

    assert load() == settings


def test_a_value_says_where_it_comes_from(monkeypatch):
    Path("gigstream.toml").write_text('list_size = 7\n[kafka]\n"linger.ms" = 5\n')
    monkeypatch.setenv("GIGSTREAM_KAFKA__SASL_PASSWORD", "a")
    monkeypatch.setenv("GIGSTREAM_LOG_LEVEL", "debug")
    found = origins(load())

    assert found["list_size"] == "gigstream.toml"
    assert found["kafka"] == "GIGSTREAM_KAFKA__SASL_PASSWORD, gigstream.toml"
    assert found["log_level"] == "GIGSTREAM_LOG_LEVEL"
    assert found["factors"] == "default"


def test_a_process_of_the_local_stack_says_where_its_parent_has_a_value_from(monkeypatch):
    Path("gigstream.toml").write_text("list_size = 7\n")
    monkeypatch.setenv("GIGSTREAM_FACTORS", "64")
    settings = load()
    chosen = settings.model_copy(update={"redis_url": "redis://127.0.0.1:7/0"})
    for name, value in environment(chosen).items():
        monkeypatch.setenv(name, value)
    Path("gigstream.toml").unlink()
    found = origins(load())

    assert found["list_size"] == "gigstream.toml"
    # Set, though to what is the default.
    assert found["factors"] == "GIGSTREAM_FACTORS"
    assert found["redis_url"] == "gigstream up"
    assert found["alpha"] == "default"


def test_the_servers_of_a_running_local_stack_are_found_until_it_is_gone(tmp_path):
    hold = (
        "import sys, time; from pathlib import Path; from gigstream.stack_file import only_stack\n"
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


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HOME", '"/srv/gigs"', "stands in quotes"),
        ("HOME", "'/srv/gigs'", "stands in quotes"),
        ("HOME", "/srv/gigs\r", "holds a control character"),
        ("HOME", " /srv/gigs", "begins or ends with white space"),
        ("HOME", "/srv/a\nb", "holds a control character"),
        ("KAFKA_GROUP", '"gigstream"', "stands in quotes"),
        ("KAFKA_GROUP", "gigstream\r", "holds a control character"),
        ("KAFKA_GROUP", "gigstream ", "begins or ends with white space"),
        ("KAFKA_BOOTSTRAP", '"localhost:9092"', "stands in quotes"),
        ("KAFKA_ACCEPT_TOPIC", "a/b\r", "holds a control character"),
        ("SPARK_JARS", '"/jars"', "stands in quotes"),
        ("KAFKA__CLIENT_ID", '"me"', "the value of 'client.id' stands in quotes"),
        ("KAFKA__SASL_PASSWORD", "hunter2\r", "the value of 'sasl.password' holds a control"),
        ("REDIS__CLIENT_NAME", "me ", "the value of 'client_name' begins or ends with white"),
    ],
)
def test_what_a_file_of_variables_left_around_a_value_is_refused_by_name(
    name, value, said, monkeypatch
):
    monkeypatch.setenv(f"GIGSTREAM_{name}", value)

    (line,) = problems()
    assert line.startswith(f"GIGSTREAM_{name.partition('__')[0]}: ")
    assert said in line
    assert "hunter2" not in line


def test_a_password_may_stand_in_quotes_and_a_key_in_pem_has_lines(monkeypatch):
    monkeypatch.setenv("GIGSTREAM_KAFKA__SASL_PASSWORD", '"hunter2"')
    pem = "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n"
    monkeypatch.setenv("GIGSTREAM_KAFKA__SSL_KEY_PEM", pem)

    assert load().kafka == {"sasl.password": '"hunter2"', "ssl.key.pem": pem}


def test_the_home_may_begin_with_a_tilde_in_file_and_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    Path("gigstream.toml").write_text('home = "~/gigs"\n')
    assert load().home == tmp_path / "gigs"
    monkeypatch.setenv("GIGSTREAM_HOME", "~")
    assert load().home == tmp_path
    monkeypatch.setenv("GIGSTREAM_HOME", "~no-such-user/x")

    (line,) = problems()
    assert line.startswith("GIGSTREAM_HOME: '~no-such-user/x': ")
    assert line.endswith("write the whole path")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("KAFKA__SASL_PASWORD", "hunter2"),
        ("KAFKA__SASL_PWD", "hunter2"),
        ("KAFKA__SSL_KEYSTOR_PEM", "hunter2"),
        ("SCHEMA_REGISTRY__BASIC_AUTH_USERINFO", "me:hunter2"),
        ("REDIS_URL", "redis://:hunter2%2F@host:1/0?password=hunter2"),
        ("SPARK__HADOOP_FS_S3A_ACCESS_KEY", "hunter2"),
        ("KAFKA_BOOTSTRAP", "me:hunter2@host:9092"),
    ],
)
def test_a_secret_is_masked_under_a_misspelt_name_too(variable, value, monkeypatch):
    monkeypatch.setenv(f"GIGSTREAM_{variable}", value)
    settings = load()

    assert "hunter2" not in str(shown(settings))
    assert "hunter2" not in repr(settings)


def test_what_is_harmless_is_shown(monkeypatch):
    monkeypatch.setenv("GIGSTREAM_KAFKA__SESSION_TIMEOUT_MS", "2500")
    monkeypatch.setenv("GIGSTREAM_KAFKA__SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("GIGSTREAM_REDIS__PROTOCOL", "2")
    monkeypatch.setenv("GIGSTREAM_REDIS__USERNAME", "me")
    found = shown(load())

    assert json.loads(found["kafka"]) == {
        "session.timeout.ms": "2500",
        "security.protocol": "SASL_SSL",
    }
    assert json.loads(found["redis"]) == {"protocol": "2", "username": "me"}


@pytest.mark.parametrize("sign", ["/", "#"])
def test_no_command_prints_a_password_that_is_not_encoded(sign, monkeypatch):
    monkeypatch.setenv("GIGSTREAM_REDIS_URL", f"redis://me:hunter2{sign}x@host:6379/0")

    (line,) = problems()
    assert "hunter2" not in line
    assert "write it as %2F, %3F, %23 or %40" in line


def test_a_schema_registrys_password_with_a_slash_is_not_repeated(monkeypatch):
    monkeypatch.setenv("GIGSTREAM_SCHEMA_REGISTRY_URL", "https://me:hunter2/x@host:1")

    (line,) = problems()
    assert "hunter2" not in line
