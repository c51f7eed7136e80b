"""The extended Kalman filter: every term replaced by its tangent, itself a Gaussian."""

from numpy.typing import ArrayLike

from ..families import Gaussian
from ..models.dynamics import Dynamics, log_normal
from ..result import Result
from .filtering import run_filter

STEP_FLOPS = 30  # beside the model's own functions and slopes, which are taken to cost alike


def extended_kalman(model: Dynamics, y: ArrayLike) -> Result:
    """Filter with transition and observation linearised at the mean.

    Args:
        model: the dynamics.
        y: the observations, shape (steps,).

    Returns:
        A `Result` with one snapshot a step and a `Track` of Gaussians.

    Raises:
        ValueError: if y is empty or not finite.

    Example:
        >>> model = Dynamics.linear()
        >>> round(extended_kalman(model, [0.3, 1.2, 0.7]).mean, 6)      # here it is the Kalman filter
        0.692502

    Book: section 2.6.
    """

    def predict(belief, t):
        slope = model.transition_slope(belief.mean, t)
        variance = slope * slope * belief.variance + model.process_variance
        return Gaussian.from_moments(model.transition(belief.mean, t), variance)

    def observe(belief, y_t):
        slope, noise = model.observation_slope(belief.mean), model.observation_variance
        surprise = y_t - model.observation(belief.mean)
        log_z = log_normal(surprise, 0.0, slope * slope * belief.variance + noise)
        tangent = Gaussian(slope * slope / noise, slope * (surprise + slope * belief.mean) / noise)
        return float(log_z), belief * tangent

    start = Gaussian.from_moments(model.start_mean, model.start_variance)
    return run_filter(start, predict, observe, y, 2 * model.flops + STEP_FLOPS)
