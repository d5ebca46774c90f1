"""What the commands say of an installation that has stored and published something."""

import json
import random
import time
from datetime import UTC, datetime

import joblib
import pytest
from confluent_kafka import Producer

from support.processes.commands import gigstream
from support.processes.published import ROWS, published


@pytest.fixture(scope="module")
def variables(kafka, redis_server, tmp_path_factory):
    """Settings of an installation with 800 gigs imported, stored and published."""
    return published(tmp_path_factory.mktemp("installation"), kafka, redis_server)


@pytest.fixture(autouse=True)
def installation(bare, variables, monkeypatch):
    """Makes those settings this process's own."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


def test_status_counts_what_is_stored_and_published():
    done = gigstream("status", "--json")
    found = done.data

    assert (done.code, done.err) == (0, "")
    assert (found["events"], found["plays"], found["cancelled"]) == (800, 800, 0)
    assert (found["artists"], found["venues"], found["pairs"]) == (40, 20, 200)
    assert (found["dead_letters"], found["lag_events"], found["lag_s"]) == (0, 0, 0)
    assert found["generation"] == 1
    assert 0 < found["generation_age_s"] < 120
    assert int(found["lease"]["token"]) >= 1


def test_status_and_check_warn_where_as_of_lies_in_the_future(monkeypatch):
    early_ms = int(datetime(2015, 1, 10, 12, tzinfo=UTC).timestamp() * 1000)
    for module in ("holdings", "check"):
        monkeypatch.setattr(f"operations.{module}.now_ms", lambda: early_ms)

    status, check = gigstream("status", "--json"), gigstream("check", "store", "--json")

    assert (status.code, check.code) == (0, 0)
    assert status.data["as_of"] == "2015-01-11T00:00:00Z"
    assert status.data["ahead"] == sum(int(row.split(",")[2][-2:]) > 11 for row in ROWS)
    assert "hours ahead of this machine's clock" in status.err
    assert "dated over a day ahead of this machine's clock" in status.err
    said = check.data["checks"]["store"]["said"]
    assert "WARNING as_of is 2015-01-28T00:00:00Z, 420.0 hours ahead" in said


def test_status_counts_tombstones_that_match_no_bill():
    assert gigstream("status", "--json").data["tombstones_unmatched"] == 0


def test_status_tells_how_far_the_store_is_behind(installation):
    producer = Producer({"bootstrap.servers": installation["GIGSTREAM_KAFKA_BOOTSTRAP"]})
    minute_ago_ms = int(time.time() * 1000) - 60_000
    for number in range(3):
        at_ms = minute_ago_ms + 1_000 * number
        producer.produce(installation["GIGSTREAM_KAFKA_TOPIC"], b"later", timestamp=at_ms)
    producer.flush(10)
    found = gigstream("status", "--json").data

    assert found["lag_events"] == 3
    assert 55 < found["lag_s"] < 90


def test_an_artist_gets_venues_with_names():
    found = gigstream("artist", "a7", "-n", "3", "--json").data

    assert (found["id"], found["name"], found["source"]) == ("a7", "Band 7 밴드", "model")
    assert len(found["items"]) == 3
    assert found["items"][0]["name"] == found["items"][0]["id"].replace("v", "Hall ")
    assert found["items"][0]["plays"] is None
    assert found["as_of"].startswith("2015-01-28")


def test_with_returns_the_venues_played_already_come_with_their_plays():
    found = gigstream("artist", "a7", "--returns", "--json").data

    assert max(item["plays"] for item in found["items"]) == 4


def test_a_venue_gets_artists_with_names():
    found = gigstream("venue", "v3", "--json").data

    assert found["items"]
    assert all(item["name"] for item in found["items"])


def test_people_get_a_table_with_wide_letters_in_line():
    lines = gigstream("venue", "v3").out.splitlines()

    assert "Hall 3" in lines[-1]
    assert any("밴드" in line for line in lines)


@pytest.mark.parametrize("side", ["artist", "venue"])
def test_an_unknown_id_gets_the_popular_list_and_one_line_that_says_so(side):
    done = gigstream(side, "unknown", "--json")

    assert done.code == 0
    assert done.data["source"] == "popular"
    assert done.data["items"]
    assert done.line == f"{side} 'unknown' has no list of its own yet; this is the popular one"


def test_a_name_leads_to_the_id_whatever_its_case():
    assert gigstream("artist", "--name", "band 17 밴드", "--json").data["id"] == "a17"
    assert gigstream("venue", "--name", "hall 19", "--json").data["id"] == "v19"


def test_of_several_that_are_called_so_the_ids_are_shown():
    done = gigstream("artist", "--name", "Twin")

    assert done.code == 2
    assert done.line == (
        "several artists are called 'Twin'; give an id, such as a0 (Twin), a1 (Twin)"
    )
    assert done.out.split() == ["id", "name", "a0", "Twin", "a1", "Twin"]


def test_a_name_that_nobody_has_is_wrong_use():
    done = gigstream("venue", "--name", "Nowhere")

    assert done.code == 2
    assert done.line.startswith("no venue is called 'Nowhere'; try a shorter part of the name, or")


@pytest.mark.parametrize("live", [[], ["--live", "artists"]])
def test_the_live_model_is_exported_for_implicit_alone(tmp_path, live):
    found = gigstream("export", tmp_path / "model.joblib", *live, "--json").data
    model = joblib.load(tmp_path / "model.joblib")

    assert (found["artists"], found["venues"]) == (40, 20)
    assert (len(model.user_factors), len(model.item_factors)) == (40, 20)


@pytest.mark.parametrize(
    ("side", "identity", "others"), [("artist", "a7", 39), ("venue", "v7", 19)]
)
def test_the_similar_are_those_that_the_exported_model_finds(tmp_path, side, identity, others):
    gigstream("export", tmp_path / "model.joblib")
    model = joblib.load(tmp_path / "model.joblib")
    ids = json.loads((tmp_path / "model.ids.json").read_text())[f"{side}_ids"]
    alike = model.similar_users if side == "artist" else model.similar_items
    rows, cosines = alike(ids.index(identity), N=len(ids))
    known = {ids[row]: cosine for row, cosine in zip(rows, cosines, strict=True)}
    del known[identity]

    done = gigstream("similar", side, identity, "-n", 5, "--json")
    everybody = gigstream("similar", side, identity, "-n", 200, "--json").data["items"]

    items = done.data["items"]
    assert (done.code, len(items)) == (0, 5)
    assert len(everybody) == len(known) == others
    # Those who played the same are alike to the last digit, in any order.
    found = [item["similarity"] for item in everybody]
    assert found == pytest.approx([known[item["id"]] for item in everybody], abs=1e-5)
    assert found == pytest.approx(list(known.values()), abs=1e-5)
    assert items == everybody[:5]
    assert identity not in {item["id"] for item in everybody}
    assert items[0]["name"]


def test_nobody_is_similar_to_an_id_that_was_never_seen():
    done = gigstream("similar", "venue", "nowhere")

    assert done.code == 2
    assert done.line == ("no venue has the id 'nowhere'; `gigstream venue --name TEXT` finds one")


def test_a_folder_that_is_not_there_is_named():
    done = gigstream("export", "none/model.joblib")

    assert done.code != 0
    assert "none" in done.line


def test_check_finds_everything_in_order():
    done = gigstream("check", "--json")

    assert done.code == 0
    assert {name for name, found in done.data["checks"].items() if found["ok"]} == {
        "settings",
        "kafka",
        "schemas",
        "redis",
        "store",
        "letters",
        "gate",
        "solver",
    }


def test_check_asks_the_schema_registry_where_one_is_set_up(monkeypatch):
    assert "not set up" in gigstream("check", "schemas", "--json").data["checks"]["schemas"]["said"]

    monkeypatch.setenv("GIGSTREAM_SCHEMA_REGISTRY_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("GIGSTREAM_SCHEMA_REGISTRY__TIMEOUT", "1")
    monkeypatch.setenv("GIGSTREAM_CONNECT_TIMEOUT_S", "0.2")
    done = gigstream("check", "schemas", "--json")

    assert done.code == 3
    assert "no schema registry answered" in done.data["checks"]["schemas"]["said"]


def test_check_refuses_a_compacted_topic(kafka, monkeypatch):
    topic = kafka.create_topic(config={"cleanup.policy": "compact"})
    monkeypatch.setenv("GIGSTREAM_KAFKA_TOPIC", topic)
    done = gigstream("check", "--json")

    assert done.code == 2
    assert done.data["checks"]["kafka"]["said"] == (
        f"topic {topic} has cleanup.policy=compact, which keeps one artist of each bill; "
        "set it to delete"
    )


def test_before_anything_is_published_there_is_one_line(monkeypatch):
    monkeypatch.setenv("GIGSTREAM_REDIS_PREFIX", f"empty-{random.random()}")
    done = gigstream("artist", "a7")

    assert done.code == 1
    assert "run `gigstream train --once`, or check the prefix" in done.line


def test_an_import_says_what_it_sent(tmp_path, kafka, monkeypatch):
    monkeypatch.setenv("GIGSTREAM_KAFKA_TOPIC", kafka.create_topic())
    (tmp_path / "pairs.tsv").write_text("a1\tv1\na2\tv2\n")
    done = gigstream("import", "pairs.tsv", "--no-header", "--assume-date", "2020-01-02", "--json")

    assert done.code == 0
    assert (done.data["files"], done.data["events"]) == (1, 2)


def test_evaluate_needs_no_server(tmp_path, monkeypatch):
    for name in ("GIGSTREAM_KAFKA_BOOTSTRAP", "GIGSTREAM_REDIS_URL"):
        monkeypatch.delenv(name)
    (tmp_path / "gigs.csv").write_text("\n".join(["artist_id,venue_id,date,artist,venue", *ROWS]))
    done = gigstream("evaluate", "gigs.csv", "--split", "0.8", "--setting", "factors=4", "--json")

    assert done.code == 0
    assert {"live", "popular", "recent", "notebook"} <= set(done.data["models"])
