"""The study: trials of recipes, kept in a file, so that a search that was ended continues.

Each trial draws with a seed of its own, made from that of the study and the number of trials
before it. So a search in two parts is the same as one in one part.
"""

import importlib
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer.errors import SearchNotInstalled
from trainer.recipe import Recipe
from trainer.search.space import is_inside, searched, suggested

if TYPE_CHECKING:
    import optuna

Judge = Callable[[Recipe], float]


@dataclass(frozen=True)
class Budget:
    """When a search ends, whichever comes first."""

    trials: int
    """Of the whole study, earlier ones included."""
    seconds: float | None = None
    """Of this call."""

    def used(self, trials: int, seconds: float) -> float:
        """The share that is used up, 0 to 1."""
        by_time = seconds / self.seconds if self.seconds else 0.0
        return min(1.0, max(trials / self.trials, by_time))


@dataclass(frozen=True)
class Best:
    """The best trial so far."""

    recipe: Recipe
    figure: float
    trials: int
    """Completed, of the whole study."""


class Study:
    """Trials of one data version, one start and one seed.

    Args:
        path: of the file; other studies may be in it.
        name: of the study in that file.
        start: the recipe that is tried first.
        dated: whether the plays have dates.
        seed: of what is tried.

    Raises:
        SearchNotInstalled: the extra `tune` is missing.
    """

    def __init__(self, path: Path, name: str, start: Recipe, *, dated: bool, seed: int) -> None:
        check_installed()
        self._optuna = importlib.import_module("optuna")
        # Optuna logs each trial by itself; `on_trial` is there for that.
        self._optuna.logging.set_verbosity(self._optuna.logging.WARNING)
        self._start, self._dated, self._seed = start, dated, seed
        self._study: optuna.Study = self._optuna.create_study(
            study_name=name, storage=_storage(path), direction="maximize", load_if_exists=True
        )

    @property
    def trials(self) -> int:
        """Completed ones."""
        return len(self._study.get_trials(deepcopy=False, states=self._complete))

    def best(self) -> Best | None:
        """The best of all trials; None before the first."""
        if not self.trials:
            return None
        found = self._study.best_trial
        recipe = suggested(
            self._optuna.trial.FixedTrial(found.params), self._start, dated=self._dated
        )
        return Best(recipe, float(found.value or 0.0), self.trials)

    def run(
        self, judge: Judge, budget: Budget, on_trial: Callable[[Recipe, float, int], None]
    ) -> None:
        """Try recipes until the budget is used up.

        Args:
            judge: the figure of a recipe; more is better.
            budget: at least one trial is made in an empty study.
            on_trial: called after each, with the number of trials so far.
        """
        began_s = time.monotonic()
        while (done := self.trials) < budget.trials:
            # Never an empty study: there would be nothing to write.
            if done and budget.seconds and time.monotonic() - began_s >= budget.seconds:
                return
            trial, recipe = self._next(done)
            figure = judge(recipe)
            self._study.tell(trial, figure)
            on_trial(recipe, figure, done + 1)

    @property
    def _complete(self) -> tuple[Any, ...]:
        return (self._optuna.trial.TrialState.COMPLETE,)

    def _next(self, done: int) -> "tuple[optuna.Trial, Recipe]":
        # What counts is what completed: a trial that was killed is tried again.
        if not done and is_inside(self._start, dated=self._dated):
            names = searched(self._start, dated=self._dated)
            self._study.enqueue_trial({name: getattr(self._start, name) for name in names})
        self._study.sampler = self._optuna.samplers.TPESampler(seed=self._seed * 100_000 + done)
        trial = self._study.ask()
        return trial, suggested(trial, self._start, dated=self._dated)


def check_installed() -> None:
    """Refuse to continue where the extra is missing.

    Raises:
        SearchNotInstalled: it is.
    """
    if find_spec("optuna") is None:
        raise SearchNotInstalled(
            "`gigstream tune` needs a package that is not installed; run `pip install "
            "'gigstream[tune]'`"
        )


def _storage(path: Path) -> "optuna.storages.JournalStorage":
    from optuna.storages import JournalStorage  # noqa: PLC0415 - an extra
    from optuna.storages.journal import JournalFileBackend  # noqa: PLC0415 - an extra

    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library calls the file's format experimental
        return JournalStorage(JournalFileBackend(str(path)))
