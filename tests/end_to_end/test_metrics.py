"""Consumer and trainer, from an event in Kafka to the numbers of a scrape."""

from support.processes.installation import Installation, event, season
from support.processes.running import until
from support.processes.scrape import Samples, free_port

LISTED = "gigstream_trainer_event_to_list_seconds"


def test_an_event_is_seen_on_its_whole_way(tmp_path, kafka, redis_server, prefix):
    consumer, trainer = free_port(), free_port()
    ports = {
        "GIGSTREAM_CONSUMER_METRICS_PORT": str(consumer),
        "GIGSTREAM_TRAINER_METRICS_PORT": str(trainer),
    }
    with Installation(tmp_path, kafka, redis_server, prefix, **ports) as installation:
        installation.commands.start("consume")
        installation.send(*season(400))
        installation.stored(400)
        installation.commands.start("train")
        until(installation.generation, 180)
        settled = until(lambda: Samples(trainer).value(f"{LISTED}_count") == 0 and Samples(trainer))
        installation.send(*(event(1_000 + n, f"new-{n}", "venue-1") for n in range(3)))

        found = until(lambda: (s := Samples(trainer)).value(f"{LISTED}_count") == 3 and s)
        assert installation.client.hexists(f"{prefix}:artist", "new-2")
        assert 0 < found.value(f"{LISTED}_sum") < 3 * 60
        assert settled.value("gigstream_trainer_plays") == 400
        assert found.value("gigstream_trainer_plays") == 403
        assert Samples(consumer).value("gigstream_consumer_read_events_total") == 403
        until(lambda: Samples(consumer).total("gigstream_consumer_lag_events") == 0)
        assert found.value("gigstream_trainer_generation") == installation.generation()
