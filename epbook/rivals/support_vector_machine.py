"""The support vector machine with a hard margin: the one separator farthest from the points."""

import math
import warnings
from typing import Any

import numpy as np

from ..errors import ConvergenceWarning, NotSeparableError
from ..result import Result
from .least_distance import least_distance
from .separator import Coordinates, Separator, require_hard_margin


def support_vector_machine(problem: Any, free_bias: bool = False) -> Result:
    """The shortest w with w.x_i >= 1 for every signed point x_i.

    Args:
        problem: a `BayesPoint` without noise and slack.
        free_bias: whether w.x is joined by an offset that does not count in the length of w, as in most programs;
            the thesis's has none.

    Returns:
        A `Result` with one snapshot, whose posterior is a `Separator`; no evidence (NaN).
            Its flops count each support vector once: what the solver tries and takes back stays unseen.

    Raises:
        ValueError: on a problem with noise or slack, or of another kind; a free bias for one class alone.
        NotSeparableError: if the margin is lost in rounding.

    Warns:
        ConvergenceWarning: if rounding leaves a point nearer than the margin; so do all that build on this separator.

    Example:
        >>> from epbook import BayesPoint
        >>> problem = BayesPoint([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]], [-1, -1, 1], bias=True)
        >>> result = support_vector_machine(problem)
        >>> result.posterior.coefficients.round(6).tolist(), round(result.posterior.margin, 6)
        ([3.0, 0.0, 2.0], 0.447214)

    Book: section 5.5.
    """
    require_hard_margin("support_vector_machine", problem)
    n = len(problem.y)
    if free_bias and abs(problem.y.sum()) == n:
        raise ValueError("with a free bias there must be points of both classes: one alone has no farthest separator")
    points, result = Coordinates(problem), Result(None)
    shortest = float(points.length.min())
    needed = shortest / points.length  # of unit rows, by w times the shortest length
    best = _farthest(points.normals, needed, problem.y * needed if free_bias else None)
    w, alpha = best.z / shortest, best.multipliers / (shortest * points.length)
    reached = points.length * (points.normals @ w) + problem.y * best.t
    if not reached.min() > 0:
        raise _lost()
    result.posterior = Separator(problem.signed, points.mean(w), alpha, best.t)
    result.record(math.nan, points.flops + best.flops + 2 * (1 + points.has_kernel) * points.normals.size + 8 * n + len(w))
    result.converged = bool(reached.min() > 1 - 1e-4)
    result.status = f"{np.count_nonzero(alpha)} of {n} points support the margin {result.posterior.margin:.3g}"
    if not result.converged:
        result.status = (
            f"imprecise: the nearest point has {reached.min():.6g}, not 1; centre and scale the features, or narrow the kernel"
        )
        warnings.warn(result.status, ConvergenceWarning, stacklevel=2)
    return result


def _farthest(rows, needed, free):
    try:
        return least_distance(rows, needed, free)
    except (ValueError, ArithmeticError):  # nothing satisfies all, to rounding; but the problem has a separator
        raise _lost() from None


def _lost():
    return NotSeparableError("the margin is lost in rounding: centre and scale the features, or narrow the kernel")
