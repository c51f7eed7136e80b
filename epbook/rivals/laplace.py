"""Laplace's method: climb to a maximum of the joint and read the integral off its height and curvature."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..checks import number_in, whole_number
from ..result import Result
from .arguments import checked_start, require


class Point(NamedTuple):
    """A place without a width: what is left where the joint has no Gaussian."""

    mean: Any
    variance: float = math.nan
    covariance: float = math.nan


def laplace(problem, start: ArrayLike | None = None, passes: int = 1000, tol: float = 1e-10) -> Result:
    """Laplace's approximation at the maximum to which the problem's own steps climb  (2.5)-(2.9).

    For mixture problems the steps are EM's (3.64), and each snapshot applies (3.66) where its step
    ended: what stopping there would give and cost.  It is NaN where the joint curves upward.

    Args:
        problem: has `start`, `climb(theta)`, `laplace_fit(theta)`, and their prices `climb_flops` and `fit_flops`.
        start: where to begin, in the shape of theta; the problem's own start if None.
        passes: at most this many steps.
        tol: stop when a step moves no coordinate by more than this, relative to the largest of them or 1.

    Returns:
        A `Result` whose posterior is Gaussian, or for mixture weights a `LogisticNormal`,
            whose mean is NaN for more than four weights.

    Raises:
        ValueError: on a problem of another kind, a start of another shape or where the joint is zero, or options out of range.

    Example:
        >>> from epbook import ClutterProblem
        >>> result = laplace(ClutterProblem([0.5, 2.1, 1.9, -4.0]))
        >>> round(result.mean, 3), round(result.log_evidence, 3)
        (1.551, -10.856)

    Book: sections 2.3 and 3.2.2.
    """
    passes, tol = whole_number("passes", passes, 1), number_in("tol", tol, 0, math.inf)
    require("laplace", problem, "start", "climb", "laplace_fit")
    theta, result = checked_start(problem, start), Result(None)
    for _ in range(passes):
        before, theta = theta, problem.climb(theta)
        log_evidence, fit = problem.laplace_fit(theta)
        result.posterior = Point(theta) if fit is None else fit
        result.record(log_evidence, problem.climb_flops + (0 if result.history else problem.fit_flops))
        moved = float(np.max(np.abs(np.subtract(theta, before)))) / max(1.0, float(np.max(np.abs(theta))))
        if moved <= tol:
            break
    result.converged = moved <= tol and fit is not None
    result.status = _status(result, moved, fit)
    return result


def _status(result, moved, fit):
    """One sentence on how it ended."""
    if fit is None:
        return f"no maximum: after {result.passes} passes the joint still curves upward; try another start"
    if result.converged:
        return f"converged: the maximum moved by {moved:.1e} in pass {result.passes}"
    return f"stopped after {result.passes} passes, the last of which moved by {moved:.1e}; allow more passes to converge"
