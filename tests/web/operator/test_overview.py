"""What an operator looks at first, and that no secret is in it."""

import json

import pytest

from support.processes.running import stop, until
from support.processes.serving import TOKEN, served

SECRETS = ("hunter-1<script>", "hunter-2", "hunter-3", "hunter-4", TOKEN)


def test_status_is_that_of_the_command(api, installed):
    ages = {"generation_age_s", "foldins", "lag_s"}

    def same():
        found, said = api.ask("/v1/status").json, installed.status()
        return all(found[name] == said[name] for name in said.keys() - ages) and found

    # A generation may be published between the two.
    assert until(same)["problems"] == []


def test_check_tells_each_finding(api):
    found = api.ask("/v1/check").json
    one = api.ask("/v1/check", part="redis").json

    assert found["ok"], found
    assert [each["name"] for each in found["checks"]][:3] == ["settings", "kafka", "schemas"]
    assert [each["name"] for each in one["checks"]] == ["settings", "redis"]


def test_an_unknown_part_is_refused_by_name(api):
    refused = api.ask("/v1/check", part="moon")

    assert refused.status == 409
    assert refused.json["field"] == "part"
    assert "kafka" in refused.json["remedy"]


def test_the_store_is_counted_as_the_command_does(api, installed):
    found, said = api.ask("/v1/store").json, installed.commands.json("store", "stats")

    assert found["rows"] == said["rows"]
    assert set(found) == set(said)


def test_settings_have_their_origin(api, installed):
    found = {each["name"]: each for each in api.ask("/v1/settings").json["settings"]}

    assert found["kafka_topic"]["value"] == installed.topic
    assert found["kafka_topic"]["origin"] == "GIGSTREAM_KAFKA_TOPIC"
    assert found["refit_interval_s"]["origin"] == "default"
    assert found["refit_interval_s"]["value"] == found["refit_interval_s"]["default"]
    assert all(each["meaning"] for each in found.values())
    # The marks of docstrings are not for readers.
    assert not [each for each in found.values() if "``" in each["meaning"]]


@pytest.fixture
def secretive(installed):
    options = {"sasl.password": SECRETS[0], "ssl.key.password": SECRETS[1]}
    registry = {"basic.auth.user.info": f"user:{SECRETS[2]}"}
    made = served(
        installed,
        GIGSTREAM_SERVE_RATE="1000",
        GIGSTREAM_KAFKA=json.dumps(options),
        GIGSTREAM_SCHEMA_REGISTRY=json.dumps(registry),
        GIGSTREAM_SPARK=json.dumps({"spark.hadoop.fs.s3a.secret.key": SECRETS[3]}),
    )
    until(made.ready, 90)
    yield made
    assert stop(made.process) == 0


@pytest.mark.parametrize("path", ["settings", "check", "status", "audit", "store"])
def test_no_secret_is_in_an_answer(secretive, path):
    reply = secretive.ask(f"/v1/{path}")

    assert reply.status == 200
    assert [secret for secret in SECRETS if secret.encode() in reply.body] == []
    assert path != "settings" or b"sasl.password" in reply.body
