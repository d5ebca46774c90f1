"""Requests for a refit: asked, answered, withdrawn, left behind."""

import pytest

from trainer.errors import RequestRefused
from trainer.registry.requests import Inbox, Request, asking


def test_a_request_waits_until_it_is_answered_and_leaves_nothing(tmp_path):
    inbox = Inbox(tmp_path)
    with asking(tmp_path) as asked:
        before, waiting = asked.answer(), inbox.waiting()
        inbox.answer(waiting, {"generation": 7})

        assert before is None
        assert len(waiting) == 1
        assert inbox.waiting() == {}
        assert asked.answer() == 7
    assert [*tmp_path.iterdir()] == []


def test_several_askers_get_the_same_answer_and_one_may_force(tmp_path):
    inbox = Inbox(tmp_path)
    with asking(tmp_path) as one, asking(tmp_path, Request(force=True)) as other:
        waiting = inbox.waiting()
        forced = [request.force for request in waiting.values()]
        inbox.answer(waiting, {"generation": 7})

        assert sorted(forced) == [False, True]
        assert (one.answer(), other.answer()) == (7, 7)


def test_a_refusal_has_the_words_and_the_exit_code_of_the_trainer(tmp_path):
    with asking(tmp_path) as asked:
        Inbox(tmp_path).answer(Inbox(tmp_path).waiting(), {"error": "no", "exit_code": 4})

        with pytest.raises(RequestRefused, match="no") as refused:
            asked.answer()
    assert refused.value.exit_code == 4


def test_what_an_asker_that_was_killed_left_is_removed(tmp_path):
    (tmp_path / "request-1.json").write_text('{"force": false}\n')

    assert Inbox(tmp_path).waiting() == {}
    assert [*tmp_path.iterdir()] == []


def test_an_answer_to_an_asker_that_has_gone_is_dropped(tmp_path):
    with asking(tmp_path):
        waiting = Inbox(tmp_path).waiting()
    Inbox(tmp_path).answer(waiting, {"generation": 7})

    assert [*tmp_path.iterdir()] == []
