"""The process: its address, its end, its health, and what it refuses to start with."""

import os
import shutil
import signal
import socket

from support.processes.running import Gigstream, stop, until
from support.processes.serving import TOKEN, served
from web.run import listening
from web.settings import ServeSettings


def test_it_ends_on_a_signal_and_answers_until_then(installed):
    api = served(installed)
    until(api.ready, 90)

    assert api.ask("/healthz").json == {"status": "ok", "detail": ""}
    assert stop(api.process) == 0
    assert TOKEN not in installed.commands.logs()


def test_a_taken_address_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = Gigstream(tmp_path, {"GIGSTREAM_SERVE_PORT": str(port)}).run("serve")

    assert done.returncode == 2
    assert f"127.0.0.1:{port}" in done.stderr
    assert "GIGSTREAM_SERVE_PORT" in done.stderr


def test_an_answer_does_not_wait_for_an_acknowledgement():
    with (
        listening(ServeSettings(serve_port=0)) as bound,
        socket.create_connection(bound.getsockname()),
        bound.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_another_address_than_loopback_takes_a_token(tmp_path):
    bare = Gigstream(tmp_path, {"GIGSTREAM_SERVE_HOST": "0.0.0.0"}).run("serve")  # noqa: S104
    short = Gigstream(tmp_path, {"GIGSTREAM_SERVE_TOKEN": "short"}).run("serve")

    assert (bare.returncode, short.returncode) == (2, 2)
    assert "serve_token" in bare.stderr
    assert "short'" not in short.stderr


def test_without_a_trainer_it_starts_and_is_not_ready(tmp_path, installed):
    settings = {**installed.settings, "GIGSTREAM_REDIS_PREFIX": f"{installed.prefix}-none"}
    commands = Gigstream(tmp_path / "empty", settings)
    empty = served(installed, commands=commands)
    try:
        reply = until(lambda: empty.seen("/readyz"), 90)

        assert reply.status == 503
        assert "nothing is published" in reply.json["detail"]
        for path in ("/v1/artists/a/venues", "/v1/artists/a/venues?city=b"):
            refused = empty.ask_raw(path)
            assert refused.status == 503
            assert "gigstream train" in refused.json["remedy"]
        assert empty.ask("/healthz").status == 200
    finally:
        commands.close()


def test_a_store_that_cannot_be_followed_is_unhealthy_in_time(tmp_path, installed):
    home = tmp_path / "home"
    shutil.copytree(installed.commands.home, home)
    commands = Gigstream(home, installed.settings)
    api = served(installed, commands=commands)
    try:
        until(api.ready, 90)
        for entry in (home / "store" / "_delta_log").glob("*.json"):
            entry.write_bytes(b"torn")
        until(lambda: api.ask("/healthz").status == 503, 90)

        assert "ago" in api.ask("/healthz").json["detail"]
        assert api.ask("/v1/artists/artist-1/venues").status == 200
    finally:
        commands.close()


def test_a_frozen_process_answers_nothing(installed):
    api = served(installed)
    until(api.ready, 90)
    os.kill(api.process.pid, signal.SIGSTOP)
    try:
        assert api.seen("/healthz", timeout_s=3) is None
    finally:
        os.kill(api.process.pid, signal.SIGCONT)
        assert stop(api.process) == 0
