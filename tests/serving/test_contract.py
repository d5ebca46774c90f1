import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from serving import contract
from serving.contract import Entry
from serving.errors import Unreadable

IDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)
SCORES = st.floats(allow_nan=False, allow_infinity=False)
RESERVED = [contract.GENERATION, contract.SEQ, contract.META, contract.DEFAULT]


@st.composite
def entries(draw):
    ids = draw(st.lists(IDS, max_size=8))
    scores = draw(st.lists(SCORES, min_size=len(ids), max_size=len(ids)))
    plays = draw(st.none() | st.lists(st.integers(0, 999), min_size=len(ids), max_size=len(ids)))
    kind = draw(st.sampled_from(["model", "foldin", "popular"]))
    return Entry(draw(st.integers(1, 2**53)), draw(st.integers(0, 2**40)), kind, ids, scores, plays)


@given(IDS)
@example("_gen")
@example("__gen")
@example("_")
@example("a:b c")
def test_every_id_has_a_field_of_its_own_that_is_never_a_reserved_one(identity):
    field = contract.field_of(identity)

    assert identity == contract.id_of(field)
    assert not contract.is_reserved(field)


@pytest.mark.parametrize("field", RESERVED)
def test_the_reserved_fields_are_told_apart_from_ids(field):
    assert contract.is_reserved(field)
    assert field != contract.field_of(field)


@given(entries())
def test_a_list_reads_back_as_written_but_for_rounded_scores(entry):
    read = Entry.decode(entry.encode().encode())

    assert entry.ids == read.ids
    assert [contract.rounded(score) for score in entry.scores] == read.scores
    assert (entry.generation, entry.as_of, entry.kind, entry.plays) == (
        read.generation,
        read.as_of,
        read.kind,
        read.plays,
    )


ODD = [
    '{"g":1,"t":2,"k":"model","v":["\\u00d8","\\n"],"s":[1,1e-05]}',
    '{"g":1,"g":2,"t":2,"k":"model","v":["x"],"s":[NaN],"p":[3]}',
    '{"g":1,"t":2,"k":"model","v":["\\ud800"],"s":["1.5"],"p":null}',
    '{"g":1,"t":2,"k":"model","v":["x"],"s":[1e400]}',
    '\ufeff{"g":1,"t":2,"k":"model","v":[],"s":[]}',
    '{"g":1,"t":2,"k":"model","v":["x"],"s":[]}',
    '{"g":1,"t":2,"k":"model","v":[],"s":[]}x',
    '{"g":1}',
    '{"g":123456789012345678901234567890,"t":2,"k":"model","v":[],"s":[]}',
    '{"g":1,"t":2,"k":"model","v":["\x01"],"s":[1]}',
    '{"g":1,"t":2,"k":"model","v":["\ud800"],"s":[1]}',
    b'{"g":1,"t":2,"k":"model","v":["\xff"],"s":[1]}',
    "[]",
    "",
]


@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize("as_bytes", [False, True])
def test_a_list_reads_the_same_with_msgspec_and_without(text, as_bytes, monkeypatch):
    value = text
    if as_bytes and isinstance(text, str):
        value = text.encode("utf-8", "surrogatepass")

    def read():
        try:
            return repr(Entry.decode(value))
        except Unreadable as error:
            return str(error)

    assert contract._parse, "msgspec is installed here"
    with_msgspec = read()
    monkeypatch.setattr(contract, "_read_json", json.loads)
    assert read() == with_msgspec


def test_a_list_is_written_as_the_contract_shows_it():
    entry = Entry(42, 1541030400, "model", ["v1", "Ørsted"], [0.8123456, 12.0], [3, 0])

    assert (
        entry.encode()
        == '{"g":42,"t":1541030400,"k":"model","v":["v1","Ørsted"],"s":[0.81235,12],"p":[3,0]}'
    )


@pytest.mark.parametrize("score", [float("nan"), float("inf"), -float("inf")])
def test_a_score_that_is_not_finite_is_never_written(score):
    with pytest.raises(ValueError, match="not finite"):
        Entry(1, 1, "model", ["v"], [score]).encode()


@pytest.mark.parametrize(
    ("ids", "scores", "plays"), [(["v"], [], None), ([], [1.0], None), (["v"], [1.0], [])]
)
def test_ids_scores_and_plays_must_be_equally_many(ids, scores, plays):
    with pytest.raises(ValueError, match="differ in length"):
        Entry(1, 1, "model", ids, scores, plays)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{",
        b"[]",
        b"3",
        b'"x"',
        b"null",
        b"\xff",
        b'{"g":1}',
        b'{"g":1,"t":1,"k":"model","v":["a"],"s":[]}',
    ],
)
def test_what_is_no_list_is_refused_in_one_line(value):
    with pytest.raises(Unreadable) as refused:
        Entry.decode(value)

    assert "\n" not in str(refused.value)
    assert "train --once" in str(refused.value)


def test_keys_are_those_of_the_contract():
    assert contract.live_key("gig", "artist:returns") == "gig:artist:returns"
    assert contract.staging_key("gig", "venue:name", 42, 7) == "gig:venue:name:staging:42-7"
    assert contract.writer_key("gig") == "gig:writer"
    assert contract.events_key("gig") == "gig:events"


def test_meta_is_json_that_keeps_names_readable():
    assert json.loads(contract.encode_meta({"q": "Ø", "n": 1.5})) == {"q": "Ø", "n": 1.5}


@pytest.mark.parametrize(
    ("name", "described", "info"),
    [
        ("Werft", '{"city":"Hamburg"}', '{"name":"Werft","city":"Hamburg"}'),
        ('"Ø"', None, '{"name":"\\"Ø\\""}'),
        (None, '{"lat":1.0}', '{"lat":1.0}'),
        ("x", "{}", '{"name":"x"}'),
        (None, "{}", ""),
        (None, None, ""),
    ],
)
def test_an_info_is_the_name_and_what_was_stated(name, described, info):
    assert contract.encode_info(name, described) == info
