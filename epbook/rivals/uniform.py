"""Uniform Monte Carlo: the average of the integrand over an interval, times its length (2.3)."""

from typing import Any

import numpy as np
from scipy.stats import uniform as uniform_distribution

from ..result import Result
from .arguments import interval
from .importance import importance


def uniform(
    problem: Any,
    samples: int = 1000,
    low: float | None = None,
    high: float | None = None,
    rng: int | np.random.Generator | None = None,
) -> Result:
    """Integrate a 1-D joint at points thrown evenly over an interval: importance sampling from a flat proposal.

    Args:
        problem: one-dimensional, with `log_joint`.
        samples: how many.
        low, high: the interval; the problem's `range` by default.
        rng: seed or numpy Generator.

    Returns:
        A `Result` as `importance` gives it.

    Raises:
        ValueError: if theta is not one number, or low is not below high.

    Example:
        >>> from epbook import LogisticIntegrand
        >>> problem = LogisticIntegrand()
        >>> problem.exact().errors(uniform(problem, 100_000, rng=0))[0] < 0.05
        True

    Book: section 2.2.
    """
    low, high = interval(problem, low, high, "uniform sampling")
    return importance(problem, samples, uniform_distribution(low, high - low), rng)
