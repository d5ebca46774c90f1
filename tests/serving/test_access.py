"""The ACL lines and the example of docs/contract/redis.md, as they stand there."""

import re
from pathlib import Path

import pytest
import redis

from serving.connection import connect
from serving.errors import RedisUnfit
from serving.lookup import Cache, Lookup
from serving.publisher.publish import Publisher
from serving.settings import ServingSettings
from support.data.lists import fold_in, publish
from support.servers.redis import RedisServer
from trainer.settings import TrainerSettings
from web.live.model import LiveModel
from web.watch.probes import RedisProbe

PAGE = Path(__file__).parents[2] / "docs" / "contract" / "redis.md"
LINES = re.findall(r"^ACL SETUSER (\w+) .*$", PAGE.read_text("utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def server():
    """With the users of the page, and generation 1 published by its publisher."""
    with RedisServer() as server:
        for line in re.findall(r"^ACL SETUSER .*$", PAGE.read_text("utf-8"), re.MULTILINE):
            assert server.client().execute_command(*line.split()) == b"OK"
        writer = publisher(server)
        writer.check_server()
        writer.claim()
        publish(writer, 1)
        yield server


def url(server, user):
    return f"redis://{user}:{user}-password@127.0.0.1:{server.port}/0"


def publisher(server, user="gigstream", prefix="gig"):
    client = connect(ServingSettings(redis_url=url(server, user)))
    return Publisher(client, prefix=prefix, registry="r", token=1)


def test_the_page_has_a_line_for_each_kind_of_user():
    assert LINES == ["app", "listener", "console", "gigstream"]


def test_the_console_reads_what_its_cards_show(server):
    with redis.Redis.from_url(url(server, "console")) as client:
        probe = RedisProbe(client, "gig", LiveModel(TrainerSettings()))

        assert probe.look().generation == 1
        assert probe.look().happenings[0].kind == "commit"
        assert probe.kinds() is None
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.hset("gig:artist", "a0", "x")


@pytest.mark.parametrize("protocol", [2, 3])
def test_an_app_with_hmget_alone_reads_lists_and_names(server, protocol):
    with redis.Redis.from_url(url(server, "app"), protocol=protocol) as client:
        lookup = Lookup(client)

        assert lookup.artist("a0").items[0].id == "v1"
        assert lookup.venue("unknown").source == "popular"
        assert lookup.names(["a0"], of="artist") == {"a0": "Artist 0"}


@pytest.mark.parametrize(
    "command",
    [
        ("HGETALL", "gig:artist"),
        ("KEYS", "*"),
        ("HSET", "gig:artist", "a0", "x"),
        ("DEL", "gig:artist"),
        ("HMGET", "gig:writer", "token"),
        ("HMGET", "other", "x"),
        ("EVAL", "return 1", "0"),
    ],
)
def test_an_app_can_do_nothing_else(server, command):
    with (
        redis.Redis.from_url(url(server, "app")) as client,
        pytest.raises(redis.exceptions.NoPermissionError),
    ):
        client.execute_command(*command)


def test_a_missing_right_is_said_in_one_line_with_the_remedy(server):
    with redis.Redis.from_url(url(server, "app")) as client, pytest.raises(RedisUnfit) as unfit:
        Lookup(client).search("a", of="artist")

    said = str(unfit.value)
    assert "'hscan'" in said
    assert "grant it to this user with ACL SETUSER" in said
    assert "\n" not in said


def test_search_needs_hscan_besides(server):
    server.client().execute_command("ACL", "SETUSER", "app", "+hscan")
    with redis.Redis.from_url(url(server, "app")) as client:
        assert Lookup(client).search("artist 0", of="artist")[0].id == "a0"


def test_a_listener_hears_of_changes(server):
    with redis.Redis.from_url(url(server, "listener")) as client:
        with client.pubsub(ignore_subscribe_messages=True) as heard:
            heard.subscribe("gig:events")
            heard.get_message(timeout=30)
            fold_in(publisher(server), 1, {}, {})

            assert b'"kind":"foldin"' in heard.get_message(timeout=30)["data"]
        assert client.xread({"gig:events": "0"})


def test_a_cache_needs_the_rights_of_a_listener(server):
    with redis.Redis.from_url(url(server, "listener")) as client:
        lookup = Lookup(client, cache=Cache(fresh_s=0))

        assert lookup.artist("a1").items == lookup.artist("a1").items


def test_the_publisher_needs_no_more_than_its_line(server):
    writer = publisher(server)
    publish(writer, 2)
    writer.restage(3, "artist", {"a0": None})
    fold_in(writer, 2, {"artist": {"a0": None}}, {"venue:name": {"v0": ""}})

    assert writer.live().seq == 1


def test_the_publisher_is_confined_to_its_prefix(server):
    for call in (publisher(server, prefix="other").claim, publisher(server, prefix="other").live):
        with pytest.raises(RedisUnfit, match="grant it"):
            call()


def test_the_publisher_may_not_be_an_app(server):
    with pytest.raises(RedisUnfit, match="'info'"):
        publisher(server, user="app").check_server()


def test_the_example_of_the_page_on_reading_runs(server, capsys):
    (code,) = re.findall(
        r"```python\n(.*?)```", (PAGE.parents[1] / "read-lists.md").read_text("utf-8"), re.DOTALL
    )
    exec(code.replace("redis://localhost:6379/0", server.url), {})  # noqa: S102 - our own page

    assert "['p1', 'p2']" in capsys.readouterr().out
