"""How long both sides are: the product that they make says, and alternating learns it slowly.

Say X was solved against Y, and their product is to be u X Y', u being spread over both sides so
that their penalties are equal, which costs least. The objective, less the sum of all c, is then

    -2 u b + u^2 q + 2 u g    with b = sum c p x.y, q = sum c (x.y)^2 over all cells, and
                              g = (penalty of X x penalty of Y)^(1/2),

least at u = (b - g) / q. X having been solved, its own length is right for Y: b = q + penalty of
X, and the objective is penalty of Y - b. So all of it is known without looking at a cell.

Short vectors have a short product, which grows by a constant factor a half-step: where lambda is
near the largest singular values of the matrix, that takes sweeps (docs/solver.md).
"""

import math

from trainer.engines.whitened import Vectors

LEAST = 1e-5
"""Of q / b: q is a difference of two sums as large as b, and below this mostly their rounding."""


def lengthened(solved: Vectors, fixed: Vectors, value: float) -> tuple[Vectors, Vectors]:
    """The side that was solved and the other one, at the best lengths for both.

    They are left as they are where the solved side would become shorter: it is then long because
    the other one is short, and that is about to be solved.

    Args:
        solved: X.
        fixed: Y.
        value: the objective, less the sum of all c.
    """
    both = math.sqrt(solved.penalty * fixed.penalty)
    gain = fixed.penalty - value
    squared = gain - solved.penalty
    if both <= 0 or squared <= LEAST * gain:
        return solved, fixed
    product = (gain - both) / squared
    longer = product * fixed.penalty / both
    if longer <= 1:
        return solved, fixed
    return solved.times(longer), fixed.times(product * solved.penalty / both)
