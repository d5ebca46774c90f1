"""Which fits may begin by themselves."""

from trainer.live.attempts import LONGEST_REST_S, Attempts


def test_no_fit_begins_twice_for_the_same_statements():
    attempts = Attempts()
    attempts.note(7)

    assert attempts.is_tried(7)
    assert not attempts.is_tried(8)
    attempts.forget()
    assert not attempts.is_tried(7)


def test_after_a_refusal_fits_rest_for_the_interval_or_an_hour():
    attempts = Attempts()
    attempts.rest(100.0, 60.0)
    assert (attempts.is_resting(159.0), attempts.is_resting(160.0)) == (True, False)
    attempts.rest(100.0, 1e9)
    attempts.forget()
    assert attempts.is_resting(99.0 + LONGEST_REST_S)
    attempts.forget(rested=True)
    assert not attempts.is_resting(100.0)
