import logging
import socket
import threading

import pytest

from consumer.telemetry.metric import Metric
from consumer.telemetry.pulse import LIMIT_S, Pulse
from consumer.telemetry.server import Application, Server, new_registry
from support.processes.running import until
from support.processes.scrape import Samples, free_port, get

THINGS = Metric("gigstream_test_things", "counter", "things", "Things.")


def server(port, pulse=None, registry=None, host="127.0.0.1"):
    application = Application(registry or new_registry(), pulse or Pulse())
    return Server(application, host=host, port=port, setting="test_port")


def test_metrics_and_health_are_served_until_the_end():
    port, registry = free_port(), new_registry()
    THINGS.counter(registry).inc(3)
    with server(port, registry=registry):
        until(lambda: get(port, "/healthz") == (200, "ok"))
        assert get(port, "/readyz") == (200, "ok")
        assert Samples(port).value("gigstream_test_things_total") == 3
        assert Samples(port).value("process_resident_memory_bytes") > 1e6
        assert get(port, "/")[0] == 404

    assert get(port, "/healthz") == (0, "")


def test_a_loop_that_is_blocked_is_reported():
    """The loop of this test turns under a lock, which the test then holds."""
    port, lock, stop = free_port(), threading.Lock(), threading.Event()
    offset_s = [0.0]
    pulse = Pulse(lambda: offset_s[0])

    def loop():
        while not stop.wait(0.01):
            with lock:
                pulse.beat()

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    try:
        with server(port, pulse):
            until(lambda: get(port, "/healthz")[0] == 200)
            with lock:
                offset_s[0] += LIMIT_S + 1
                assert get(port, "/healthz") == (503, "the loop has not turned for 11 s")
                assert get(port, "/readyz")[0] == 503
                assert get(port, "/metrics")[0] == 200
            until(lambda: get(port, "/healthz")[0] == 200)
    finally:
        stop.set()
        thread.join()


def test_port_0_serves_nothing():
    before = threading.active_count()
    with server(0):
        assert threading.active_count() == before


def test_a_port_that_is_taken_is_logged_once_and_used_once_it_is_free(caplog):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with caplog.at_level(logging.WARNING), server(port):
            until(lambda: "test_port" in caplog.text)
            taken.close()
            until(lambda: get(port, "/healthz")[0] == 200)

    (record,) = caplog.records
    assert "free the port, or correct metrics_host or test_port" in record.getMessage()


def test_a_client_that_says_nothing_holds_nobody_up():
    port = free_port()
    with server(port):
        until(lambda: get(port, "/healthz")[0] == 200)
        with socket.create_connection(("127.0.0.1", port)):
            assert get(port, "/healthz", timeout_s=5)[0] == 200


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_an_ipv6_address_is_served():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as probe:
            port = probe.getsockname()[1]
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with server(port, host="::1"):
        until(lambda: get(port, "/healthz", host="[::1]")[0] == 200)
