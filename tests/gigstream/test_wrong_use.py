"""Whatever is wrong, a command ends in one line that names cause and remedy, and a code."""

import socket

import pytest

from support.processes.commands import gigstream
from support.servers.redis import RedisServer

DEAD = "127.0.0.1:1"  # nothing listens on port 1
GIGS = "artist_id,venue_id,date\na,v,2015-01-01\n"


@pytest.fixture
def gigs(tmp_path):
    (tmp_path / "gigs.csv").write_text(GIGS)
    return tmp_path / "gigs.csv"


@pytest.fixture
def no_servers(monkeypatch):
    """Broker and Redis at an address where nothing listens, with no time to wait."""
    monkeypatch.setenv("GIGSTREAM_KAFKA_BOOTSTRAP", DEAD)
    monkeypatch.setenv("GIGSTREAM_REDIS_URL", f"redis://{DEAD}/0")
    monkeypatch.setenv("GIGSTREAM_CONNECT_TIMEOUT_S", "0.5")


COMMANDS = [
    ["demo"],
    ["up"],
    ["import", "gigs.csv"],
    ["consume"],
    ["train", "--once"],
    ["artist", "a"],
    ["venue", "v"],
    ["status"],
    ["evaluate", "gigs.csv"],
    ["similar", "artist", "a"],
    ["export", "model.joblib"],
    ["check"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_bad_setting_ends_every_command(command, gigs, monkeypatch):
    monkeypatch.setenv("GIGSTREAM_LIST_SIZE", "many")
    done = gigstream(*command)

    assert done.code == 2
    assert done.line.startswith("GIGSTREAM_LIST_SIZE: 'many' cannot be: input should be a valid")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_an_unknown_option_ends_every_command(command):
    done = gigstream(command[0], "--zzz", *command[1:])

    assert done.code == 2
    assert done.line == f"No such option '--zzz'; see `gigstream {command[0]} --help`"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["artst"], "No such command 'artst'. Did you mean 'artist'?; see `gigstream --help`"),
        (["import"], "Missing argument 'FILE...'; see `gigstream import --help`"),
        (["artist"], "give one artist id, or --name with a part of the name"),
        (["venue", "v", "--name", "x"], "give one venue id, or --name with a part of the name"),
        (["artist", ""], "'' is no artist id; give a non-empty one"),
        (
            ["artist", "a", "-n", "0"],
            "Invalid value for '-n': 0 is not in the range 1<=x<=200; see",
        ),
        (["import", "gigs.csv", "--assume-date", "soon"], "'soon' is no date; write it as YYYY-MM"),
        (["evaluate", "gigs.csv", "--split", "2"], "Invalid value for '--split': 2.0 is not in"),
        (["evaluate", "gigs.csv", "--setting", "x=1"], "--setting x: not a setting of the fit; th"),
        (["evaluate", "gigs.csv", "--setting", "factors=no"], "--setting factors=no: Input should"),
        (["export", "none/model.joblib"], "no model yet; run `gigstream train --once` first"),
        (["similar", "artist", "a"], "no model yet; run `gigstream train --once` first"),
        (["similar", "band", "a"], "'band' is not one of 'artist', 'venue'; see `gigstream simil"),
        (["export", "m.joblib", "--live", "both"], "'both' is not one of 'artists', 'venues'; see"),
    ],
)
def test_wrong_arguments_end_in_one_line(arguments, said, gigs):
    done = gigstream(*arguments)

    assert done.code == 2
    assert said in done.line


@pytest.mark.parametrize("command", ["import", "evaluate", "demo"])
def test_a_file_that_is_not_there_ends_each_command_that_reads_one(command, no_servers):
    done = gigstream(command, *(["--events"] if command == "demo" else []), "none.tsv")

    assert done.code == 2
    assert done.line.startswith("none.tsv: no such file; ")


