"""The product's own checks after a stage: `train --once`, then `verify`."""

import json
from collections.abc import Iterator

from chaos.oracle import Recount
from consumer.settings import ConsumerSettings
from support.processes.running import Gigstream
from support.servers.redis import RedisServer


def remarks(settings: ConsumerSettings, redis: RedisServer, recount: Recount) -> Iterator[str]:
    """Differences found by `verify` between store and topic, and lists and store."""
    options = {
        f"GIGSTREAM_KAFKA__{name.replace('.', '_').upper()}": value
        for name, value in settings.kafka.items()
    }
    told = {
        "GIGSTREAM_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
        "GIGSTREAM_KAFKA_TOPIC": settings.kafka_topic,
        "GIGSTREAM_KAFKA_GROUP": settings.kafka_group,
        "GIGSTREAM_REDIS_URL": redis.url,
        "GIGSTREAM_REDIS_PREFIX": settings.kafka_topic,
        "GIGSTREAM_FACTORS": "8",
    }
    commands = Gigstream(settings.home, told | options)
    trained = commands.run("train", "--once")
    if trained.returncode:
        yield f"train --once: {trained.returncode}: {trained.stderr[-500:]}"
    done = commands.run("verify", "--json")
    found = json.loads(done.stdout.splitlines()[-1]) if done.stdout else {}
    if done.returncode or not found.get("equal") or not found["lists"]["compared"]:
        yield f"verify: {done.returncode}: {done.stdout[-500:]} {done.stderr[-500:]}"
    elif found["topic"]["records"] != recount.records:
        yield f"verify compared {found['topic']['records']} of {recount.records} records"
