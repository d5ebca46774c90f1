"""The Node and Go examples of the contract page give what the look-up gives."""

import json

import pytest

from serving.lookup import Lookup
from serving.publisher.publish import Publisher
from support.data.lists import entry, fold_in, publish
from support.processes import languages
from support.servers.redis import RedisServer

IDS = ["a0", "unknown", "_gen", "empty", "Sigur Rós"]


@pytest.fixture(scope="module")
def server():
    """With the prefix of the page, and nothing published."""
    with RedisServer() as server:
        yield server


@pytest.mark.parametrize("run", [languages.node, languages.go], ids=["node", "go"])
def test_the_example_reads_lists(server, run):
    client = server.client()
    client.flushall()
    (missing,) = json.loads(run(server.url, ["a0"]))
    assert missing == "nothing is published under gig:artist"

    writer = Publisher(client, prefix="gig", registry="ours", token=1)
    writer.claim()
    publish(writer, 1)
    changes = {"_gen": entry(1, ["x"]), "empty": entry(1, []), "Sigur Rós": entry(1, ["Ø", "y"])}
    fold_in(writer, 1, {"artist": changes})
    found = json.loads(run(server.url, IDS))

    for identity, listed in zip(IDS, found, strict=True):
        expected = Lookup(client).artist(identity)
        assert listed["k"] == expected.source, identity
        assert listed["v"] == [item.id for item in expected.items]
        assert listed["s"] == [item.score for item in expected.items]
        assert listed["g"] == expected.generation


@pytest.mark.parametrize(("ci", "outcome"), [("true", "Failed"), ("", "Skipped")])
def test_a_client_that_cannot_be_fetched_fails_under_ci(tmp_path, monkeypatch, ci, outcome):
    monkeypatch.setenv("CI", ci)
    with pytest.raises(BaseException, match="fails, as it does offline") as ended:
        languages._fetch(["false"], tmp_path)

    assert ended.typename == outcome