@pytest.mark.parametrize("command", ["import", "evaluate"])
def test_a_bad_row_ends_each_command_that_reads_files(command, gigs, no_servers):
    gigs.write_text(GIGS + "b,v,tomorrow\n")
    done = gigstream(command, "gigs.csv")

    assert done.code == 2
    assert done.line.startswith("gigs.csv row 3, column 'date': 'tomorrow' is no date; write it")


@pytest.mark.parametrize("command", [["import", "gigs.csv"], ["consume"]])
def test_without_a_broker_the_code_is_3(command, gigs, no_servers):
    done = gigstream(*command)

    assert done.code == 3
    assert DEAD in done.line
    assert "start it or correct kafka_bootstrap" in done.line


@pytest.mark.parametrize("command", [["artist", "a"], ["venue", "v"], ["train", "--once"]])
def test_without_redis_the_code_is_3(command, no_servers):
    done = gigstream(*command)

    assert done.code == 3
    assert DEAD in done.line
    assert "start it, or set GIGSTREAM_REDIS_URL" in done.line


@pytest.mark.parametrize("command", [["artist", "a"], ["train", "--once"]])
def test_a_wrong_password_of_redis_is_named_without_showing_it(command, monkeypatch):
    with RedisServer(password="right") as server:  # noqa: S106
        monkeypatch.setenv("GIGSTREAM_REDIS_URL", server.url.replace("right", "wr0ng"))
        done = gigstream(*command)

    assert done.code == 3
    assert "refuses the login: set user and password in GIGSTREAM_REDIS_URL" in done.line
    assert "wr0ng" not in done.line


@pytest.mark.parametrize("command", [["check"], ["status"], ["consume"]])
def test_the_value_of_a_misspelt_option_of_kafka_is_not_shown(command, monkeypatch, no_servers):
    monkeypatch.setenv("GIGSTREAM_KAFKA__SASL_PASWORD", "s3cret")
    done = gigstream(*command)

    assert "sasl.pasword" in done.out + done.err
    assert "s3cret" not in done.out + done.err


def test_status_says_what_it_can_and_ends_with_3(no_servers):
    done = gigstream("status", "--json")

    assert done.code == 3
    assert len(done.err.splitlines()) == 2  # one for each server
    assert done.data["events"] == 0
    assert done.data["lag_events"] is None
    assert done.data["generation"] is None


def test_check_of_one_part_leaves_the_others_alone(no_servers):
    done = gigstream("check", "store", "--json")

    assert done.code == 0
    assert set(done.data["checks"]) == {"settings", "store"}


def test_check_refuses_a_part_that_is_none(no_servers):
    done = gigstream("check", "kafak")

    assert done.code == 2
    assert done.line == (
        "there is no part 'kafak' to check; name one of kafka, schemas, redis, store, "
        "letters, gate, solver"
    )


def test_check_names_every_part_that_fails_and_ends_with_the_worst_code(no_servers):
    done = gigstream("check", "--json")

    assert done.code == 3
    checks = done.data["checks"]
    assert {name for name, found in checks.items() if not found["ok"]} == {"kafka", "redis"}
    assert all(DEAD in checks[name]["said"] for name in ("kafka", "redis"))


def test_an_occupied_home_is_named(tmp_path, monkeypatch):
    (tmp_path / "home").write_text("a file")
    monkeypatch.setenv("GIGSTREAM_HOME", "home")
    done = gigstream("up")

    assert done.code == 2
    assert done.line.endswith("home cannot hold the local stack (File exists); set GIGSTREAM_HOME")


def test_without_any_redis_server_the_install_lines_are_named(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    done = gigstream("demo")

    assert done.code == 2
    assert "no redis-server on PATH; install one: `apt-get install redis-server`" in done.line


def test_something_that_is_no_redis_is_unreachable_in_one_line(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("GIGSTREAM_REDIS_URL", f"redis://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("GIGSTREAM_REDIS__SOCKET_TIMEOUT", "0.2")
        done = gigstream("artist", "a")

    assert done.code == 3
    assert "cannot be reached" in done.line
