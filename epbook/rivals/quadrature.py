"""Quadrature: the integrand summed on a grid (2.2)."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import logsumexp

from ..checks import whole_number
from ..result import Result
from .arguments import interval
from .samples import Samples

KNOT_FLOPS = 12  # beside log_joint: a knot's place, and its part in the sums for evidence and mean


def quadrature(
    problem: Any,
    low: float | None = None,
    high: float | None = None,
    knots: Sequence[int] = (2, 3, 5, 9, 17, 33, 65, 129, 257),
) -> Result:
    """Integrate a 1-D joint by the trapezoid rule on growing grids.

    A grid with a knot between every two of the last one reuses what was computed there.

    Args:
        problem: one-dimensional, with `log_joint`.
        low, high: ends of the grid; the problem's `range` by default.
        knots: how many, for one grid after the other.

    Returns:
        A `Result` with one snapshot a grid; its posterior holds the knots of the last as `Samples`.

    Raises:
        ValueError: if theta is not one number, or knots is no list of numbers from two up.

    Example:
        >>> from epbook import LogisticIntegrand
        >>> problem = LogisticIntegrand()
        >>> problem.exact().errors(quadrature(problem))[0] < 1e-6
        True

    Book: section 2.1.
    """
    low, high = interval(problem, low, high, "quadrature")
    if np.ndim(knots) != 1:
        raise ValueError(f"knots must list how many for one grid after the other, like [{knots!r}]")
    result, log_joint = Result(None), np.empty(0)
    for count in knots:
        theta = np.linspace(low, high, whole_number("knots", count, 2))
        log_joint, new = _continued(problem, theta, log_joint)
        log_weights = log_joint + math.log(theta[1] - theta[0])
        log_weights[[0, -1]] -= math.log(2)
        result.posterior = Samples(theta, log_weights)
        result.record(float(logsumexp(log_weights)), new * problem.flops + count * KNOT_FLOPS)
    if not result.history:
        raise ValueError("knots is empty: name at least one grid")
    result.converged = result.log_evidence > -math.inf
    result.status = f"summed {count} knots" if result.converged else "no knot met the integrand: try a narrower interval"
    return result


def _continued(problem, theta, old):
    """log_joint on the grid, and at how many of its knots that had to be computed."""
    if len(theta) != 2 * len(old) - 1:
        return problem.log_joint(theta), len(theta)
    log_joint = np.empty(len(theta))
    log_joint[::2] = old
    log_joint[1::2] = problem.log_joint(theta[1::2])
    return log_joint, len(theta) - len(old)
