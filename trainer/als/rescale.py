"""Rescale both factor matrices to the jointly optimal norm; ALS alone converges to it slowly.

Let X be solved against Y, and scale the product to u X Y', with u distributed over both sides so
that their penalties are equal, which minimises their sum. The objective less the sum of all c is
then

    -2 u b + u^2 q + 2 u g    with b = sum c p x.y, q = sum c (x.y)^2 over all cells, and
                              g = (penalty of X x penalty of Y)^(1/2),

with its minimum at u = (b - g) / q. Since X minimises the objective for this Y, b = q + penalty of
X, and the objective is penalty of Y - b. So u follows from known sums, without reading a cell.

Without rescaling, short vectors grow by a constant factor per half-step. Where lambda is near the
largest singular values of the matrix, that takes many sweeps (docs/solver.md).
"""

import math

from trainer.als.half_step import Vectors

LEAST = 1e-5
"""Smallest usable q / b. q is a difference of two sums of the size of b; below this, rounding
errors dominate it."""


def rescaled(solved: Vectors, fixed: Vectors, value: float) -> tuple[Vectors, Vectors]:
    """Both sides, rescaled to the jointly optimal norms.

    Nothing is changed where the solved side would become shorter: it is then long because the other
    side is short, and the next half-step solves that side.

    Args:
        solved: X, just solved.
        fixed: Y.
        value: the objective less the sum of all c.
    """
    both = math.sqrt(solved.penalty * fixed.penalty)
    gain = fixed.penalty - value
    squared = gain - solved.penalty
    if both <= 0 or squared <= LEAST * gain:
        return solved, fixed
    # u = (b - g) / q of the module: b is `gain`, g `both`, q `squared`.
    product = (gain - both) / squared
    # Both penalties become u g: X'X times u * fixed / g, and Y'Y times u * solved / g.
    longer = product * fixed.penalty / both
    if longer <= 1:
        return solved, fixed
    return solved.times(longer), fixed.times(product * solved.penalty / both)
