"""A wrong password for Kafka ends every command that asks it in one line and code 3."""

import pytest

from support.processes.commands import gigstream
from support.servers.kafka import KafkaBroker, _free_ports


@pytest.fixture(scope="module")
def login():
    """Address of a broker's listener that wants a password."""
    broker = KafkaBroker()
    (port,) = _free_ports(1)
    address = f"127.0.0.1:{port}"
    controller = f"CONTROLLER://127.0.0.1:{broker._controller_port}"
    both = f"CLIENT://{broker.bootstrap},LOGIN://{address}"
    users = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_me="right";'
    broker._properties = {
        "listeners": f"{both},{controller}",
        "advertised.listeners": both,
        "listener.security.protocol.map": (
            "CLIENT:PLAINTEXT,LOGIN:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT"
        ),
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.login.plain.sasl.jaas.config": users,
    }
    with broker:
        broker.create_topic(name="gigs")
        yield address


@pytest.fixture(autouse=True)
def variables(bare, login, tmp_path, monkeypatch):
    (tmp_path / "gigs.csv").write_text("artist_id,venue_id,date\na,v,2015-01-01\n")
    monkeypatch.setenv("GIGSTREAM_KAFKA_BOOTSTRAP", login)
    monkeypatch.setenv("GIGSTREAM_KAFKA__SECURITY_PROTOCOL", "SASL_PLAINTEXT")
    monkeypatch.setenv("GIGSTREAM_KAFKA__SASL_MECHANISMS", "PLAIN")
    monkeypatch.setenv("GIGSTREAM_KAFKA__SASL_USERNAME", "me")
    monkeypatch.setenv("GIGSTREAM_KAFKA__SASL_PASSWORD", "wr0ng")


@pytest.mark.parametrize("command", [["import", "gigs.csv"], ["consume"]], ids=lambda each: each[0])
def test_the_login_is_named_and_the_password_is_not(command):
    done = gigstream(*command)

    assert done.code == 3
    assert "refused the login" in done.line
    assert "wr0ng" not in done.line


@pytest.mark.parametrize("command", ["status", "check"])
def test_commands_that_look_at_more_say_so_of_kafka(command):
    done = gigstream(command)

    assert done.code == 3
    assert "refused the login" in done.out + done.err
    assert "wr0ng" not in done.out + done.err


def test_the_right_password_opens(monkeypatch):
    monkeypatch.setenv("GIGSTREAM_KAFKA__SASL_PASSWORD", "right")

    assert gigstream("import", "gigs.csv").code == 0
