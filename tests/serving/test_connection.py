import time

import pytest

from serving.connection import connect
from serving.errors import LoginRefused, RedisUnreachable
from serving.lookup import Lookup
from serving.publisher.publish import Publisher
from serving.settings import ServingSettings
from support.data.lists import commit, fold_in, live_only, publish, stage
from support.servers.redis import RedisServer

RIGHT = "right horse"


@pytest.fixture
def server():
    """One of our own, to be treated badly."""
    with RedisServer() as server:
        yield server


def publisher(url, **options):
    settings = ServingSettings(redis_url=url, redis=options)
    return Publisher(connect(settings), prefix="gig", registry="r", token=1)


@pytest.mark.parametrize("login", [":wrong@", "stranger:wrong@", ""])
def test_a_login_that_is_refused_says_so_in_one_line_and_never_shows_the_password(login):
    with RedisServer(password=RIGHT) as server:
        began = time.monotonic()
        with pytest.raises(LoginRefused) as refused:
            publisher(f"redis://{login}127.0.0.1:{server.port}").check_server()

    said = str(refused.value)
    assert refused.value.exit_code == 3
    assert "GIGSTREAM_REDIS_URL" in said
    assert f"127.0.0.1:{server.port}" in said
    assert "wrong" not in said
    assert "\n" not in said
    assert time.monotonic() - began < 2


def test_the_right_password_opens_the_door():
    with RedisServer(password=RIGHT) as server:
        publisher(server.url).check_server()


def test_a_server_that_is_not_there_is_named_in_one_line(server):
    server.kill()
    for call in (publisher(server.url).live, publisher(server.url).claim):
        with pytest.raises(RedisUnreachable) as gone:
            call()

        said = str(gone.value)
        assert gone.value.exit_code == 3
        assert f"Redis at 127.0.0.1:{server.port} cannot be reached (Connection refused)" in said
        assert "start it" in said
        assert "\n" not in said


def test_a_reader_hears_the_same_of_a_server_that_is_not_there(server):
    client = server.client(retry=None)
    server.kill()
    with pytest.raises(RedisUnreachable, match="cannot be reached"):
        Lookup(client).artist("a")


def test_a_server_that_hangs_ends_every_call_within_five_seconds(server):
    hung = publisher(server.url)
    hung.claim()
    server.pause()
    began = time.monotonic()
    with pytest.raises(RedisUnreachable, match="cannot be reached"):
        hung.stage_texts(1, "artist:name", [("a", "A")])

    assert time.monotonic() - began < 5
    server.resume()


def test_a_client_outlives_its_server(server):
    ours = publisher(server.url)
    ours.claim()
    server.stop()
    with pytest.raises(RedisUnreachable):
        ours.live()
    server.start()

    ours.claim()
    assert ours.live().generation is None


def test_a_full_server_is_told_from_one_that_is_away_and_keeps_its_lists(server):
    ours = publisher(server.url)
    ours.claim()
    publish(ours, 1)
    counts = stage(ours, 2)
    admin = server.client()
    before = live_only(admin, "gig")
    admin.config_set("maxmemory", 1)
    for call in (
        lambda: ours.stage_texts(3, "artist:name", [("a", "A")]),
        lambda: commit(ours, 2, counts),
        lambda: fold_in(ours, 1, {}, {"artist:name": {"a": "A"}}),
    ):
        with pytest.raises(RedisUnreachable, match="out of memory: raise maxmemory"):
            call()

    assert before == live_only(admin, "gig")
    assert ours.live().generation == 1
    assert Lookup(admin).artist("a0").items
    admin.config_set("maxmemory", 0)
    commit(ours, 2, counts)
    assert ours.live().generation == 2
