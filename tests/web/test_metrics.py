"""The numbers that the API serves are those of what was asked of it."""

import os
import signal
import time

import pytest
from prometheus_client import CollectorRegistry

from support.processes.installation import Installation
from support.processes.running import stop, until
from support.processes.scrape import Samples, free_port, get
from support.processes.serving import TOKEN, served
from support.servers.redis import RedisServer
from web.metrics import METRICS, Meters

REQUESTS = "gigstream_serve_requests_total"
EVENTS = "gigstream_serve_events_total"
LIST = "/v1/artists/{identity}/venues"
EVENT = {"artist_id": "a", "venue_id": "v", "time": "2024-01-01T00:00:00Z"}


def test_the_list_is_what_is_shown():
    registry = CollectorRegistry()
    Meters(registry)

    assert {each.name: each.type for each in registry.collect()} == {
        each.name: each.kind for each in METRICS
    }


@pytest.fixture(scope="module")
def measured(installed):
    """An API with metrics, and their port."""
    port = free_port()
    api = served(installed, GIGSTREAM_SERVE_METRICS_PORT=str(port), GIGSTREAM_SERVE_RATE="100000")
    until(api.ready, 90)
    yield api, port
    assert stop(api.process) == 0


def test_requests_count_by_route_and_class(measured):
    api, port = measured
    before = Samples(port)
    for artist in ("artist-1", "artist-2", "unknown"):
        assert api.ask(f"/v1/artists/{artist}/venues").status == 200
    assert api.ask("/v1/artists/artist-1/venues", n=0).status == 400
    assert [api.ask(path).status for path in ("/v1/x", "/etc/passwd", "/v1/y/z")] == [404] * 3

    def counted(after, route, status):
        name = {"route": route, "status": status}
        return (after.value(REQUESTS, **name) or 0) - (before.value(REQUESTS, **name) or 0)

    # A request counts once it is answered: its sender may have the answer a moment before.
    after = until(
        lambda: (now := Samples(port)) and counted(now, "other", "4xx") == 3 and now, every_s=0.1
    )
    assert counted(after, LIST, "2xx") == 3
    assert counted(after, LIST, "4xx") == 1
    assert after.value("gigstream_serve_request_seconds_count", route=LIST) >= 4
    assert after.value("gigstream_serve_requests_in_flight") == 0


def test_events_count_by_what_became_of_them(measured):
    api, port = measured
    events = [{**EVENT, "event_id": f"T-{number}"} for number in range(3)]
    reply = api.ask("/v1/events", [*events, {**EVENT, "event_id": ""}], token=TOKEN)

    assert reply.status == 207
    assert Samples(port).value(EVENTS, verdict="accepted") == 3
    assert Samples(port).value(EVENTS, verdict="refused") == 1


def test_what_answers_is_shown(measured, installed):
    _, port = measured
    found = until(lambda: (s := Samples(port)).value("gigstream_serve_redis_up") == 1 and s)

    assert found.value("gigstream_serve_generation") == installed.generation()
    assert found.value("gigstream_serve_store_version") > 0
    assert found.value("gigstream_serve_follow_age_seconds") < 30
    until(lambda: Samples(port).value("gigstream_serve_kafka_up") == 1)
    assert get(port, "/healthz")[0] == 404


def test_a_process_that_is_stopped_is_seen_at_both_ports_and_recovers(measured):
    api, port = measured
    os.kill(api.process.pid, signal.SIGSTOP)
    began_s = time.monotonic()
    try:
        assert api.seen("/healthz", timeout_s=3) is None
        with pytest.raises(TimeoutError):
            get(port, "/metrics", timeout_s=3)
        assert time.monotonic() - began_s < 10
    finally:
        os.kill(api.process.pid, signal.SIGCONT)
    until(lambda: api.ask("/healthz").status == 200)


def test_a_redis_that_goes_away_is_shown_until_it_is_back(tmp_path, kafka, prefix):
    port = free_port()
    with RedisServer() as redis, Installation(tmp_path, kafka, redis, prefix) as installation:
        api = served(installation, GIGSTREAM_SERVE_METRICS_PORT=str(port))
        up = "gigstream_serve_redis_up"
        until(lambda: get(port, "/metrics")[0] == 200)
        until(lambda: Samples(port).value(up) == 1)
        redis.stop()
        until(lambda: Samples(port).value(up) == 0)
        assert api.ask("/healthz").status == 200
        redis.start()
        until(lambda: Samples(port).value(up) == 1)
