"""An installation with 800 small gigs imported, stored and published; its processes have ended."""

import json
from pathlib import Path
from typing import Any

from support.processes.commands import started
from support.processes.living import until
from support.servers.kafka import KafkaBroker
from support.servers.redis import RedisServer

ROWS = [
    f"a{n % 40},v{(n % 40 + n // 40 % 5) % 20},2015-01-{n % 28 + 1:02},"
    f"{'Twin' if n % 40 < 2 else f'Band {n % 40} 밴드'},Hall {(n % 40 + n // 40 % 5) % 20}"
    for n in range(800)
]
HEAD = "artist_id,venue_id,date,artist,venue"


def published(folder: Path, kafka: KafkaBroker, redis: RedisServer) -> dict[str, str]:
    """Import ROWS, store and publish them; `folder/gigs.csv` holds them. Returns the settings."""
    (folder / "gigs.csv").write_text("\n".join([HEAD, *ROWS]))
    topic = kafka.create_topic(partitions=2)
    variables = {
        "GIGSTREAM_HOME": str(folder / "home"),
        "GIGSTREAM_KAFKA_BOOTSTRAP": kafka.bootstrap,
        "GIGSTREAM_KAFKA_TOPIC": topic,
        "GIGSTREAM_KAFKA_GROUP": topic,
        "GIGSTREAM_REDIS_URL": redis.url,
        "GIGSTREAM_REDIS_PREFIX": topic,
        "GIGSTREAM_FACTORS": "8",
    }
    consumer = started("consume", env=variables)
    finish(started("import", str(folder / "gigs.csv"), env=variables))
    until(lambda: asked("status", env=variables)["events"] == len(ROWS))
    consumer.terminate()
    finish(consumer)
    finish(started("train", "--once", env=variables))
    return variables


def finish(process: Any) -> None:
    """Wait for the end of a command that must succeed."""
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err


def asked(*arguments: str, env: dict[str, str]) -> Any:
    """What a command answers with `--json`."""
    return json.loads(started(*arguments, "--json", env=env).communicate(timeout=60)[0])
