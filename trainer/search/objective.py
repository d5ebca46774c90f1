"""The figure of a recipe: mean NDCG@10 on past windows, under weights that do not change.

The weights are those that the start recipe tunes for itself: tuning them for each trial would
find what a trial gains by chance.
"""

from trainer.evaluation.splits import Gigs
from trainer.evaluation.tuning import Gain, Marks, ballots, paired_gain
from trainer.recipe import Recipe, Weights


class Objective:
    """Ranks the windows of some plays under one recipe after another.

    Args:
        gigs: in date order.
        weights: of the terms of the score.
    """

    def __init__(self, gigs: Gigs, weights: Weights) -> None:
        self._gigs = gigs
        self._weights = weights._asdict()

    def figure(self, recipe: Recipe) -> float:
        """The mean over views of windows; 0 where the plays are too few for one."""
        _, marks = self.marks(recipe)
        return sum(float(each.mean()) for each in marks) / max(len(marks), 1)

    def gain(self, start: Recipe, found: Recipe) -> Gain:
        """Of one recipe over another, paired by subject.

        Args:
            start: the other one.
            found: the one.
        """
        names, before = self.marks(start)
        _, after = self.marks(found)
        return paired_gain(names, before, after)

    def marks(self, recipe: Recipe) -> tuple[list[str], Marks]:
        """Names of views, and the NDCG@10 of their subjects."""
        names, marks = [], []
        for side, name, prepared in ballots(self._gigs, recipe):
            names.append(f"{side} {name}")
            marks.append(prepared.ndcg(prepared.summed(self._weights[side])))
        return names, marks
