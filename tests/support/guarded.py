"""A Kafka that asks who you are: PLAIN logins, and rights for the admin only."""

from support.kafka import KafkaBroker

_PASSWORDS = {"admin": "admin-secret", "reader": "reader-secret"}
_USERS = " ".join(f'user_{name}="{word}"' for name, word in _PASSWORDS.items())
_PROPERTIES = {
    "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
    "sasl.mechanism.inter.broker.protocol": "PLAIN",
    "listener.name.client.sasl.enabled.mechanisms": "PLAIN",
    "listener.name.client.plain.sasl.jaas.config": (
        "org.apache.kafka.common.security.plain.PlainLoginModule required "
        f'username="admin" password="{_PASSWORDS["admin"]}" {_USERS};'
    ),
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:admin;User:ANONYMOUS",
}


def as_user(name: str, password: str | None = None) -> dict[str, str]:
    """librdkafka options of this user."""
    return {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanisms": "PLAIN",
        "sasl.username": name,
        "sasl.password": password or _PASSWORDS[name],
    }


def guarded_broker() -> KafkaBroker:
    """Users ``admin``, who may do everything, and ``reader``, who may do nothing."""
    return KafkaBroker(properties=_PROPERTIES, client=as_user("admin"), own=True)
