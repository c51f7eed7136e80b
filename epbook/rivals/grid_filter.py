"""The filter on a grid of states: exact once the grid is fine and wide enough."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp

from ..checks import number_in, whole_number
from ..models.dynamics import Dynamics, log_normal
from ..result import Result
from .filtering import run_filter
from .samples import Samples

PAIR_FLOPS = 8  # the chance of one move between two knots, and its part in a sum
KNOT_FLOPS = 16


def grid_filter(model: Dynamics, y: ArrayLike, low: float = -50.0, high: float = 50.0, knots: int = 801) -> Result:
    """Filter with the trapezoid rule: what the other filters are measured against.

    Args:
        model: the dynamics.
        y: the observations, shape (steps,).
        low, high: ends of the grid, beyond which no state goes.
        knots: how many; their spacing must resolve the narrowest of density, transition and likelihood in x.

    Returns:
        A `Result` with one snapshot a step and a `Track` of `Samples`.

    Raises:
        ValueError: if y is empty or not finite, low not below high, or knots fewer than two.

    Example:
        >>> round(grid_filter(Dynamics.linear(), [0.3, 1.2, 0.7], -10, 10, 101).mean, 6)
        0.692502

    Book: chapter 2.
    """
    high = number_in("high", high, -np.inf, np.inf)
    grid = np.linspace(number_in("low", low, -np.inf, high, open_high=True), high, whole_number("knots", knots, 2))
    log_step = np.log(grid[1] - grid[0])

    def predict(belief, t):
        moves = np.exp(log_normal(grid[:, None], model.transition(grid, t), model.process_variance) + log_step)
        with np.errstate(divide="ignore"):
            return Samples(grid, np.log(moves @ belief.weights))

    def observe(belief, y_t):
        log_weights = belief.log_weights + model.log_likelihood(grid, y_t)
        return float(logsumexp(log_weights)), Samples(grid, log_weights)

    start = Samples(grid, log_normal(grid, model.start_mean, model.start_variance) + log_step)
    return run_filter(start, predict, observe, y, knots * (knots * PAIR_FLOPS + KNOT_FLOPS + model.flops))
