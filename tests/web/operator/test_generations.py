"""Generations: what the trainer is asked for, done by the trainer that runs, and on the audit."""

from support.processes.running import Gigstream, until
from support.processes.serving import TOKEN, served


def test_a_refit_makes_a_generation_and_the_two_are_compared(api, act, audited, installed):
    before = installed.generation()

    done = act("/v1/generations/refit")

    assert done["generation"] > before
    assert installed.generation() == done["generation"]
    assert audited()[0]["what"] == "refit"
    found = api.ask("/v1/generations").json["generations"]
    assert found[0]["generation"] == done["generation"]
    assert found[0]["live"]
    told = api.ask("/v1/generations/compare", one=before, other=done["generation"]).json
    assert told["one"]["generation"] == before
    assert 0 <= told["overlap"] <= 1
    same = api.ask("/v1/generations/compare", one=before, other=before).json
    assert (same["overlap"], same["weights"], same["recipe"]) == (1.0, {}, {})


def test_a_rollback_pins_and_unpin_ends_it(act, audited, installed):
    first = installed.generation()
    act("/v1/generations/refit")

    done = act("/v1/generations/rollback", generation=first)

    assert done["pinned"]
    assert installed.generation() == done["generation"]
    assert audited()[0]["arguments"] == {"generation": first}
    assert act("/v1/generations/unpin")["pinned"] is False
    assert act("/v1/generations/pin")["pinned"] is True
    act("/v1/generations/unpin")
    assert [line["what"] for line in audited(3)] == ["unpin", "pin", "unpin"]


def test_what_the_trainer_refuses_is_refused_in_its_words(api, audited):
    refused = api.ask("/v1/generations/rollback", {"generation": 9_999}, token=TOKEN)
    not_held = api.ask("/v1/generations/accept", {}, token=TOKEN)

    assert (refused.status, not_held.status) == (409, 409)
    assert "9999 was not published here" in refused.json["detail"]
    assert [line["outcome"] for line in audited(2)] == ["refused", "refused"]


def test_a_generation_that_is_not_there_is_named(api):
    refused = api.ask("/v1/generations/compare", one=1, other=9_999)

    assert (refused.status, refused.json["field"]) == (404, "other")


def test_without_a_trainer_there_is_none_to_ask(tmp_path, installed):
    commands = Gigstream(tmp_path / "empty", installed.settings)
    alone = served(installed, commands=commands)
    try:
        until(lambda: alone.seen("/healthz"), 90)
        refused = alone.ask("/v1/generations/refit", {}, token=TOKEN)

        assert refused.status == 503
        assert "gigstream train" in refused.json["remedy"]
        assert alone.ask("/v1/generations").json == {"generations": []}
    finally:
        commands.close()
