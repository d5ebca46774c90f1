"""Kafka or Redis away for 20 seconds: the processes wait, recover, and lose nothing."""

import time

from support.processes.installation import Installation, season
from support.processes.running import stop, until
from support.servers.kafka import KafkaBroker
from support.servers.redis import RedisServer

AWAY_S = 20


def test_both_servers_go_away_in_turn_and_everything_arrives(tmp_path, prefix):
    with (
        KafkaBroker() as kafka,
        RedisServer() as redis,
        Installation(tmp_path, kafka, redis, prefix) as installation,
    ):
        consumer = installation.commands.start("consume")
        trainer = installation.commands.start("train")
        installation.send(*season(300))
        until(installation.generation)

        redis.kill()
        installation.send(*season(350)[300:])
        time.sleep(AWAY_S)
        redis.start()
        until(installation.generation)
        kafka.kill()
        time.sleep(AWAY_S)
        kafka.start()
        installation.send(*season(400)[350:])

        assert installation.stored(400)["plays"] == 400
        until(lambda: len(installation.lists()["artist"]) == 31)
        assert consumer.poll() is None, installation.commands.logs()
        assert trainer.poll() is None, installation.commands.logs()


def test_a_redis_that_hangs_does_not_keep_the_trainer_from_stopping(tmp_path, kafka, prefix):
    with (
        RedisServer() as redis,
        Installation(
            tmp_path, kafka, redis, prefix, GIGSTREAM_REDIS__SOCKET_TIMEOUT="30"
        ) as installation,
    ):
        installation.commands.start("consume")
        trainer = installation.commands.start("train")
        installation.send(*season(100))
        until(installation.generation)
        redis.pause()
        time.sleep(1.5)  # it looks at Redis every second

        assert stop(trainer) == 0
        redis.resume()
