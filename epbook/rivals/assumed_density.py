"""The assumed-density filter: every term met exactly, then the best Gaussian kept."""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp

from ..errors import NoMassError
from ..families import Gaussian
from ..models.dynamics import Dynamics
from ..result import Result
from .filtering import is_resolved, run_filter
from .normal_grid import KNOTS, WEIGHTS

LOG_WEIGHTS = np.log(WEIGHTS)
KNOT_FLOPS = 26  # a step's work at one knot beside the model's own functions


class Observed:
    """The term p(y | x) of one observation, a function of the state x.

    Args:
        model: the dynamics.
        y: what was seen.

    Example:
        >>> log_z, gradient, curvature = Observed(Dynamics.linear(), 1.0).log_z(0.0, 1.0)
        >>> round(gradient, 9), round(curvature, 9)
        (0.5, 0.5)

    Book: section 2.6.
    """

    flops = 21 * len(KNOTS)

    def __init__(self, model: Dynamics, y: float):
        self.model, self.y = model, y

    def __repr__(self):
        return f"Observed(y={self.y:g})"

    def log_z(self, mean, variance, power=1.0):
        """log Z and its derivatives in the mean under N(mean, variance), by the trapezoid rule."""
        sd = math.sqrt(variance)
        log_tilted = LOG_WEIGHTS + power * self.model.log_likelihood(mean + sd * KNOTS, self.y)
        log_z = float(logsumexp(log_tilted))
        tilted = np.exp(log_tilted - log_z)
        if not is_resolved(tilted):
            raise NoMassError(f"{self!r} has its mass beyond or between the knots of the grid on N({mean:g}, {variance:g})")
        shift = float(tilted @ KNOTS)
        spread = float(tilted @ (KNOTS - shift) ** 2)
        return log_z, shift / sd, (1 - spread) / variance


def assumed_density(model: Dynamics, y: ArrayLike) -> Result:
    """Filter by matching the moments of the exact one-step prediction and of the exact one-step posterior.

    Args:
        model: the dynamics.
        y: the observations, shape (steps,).

    Returns:
        A `Result` with one snapshot a step and a `Track` of Gaussians.

    Raises:
        ValueError: if y is empty or not finite.
        NoMassError: if an observation is so far out, or so exact, that the posterior of its step lies beyond the
            grid of nine deviations of the prediction either way, or between its knots, fifty to a deviation.

    Example:
        >>> round(assumed_density(Dynamics.linear(), [0.3, 1.2, 0.7]).mean, 6)
        0.692502

    Book: section 2.6.
    """

    def predict(belief, t):
        moved = model.transition(belief.mean + math.sqrt(belief.variance) * KNOTS, t)
        mean = WEIGHTS @ moved
        return Gaussian.from_moments(mean, WEIGHTS @ (moved - mean) ** 2 + model.process_variance)

    def observe(belief, y_t):
        return belief.moment_match(Observed(model, y_t))

    start = Gaussian.from_moments(model.start_mean, model.start_variance)
    return run_filter(start, predict, observe, y, len(KNOTS) * (model.flops + KNOT_FLOPS))
