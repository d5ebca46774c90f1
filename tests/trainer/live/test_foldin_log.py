"""Fold-ins in the log: one line a minute."""

import logging

from trainer.live.foldin_log import FoldInLog


def lines(caplog):
    return [each.message for each in caplog.records if each.levelno == logging.INFO]


def test_a_minute_of_fold_ins_is_one_line(caplog):
    caplog.set_level(logging.INFO)
    now = [0.0]
    log = FoldInLog(lambda: now[0])
    for _ in range(30):
        log.add(2, 1, 5)
        log.look()
        now[0] += 1.0
    assert lines(caplog) == []
    now[0] = 60.0
    log.look()
    log.look()

    assert lines(caplog) == [
        "Folded in 60 artists, 30 venues and 150 bill-mates in 30 fold-ins within 60 s"
    ]
    now[0] = 300.0
    log.look()
    assert len(lines(caplog)) == 1, "a minute in which nothing changed is silent"


def test_what_was_not_logged_yet_is_at_the_end(caplog):
    caplog.set_level(logging.INFO)
    log = FoldInLog(lambda: 0.0)
    log.add(1, 0, 0)
    log.end()
    log.end()

    assert len(lines(caplog)) == 1
