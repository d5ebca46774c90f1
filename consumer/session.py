"""How long the broker waits for a dead member of a KIP-848 group (``group.protocol=consumer``).

There the broker sets it, and clients cannot: 45 s by default. It can be set for one group, down to
what the broker allows.
"""

import logging

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # they are public there
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    ResourceType,
)

from consumer.settings import ConsumerSettings
from consumer.topic import QUIET

logger = logging.getLogger(__name__)

_SESSION = "consumer.session.timeout.ms"
_WANTED = {_SESSION: 2_000, "consumer.heartbeat.interval.ms": 500}
_REPLY_S = 5.0


def shorten(settings: ConsumerSettings) -> None:
    """Have a dead member's session end within 2 s; one line where the broker does not allow it.

    A value that somebody has set for this group is left as it is.
    """
    admin = AdminClient({**QUIET, **settings.kafka, "bootstrap.servers": settings.kafka_bootstrap})
    try:
        if _is_longer(admin, settings.kafka_group):
            _set(admin, settings.kafka_group)
    except KafkaException as error:
        logger.warning(
            "A killed consumer's partitions stay with it for the group's session (%s): set %s of "
            "the group or group.%s of the brokers to %d, or remove group.protocol",
            error.args[0].str(),
            _SESSION,
            _SESSION,
            _WANTED[_SESSION],
        )


def _is_longer(admin: AdminClient, group: str) -> bool:
    resource = ConfigResource(ResourceType.GROUP, group)
    described = admin.describe_configs([resource], request_timeout=_REPLY_S)[resource].result()
    entry = described[_SESSION]
    chosen = entry.source == ConfigSource.GROUP_CONFIG.value
    return not chosen and int(entry.value) > _WANTED[_SESSION]


def _set(admin: AdminClient, group: str) -> None:
    changes = [
        ConfigEntry(name, str(value), incremental_operation=AlterConfigOpType.SET)
        for name, value in _WANTED.items()
    ]
    resource = ConfigResource(ResourceType.GROUP, group, incremental_configs=changes)
    admin.incremental_alter_configs([resource], request_timeout=_REPLY_S)[resource].result()
    logger.info("Kafka ends a dead member's session of group %s after 2 s from now on", group)
