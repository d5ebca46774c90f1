"""Every request is answered once, whatever comes in between."""

import pytest

from trainer.errors import RequestRefused
from trainer.live.desk import Desk
from trainer.registry.requests import Inbox, Request, asking


class Trainer:
    """What the desk asks of a trainer; the model that is chosen is never published by itself."""

    live_generation, generation, cut_off, has_plays = 1, 1, False, True

    def __init__(self):
        self.busy, self.begun = False, 0

    def obey(self, request, _now_s):
        self.busy = request.action in ("rollback", "accept")
        return 2 if self.busy else None

    def has_published(self, number):
        return number <= self.generation

    def listen(self, now_s):
        pass

    def begin(self, **_options):
        self.busy, self.begun = True, self.begun + 1
        return 2


@pytest.fixture
def desk(tmp_path):
    return Desk(Inbox(tmp_path), tmp_path / "store")


def test_a_roll_back_that_a_pin_overtakes_is_refused(tmp_path, desk):
    trainer = Trainer()
    with asking(tmp_path, Request(action="rollback")) as rolled:
        desk.serve(trainer, 0.0)
        assert rolled.answer() is None
        with asking(tmp_path, Request(action="pin")) as pinned:
            desk.serve(trainer, 0.0)
            assert pinned.answer() == 1
        with pytest.raises(RequestRefused, match="another decision came meanwhile") as no:
            rolled.answer()
    assert no.value.exit_code == 4


def test_a_fit_that_a_pin_ends_is_begun_again_and_answered(tmp_path, desk):
    trainer = Trainer()
    with asking(tmp_path) as fit, asking(tmp_path, Request(action="pin")):
        desk.serve(trainer, 0.0)
        desk.serve(trainer, 0.0)
        assert trainer.begun >= 1
        trainer.generation, trainer.busy = 2, False
        desk.serve(trainer, 0.0)
        assert fit.answer() == 2


def test_a_request_that_is_withdrawn_while_it_is_read_ends_nothing(tmp_path, desk, monkeypatch):
    with asking(tmp_path):
        glob = [*tmp_path.glob("request-*.json")]
    # Seen as waiting, and gone before it is read.
    monkeypatch.setattr("trainer.registry.requests._is_waiting", lambda _path: True)
    monkeypatch.setattr(type(tmp_path), "glob", lambda _self, _pattern: glob)
    trainer = Trainer()
    desk.serve(trainer, 0.0)

    assert trainer.begun == 0
