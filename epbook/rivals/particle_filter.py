"""The bootstrap particle filter: importance sampling again at every step, from where the last one left."""

import math

import numpy as np
from numpy.typing import ArrayLike

from ..checks import whole_number
from ..models.dynamics import Dynamics
from ..result import Result
from .filtering import run_filter
from .samples import Samples, log_average

PARTICLE_FLOPS = 24  # a particle's step beside the model's own functions


def particle_filter(model: Dynamics, y: ArrayLike, particles: int = 1000, rng: int | np.random.Generator | None = None) -> Result:
    """Filter with weighted samples: move each, weigh it by the observation, draw anew by weight.

    The evidence, not its log, is right on average for any number of particles.

    Args:
        model: the dynamics.
        y: the observations, shape (steps,).
        particles: how many.
        rng: seed or numpy Generator.

    Returns:
        A `Result` with one snapshot a step and a `Track` of `Samples`.

    Raises:
        ValueError: if y is empty or not finite, or particles is not a positive whole number.

    Example:
        >>> result = particle_filter(Dynamics.linear(), [0.3, 1.2, 0.7], 10_000, rng=0)
        >>> abs(result.mean - 0.6925) < 0.03
        True

    Book: section 2.6.
    """
    rng, particles = np.random.default_rng(rng), whole_number("particles", particles, 1)

    def scatter(x, variance):
        return x + math.sqrt(variance) * rng.standard_normal(particles)

    def predict(belief, t):
        x = belief.values[resample(belief.weights, rng)]
        return Samples(scatter(model.transition(x, t), model.process_variance))

    def observe(belief, y_t):
        log_weights = model.log_likelihood(belief.values, y_t)
        return log_average(log_weights), Samples(belief.values, log_weights)

    start = Samples(scatter(model.start_mean, model.start_variance))
    return run_filter(start, predict, observe, y, particles * (model.flops + PARTICLE_FLOPS))


def resample(weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As many indices as weights, each as often as its weight asks, up to rounding: systematic resampling.

    Example:
        >>> resample(np.array([0.5, 0.0, 0.25, 0.25]), np.random.default_rng(0)).tolist()
        [0, 0, 2, 3]
    """
    count = len(weights)
    return np.searchsorted(np.cumsum(weights), (rng.random() + np.arange(count)) / count).clip(max=count - 1)
