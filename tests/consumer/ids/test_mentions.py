"""Where an id is mentioned: as a whole word, and no other id."""

import json

import pytest

from consumer.ids.mentions import HashedIdMatcher, PlainIdMatcher, in_bytes, without

SPELLED = PlainIdMatcher(["a1", "x y"], ["The Band"])
HASHED = HashedIdMatcher({"a1", "x y"}.__contains__)


@pytest.mark.parametrize("text", ["a1", "see a1.", "(a1)", "a1, a2", "with x y too", "a1:"])
def test_a_whole_word_is_a_mention(text):
    assert SPELLED.text(text)


@pytest.mark.parametrize("text", ["a17", "xa1", "x-a1", "a1-b", "kopis:a1", "a1.b", "A1", "xx y"])
def test_a_part_of_another_word_is_none(text):
    assert not SPELLED.text(text)


@pytest.mark.parametrize("text", ["a1", "see a1.", "(a1)", "a1, a2", "a1:", "x y"])
def test_a_hash_finds_whole_texts_and_words(text):
    assert HASHED.text(text)


def test_a_hash_does_not_find_words_of_others():
    assert not any(map(HASHED.text, ["a17", "x-a1", "with x yz"]))


def test_a_name_is_a_mention_only_as_a_whole_text():
    assert SPELLED.text("The Band")
    assert not SPELLED.text("The Band played")


@pytest.mark.parametrize("test", [SPELLED, HASHED])
def test_a_record_is_searched_as_json_as_text_and_as_bytes(test):
    assert in_bytes(json.dumps({"q": [{"w": "a1"}]}).encode(), test)
    assert in_bytes(b'{"artist_id": "\\u0061\\u0031"}', test)
    assert in_bytes(b'{"artist_id": "\\u0061\\u0031"', test)
    assert in_bytes(b"\xff a1 \xfe", test)
    assert not in_bytes(b'{"artist_id": "a17"}', test)
    assert not in_bytes(b'{"artist_id": "a17"', test)


def test_members_that_speak_of_somebody_go_and_the_rest_is_as_it_was_written():
    text = '{"n":1.10,"by":"a1","of":["a1","a2",{"q":"a1","x":1e5}],"a1":true,"big":12345678901234}'

    assert without(text, SPELLED) == '{"n":1.10,"of":["a2",{"x":1e5}],"big":12345678901234}'


def test_a_text_that_speaks_of_nobody_is_the_same_text():
    text = '{"n": 1.10, "of": ["a2"] }'

    assert without(text, SPELLED) == text


def test_an_object_of_nothing_else_is_gone():
    assert without('{"by":"a1"}', SPELLED) is None


def test_what_is_nested_deeper_than_we_look_goes_if_it_may_speak_of_somebody():
    def nested(inside):
        return '{"q":' * 70 + inside + "}" * 70

    assert "a1" not in (without(nested('"a1"'), SPELLED) or "")
    assert without(nested('"a2"'), SPELLED) == nested('"a2"')
