"""A Kafka with TLS, SCRAM logins, and rights for the admin only."""

import atexit
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)

from support.servers.kafka import KafkaBroker

_PASSWORDS = {"admin": "admin-secret", "reader": "reader-secret"}
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required"
_FIELDS = (
    *("restype", "name", "resource_pattern_type", "principal", "host"),
    *("operation", "permission_type"),
)
_ADDRESSES = "subjectAltName=DNS:localhost,IP:127.0.0.1"
_USES = {"ca": "keyUsage=critical,keyCertSign,cRLSign", "server": "extendedKeyUsage=serverAuth"}


def as_user(name: str, password: str | None = None) -> dict[str, str]:
    """librdkafka options of this user."""
    return {
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": str(_certificates() / "ca.pem"),
        "sasl.mechanisms": "SCRAM-SHA-512",
        "sasl.username": name,
        "sasl.password": password or _PASSWORDS[name],
    }


def guarded_broker() -> KafkaBroker:
    """Users ``admin``, who may do everything, and ``reader``, who may do nothing."""
    users = [f"SCRAM-SHA-512=[name={name},password={word}]" for name, word in _PASSWORDS.items()]
    return KafkaBroker(
        properties=_properties(),
        client=as_user("admin"),
        own=True,
        format_options=[part for user in users for part in ("--add-scram", user)],
    )


def allow(broker: KafkaBroker, user: str, **on: str) -> None:
    """Let the user read `topic=NAME`, or join `group=NAME`."""
    rule = _rule(user, **on)
    broker.admin.create_acls([rule])[rule].result(10)


def disallow(broker: KafkaBroker, user: str, **on: str) -> None:
    """Revoke what was allowed."""
    rule = _rule(user, **on)
    only = AclBindingFilter(*(getattr(rule, name) for name in _FIELDS))
    broker.admin.delete_acls([only])[only].result(10)


def _rule(user: str, *, topic: str | None = None, group: str | None = None) -> AclBinding:
    kind, name = (ResourceType.TOPIC, topic) if topic else (ResourceType.GROUP, group)
    return AclBinding(
        kind,
        name,
        ResourcePatternType.LITERAL,
        f"User:{user}",
        "*",
        AclOperation.READ,
        AclPermissionType.ALLOW,
    )


def _properties() -> dict[str, str]:
    folder = _certificates()
    return {
        "listener.security.protocol.map": "CLIENT:SASL_SSL,CONTROLLER:PLAINTEXT",
        "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
        "listener.name.client.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.client.scram-sha-512.sasl.jaas.config": (
            f'{_SCRAM} username="admin" password="{_PASSWORDS["admin"]}";'
        ),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / "server.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(folder / "ca.pem"),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:admin;User:ANONYMOUS",
    }


@functools.cache
def _certificates() -> Path:
    """A folder with a test authority (``ca.pem``) and a broker's key (``server.pem``)."""
    folder = Path(tempfile.mkdtemp(prefix="gigstream-tls-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _openssl(folder, "req -x509 -nodes -subj /CN=ca -keyout ca.key -out ca.pem", _USES["ca"])
    signed = "req -x509 -nodes -subj /CN=localhost -CA ca.pem -CAkey ca.key -keyout key -out crt"
    _openssl(folder, signed, "basicConstraints=critical,CA:FALSE", _ADDRESSES, _USES["server"])
    (folder / "server.pem").write_text((folder / "key").read_text() + (folder / "crt").read_text())
    return folder


def _openssl(folder: Path, command: str, *extensions: str) -> None:
    added = [part for each in extensions for part in ("-addext", each)]
    subprocess.run(
        ["openssl", *command.split(), "-newkey", "rsa:2048", *added],
        cwd=folder,
        capture_output=True,
        check=True,
    )
