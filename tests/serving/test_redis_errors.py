"""Whatever a Redis answers, it is one line with the remedy, an exit code, and no secret."""

import socketserver
import subprocess
import threading

import pytest
from pydantic import ValidationError
from redis.exceptions import DataError, ResponseError, WatchError

from serving.connection import connect
from serving.errors import RedisUnfit, ServingError
from serving.lookup import Lookup
from serving.publisher.publish import Publisher
from serving.redis_errors import translated
from serving.settings import ServingSettings
from support.servers.redis import RedisServer

HIDDEN = "s3cret"


def publisher(url, **options):
    settings = ServingSettings(redis_url=url, redis=options)
    return Publisher(connect(settings), prefix="gig", registry="r", token=1)


def refused(call) -> str:
    with pytest.raises(RedisUnfit) as found:
        call()
    said = str(found.value)
    assert "\n" not in said
    assert HIDDEN not in said
    assert found.value.exit_code == 2
    return said


def test_a_server_without_hello_names_the_protocol_to_set():
    with RedisServer("--rename-command", "HELLO", "") as server:
        said = refused(publisher(server.url).check_server)
        assert said.endswith("set GIGSTREAM_REDIS__PROTOCOL=2")

        publisher(server.url, protocol="2").check_server()


def test_a_greeting_that_is_refused_does_not_repeat_the_password():
    with RedisServer("--rename-command", "HELLO", "", password=HIDDEN) as server:
        said = refused(publisher(server.url).check_server)

        assert HIDDEN not in said
        assert "GIGSTREAM_REDIS__PROTOCOL" in said


def test_a_database_that_is_not_there_is_named(redis_server):
    url = redis_server.url.removesuffix("/0") + "/99"

    assert "correct the number of the database" in refused(publisher(url).check_server)


@pytest.mark.parametrize(
    ("command", "call"),
    [
        ("INFO", lambda server: publisher(server.url).check_server()),
        ("EVAL", lambda server: publisher(server.url).claim()),
        ("HSET", lambda server: publisher(server.url).claim()),
        ("HSCAN", lambda server: Lookup(server.client()).search("x", of="artist")),
        ("HMGET", lambda server: Lookup(server.client()).artist("x")),
    ],
)
def test_a_command_that_is_renamed_is_named(command, call):
    with RedisServer("--rename-command", command, "") as server:
        assert "gigstream needs this command" in refused(lambda: call(server))


def test_protected_mode_is_named():
    own = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=True).stdout
    with RedisServer("--bind", "*", "--protected-mode", "yes") as server:
        for address in own.split()[:1]:
            with pytest.raises(ServingError, match="set a password there") as found:
                publisher(f"redis://{address}:{server.port}/0").check_server()
            assert found.value.exit_code == 2


class NoRedis(socketserver.BaseRequestHandler):
    """Answers anything as a web server would."""

    def handle(self) -> None:
        self.request.recv(1000)
        self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_what_is_no_redis_is_said_to_be_none():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), NoRedis) as web:
        answering = threading.Thread(target=web.serve_forever)
        answering.start()
        try:
            url = f"redis://127.0.0.1:{web.server_address[1]}/0"

            assert "is no Redis" in refused(publisher(url).check_server)
        finally:
            web.shutdown()
            answering.join()


@pytest.mark.parametrize(
    "error",
    [ResponseError("ERR something\nnew"), DataError("Invalid input"), WatchError("changed")],
)
def test_an_error_without_a_word_of_ours_is_redis_s_own_in_one_line(redis_server, error):
    with pytest.raises(ServingError) as found, translated(redis_server.client(), "gig"):
        raise error

    assert " ".join(str(error).split()) in str(found.value)
    assert "\n" not in str(found.value)
    assert f"Redis at 127.0.0.1:{redis_server.port}" in str(found.value)


def problem(**settings) -> str:
    with pytest.raises(ValidationError) as found:
        ServingSettings(**settings)
    assert HIDDEN not in str(found.value)
    return found.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    "name",
    ["decode_responses", "encoding", "legacy_responses", "parser_class", "retry", "driver_info"],
)
def test_an_option_that_we_cannot_live_with_is_refused_by_name(name):
    assert f"{name!r} is not yours to set" in problem(redis={name: "true"})
    assert f"{name!r} is not yours to set" in problem(redis_url=f"redis://host?{name}=true")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("socket_timeout=X", "socket_timeout"),
        ("nonsense=1", "no option 'nonsense'"),
        ("protocol=7", "protocol"),
        ("db=x", "db"),
    ],
)
def test_a_query_is_held_against_redis_py_before_anything_is_opened(query, said):
    assert said in problem(redis_url=f"redis://me:{HIDDEN}@host?{query}")


@pytest.mark.parametrize("sign", ["/", "#", "?", "/#", "@/"])
@pytest.mark.parametrize("begin", ["s3cret", "12", ""])
def test_nothing_is_shown_of_a_url_whose_password_is_not_encoded(sign, begin):
    url = f"redis://:{begin}{sign}s3cret@host:6379/0"
    said = problem(redis_url=url)

    assert "%2F" in said or "use redis://" in said
    assert "host" not in said
    assert "12" not in said


def test_a_host_that_no_name_can_be_is_refused():
    assert "is not a Redis URL" in problem(redis_url=f"redis://{'x' * 70}.com/0")
