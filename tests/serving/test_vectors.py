"""The golden vectors of docs/contract/, held against the look-up."""

import json
from pathlib import Path

import pytest

from serving.contract import field_of, id_of
from serving.reader import answers
from serving.reader.list_cache import Cache

VECTORS = json.loads(
    (Path(__file__).parents[2] / "docs" / "contract" / "vectors.json").read_text("utf-8")
)
META = '{"schema":1,"built_at":0}'


@pytest.mark.parametrize(("identity", "field"), VECTORS["fields"])
def test_fields(identity, field):
    assert field_of(identity) == field
    assert id_of(field) == identity


@pytest.mark.parametrize("vector", VECTORS["reads"], ids=lambda vector: vector["case"])
@pytest.mark.parametrize("as_bytes", [False, True])
def test_reads(vector, as_bytes):
    own, default, generation = vector["reply"]
    values = [own, default, generation, META, None, None]
    if as_bytes:
        values = [None if value is None else value.encode() for value in values]
    found = answers.replies(values)
    if vector["list"] is None:
        assert found is None
        return
    (reply,) = found
    entry = reply.entry

    assert vector["list"] == {
        "generation": entry.generation,
        "as_of": entry.as_of,
        "kind": entry.kind,
        "ids": entry.ids,
        "scores": entry.scores,
        "plays": entry.plays,
    }


@pytest.mark.parametrize("vector", VECTORS["infos"], ids=lambda vector: vector["info"]["name"])
def test_infos(vector):
    members = {**vector["info"], "genres": tuple(vector["info"].get("genres", ()))}

    assert answers.info("x", vector["value"]) == answers.Info("x", **members)


@pytest.mark.parametrize("vector", VECTORS["changes"], ids=lambda vector: str(vector["drops"]))
def test_changes(vector):
    (reply,) = answers.replies([None, VECTORS["reads"][0]["reply"][1], "42", META, "0", "1"])
    held = {"artist": ["radiohead", "other"], "venue": ["v1", "v2", "v3"]}
    cache = Cache(fresh_s=1)
    before = ("0-1", {"kind": "commit", "generation": "42", "seq": "0"})
    cache.follow(cache.begin(0.0), [before], ["42", "0", "1"])
    for view, ids in held.items():
        cache.keep(view, ids, [reply] * len(ids))
    event = vector["event"]
    state = [event["generation"], event["seq"], "2"]
    cache.follow(cache.begin(1.0), [("1-0", event), before], state)

    for view, ids in held.items():
        drops = vector["drops"][f"{view}s"]
        kept = [each for each in ids if cache.give(view, [each], 1.0)]
        assert kept == ([] if drops is None else [each for each in ids if each not in drops])
