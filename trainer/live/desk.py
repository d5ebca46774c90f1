"""Serves what other processes ask for, beside the trainer's own work: begin, then answer."""

from collections.abc import Mapping
from pathlib import Path

from serving.errors import ShrinkRefused
from trainer.errors import NothingToFit, Overtaken, RefitCutOff, TrainerError
from trainer.live.loop import Trainer
from trainer.registry.requests import Inbox, Request


class Desk:
    """What was asked for and is not answered yet."""

    def __init__(self, inbox: Inbox, store: Path) -> None:
        self._inbox = inbox
        self._store = store
        self._served: list[Path] = []
        self._chosen: set[Path] = set()  # of these, those that chose a model
        self._number: int | None = None  # of the generation that they wait for

    def serve(self, trainer: Trainer, now_s: float) -> None:
        """Answer what is done, and begin what waits; a fit waits until no other refit runs."""
        if self._number is not None and trainer.has_published(self._number):
            self._answer({"generation": trainer.generation})
        elif self._number is not None and trainer.cut_off:
            self.refuse(RefitCutOff.there())
        waiting = self._inbox.waiting()
        for path, request in waiting.items():
            if request.action != "fit" and path not in self._served:
                self._obey(trainer, path, request, now_s)
        if not trainer.busy and any(each.action == "fit" for each in waiting.values()):
            self._begin(trainer, waiting, now_s)

    def refuse(self, error: ShrinkRefused | TrainerError) -> None:
        """Pass on what the refit that they wait for ended with."""
        self._answer({"error": str(error), "exit_code": error.exit_code})

    def _obey(self, trainer: Trainer, path: Path, request: Request, now_s: float) -> None:
        """Do at once what a person decided about the live model."""
        try:
            number = trainer.obey(request, now_s)
        except TrainerError as error:
            self._inbox.answer([path], {"error": str(error), "exit_code": error.exit_code})
        else:
            if number is None:
                # Nothing will be published: the answer need not wait.
                self._inbox.answer([path], {"generation": trainer.live_generation})
                if not trainer.busy:
                    self._overtake(request)
            else:
                # A fit that others waited for is abandoned: they get the lists of this one.
                self._served, self._number = [*self._served, path], number
                self._chosen.add(path)

    def _overtake(self, by: Request) -> None:
        """Tell those that wait for a model of their choice that it will not be published."""
        chosen = self._chosen & {*self._served}
        self._served = [path for path in self._served if path not in chosen]
        self._chosen.clear()
        error = Overtaken(by.action)
        self._inbox.answer([*chosen], {"error": str(error), "exit_code": error.exit_code})

    def _begin(self, trainer: Trainer, waiting: Mapping[Path, Request], now_s: float) -> None:
        # Those that waited for a fit which was in vain are among them.
        fits = [path for path, request in waiting.items() if request.action == "fit"]
        self._served = [*{*self._served, *fits}]
        trainer.listen(now_s)
        if trainer.has_plays:
            self._number = trainer.begin(force=any(waiting[path].force for path in fits))
        else:
            self.refuse(NothingToFit.stored(self._store))

    def _answer(self, answer: dict[str, object]) -> None:
        self._inbox.answer(self._served, answer)
        self._chosen.clear()
        self._served, self._number = [], None
