"""Serves requests for a refit beside the trainer's own work: begin one, then answer."""

from pathlib import Path

from serving.errors import ShrinkRefused
from trainer.errors import NothingToFit, RefitCutOff, TrainerError
from trainer.live.loop import Trainer
from trainer.registry.requests import Inbox, wants_force


class Desk:
    """What was asked for and is not answered yet."""

    def __init__(self, inbox: Inbox, store: Path) -> None:
        self._inbox = inbox
        self._store = store
        self._served: list[Path] = []
        self._number: int | None = None  # of the generation that they wait for

    def serve(self, trainer: Trainer, now_s: float) -> None:
        """Answer what is done, and begin what waits once no other refit runs."""
        if self._number is not None and (trainer.fitted or 0) >= self._number:
            self._answer({"generation": trainer.generation})
        elif self._number is not None and trainer.cut_off:
            self.refuse(RefitCutOff.there())
        if not trainer.busy and (waiting := self._inbox.waiting()):
            self._begin(trainer, waiting, now_s)

    def refuse(self, error: ShrinkRefused | TrainerError) -> None:
        """Pass on what the refit that they wait for ended with."""
        self._answer({"error": str(error), "exit_code": error.exit_code})

    def _begin(self, trainer: Trainer, waiting: list[Path], now_s: float) -> None:
        self._served = waiting
        trainer.listen(now_s)
        if trainer.has_plays:
            self._number = trainer.begin(force=wants_force(waiting))
        else:
            self.refuse(NothingToFit.stored(self._store))

    def _answer(self, answer: dict[str, object]) -> None:
        self._inbox.answer(self._served, answer)
        self._served, self._number = [], None
