"""The filter on a grid of states: exact once the grid is fine and wide enough."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp

from ..checks import number_in, whole_number
from ..models.dynamics import Dynamics, log_normal
from ..result import Result
from .filtering import is_resolved, run_filter
from .samples import Samples

PAIR_FLOPS = 8  # the chance of one move between two knots, and its part in a sum
KNOT_FLOPS = 16


def grid_filter(model: Dynamics, y: ArrayLike, low: float = -50.0, high: float = 50.0, knots: int = 801) -> Result:
    """Filter with the trapezoid rule: what the other filters are measured against.

    Args:
        model: the dynamics.
        y: the observations, shape (steps,).
        low, high: ends of the grid, beyond which no state goes.
        knots: how many.

    Returns:
        A `Result` with one snapshot a step and a `Track` of `Samples`.

    Raises:
        ValueError: if y is empty or not finite, low not below high, knots fewer than two, or if a belief
            reaches beyond the grid or is too narrow for its spacing.

    Example:
        >>> round(grid_filter(Dynamics.linear(), [0.3, 1.2, 0.7], -10, 10, 101).mean, 6)
        0.692502

    Book: section 2.6.
    """
    high = number_in("high", high, -np.inf, np.inf)
    grid = np.linspace(number_in("low", low, -np.inf, high, open_high=True), high, whole_number("knots", knots, 2))
    log_step = np.log(grid[1] - grid[0])

    def held(log_weights, mass=1.0):
        belief = Samples(grid, log_weights)
        if not (abs(mass - 1) < 1e-3 and is_resolved(belief.weights)):
            raise ValueError(f"{knots} knots from {low:g} to {high:g} do not hold the states: widen the grid, or refine it")
        return belief

    def predict(belief, t):
        moves = np.exp(log_normal(grid[:, None], model.transition(grid, t), model.process_variance) + log_step)
        weights = moves @ belief.weights
        with np.errstate(divide="ignore"):
            return held(np.log(weights), weights.sum())

    def observe(belief, y_t):
        log_weights = belief.log_weights + model.log_likelihood(grid, y_t)
        return float(logsumexp(log_weights)), held(log_weights)

    start = log_normal(grid, model.start_mean, model.start_variance) + log_step
    price = knots * (knots * PAIR_FLOPS + KNOT_FLOPS + model.flops)
    return run_filter(held(start, np.exp(start).sum()), predict, observe, y, price)
