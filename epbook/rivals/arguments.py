"""What a rival may ask of its arguments, each error saying what was given and what is needed."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..checks import finite_array, number_in


def require(method: str, problem: Any, *names: str) -> None:
    """Raise ValueError unless the problem has everything that the method will use.

    Example:
        >>> require("gibbs", 3.0, "given")
        Traceback (most recent call last):
        ValueError: gibbs needs a problem with given, and float has none
    """
    missing = [name for name in names if not hasattr(problem, name)]
    if missing:
        raise ValueError(f"{method} needs a problem with {' and '.join(missing)}, and {type(problem).__name__} has none")


def shape_of(problem: Any) -> tuple[int, ...]:
    """The shape of one theta: () in 1-D, else (d,)."""
    return problem.sample_prior(1, 0).shape[1:]


def require_one_dimension(problem: Any, method: str) -> None:
    """Raise ValueError unless theta is one number."""
    require(method, problem, "sample_prior", "log_joint", "flops")
    if shape_of(problem):
        raise ValueError(f"{method} works in one dimension, and theta has shape {shape_of(problem)} here")


def interval(problem: Any, low: float | None, high: float | None, method: str) -> tuple[float, float]:
    """The ends of the integral: as given, else the problem's own range.

    Raises:
        ValueError: if the problem is not one-dimensional, or low is not below high.
    """
    require_one_dimension(problem, method)
    ends = (None, None) if None not in (low, high) else problem.range
    high = number_in("high", ends[1] if high is None else high, -math.inf, math.inf)
    low = number_in("low", ends[0] if low is None else low, -math.inf, high, open_high=True)
    return float(finite_array("low", low, 0)), high


def checked_start(problem: Any, start: ArrayLike | None) -> Any:
    """Where an iterative method begins: the problem's own start, or the one given if the posterior reaches there.

    Raises:
        ValueError: on a start of another shape than theta's, or where the joint is zero.
    """
    if start is None:
        return problem.start
    theta, shape = finite_array("start", start, (0, 1)), np.shape(problem.start)
    if theta.shape != shape:
        raise ValueError(f"start must have shape {shape} like theta, not {theta.shape}")
    if not problem.log_joint(theta) > -math.inf:
        raise ValueError(f"the joint is zero at start = {theta}: begin where it is not")
    return theta
