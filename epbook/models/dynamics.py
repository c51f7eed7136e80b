"""A hidden state that moves and is seen through noise: the example on which filters are compared."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..checks import finite_array, number_in, whole_number

Function = Callable[..., np.ndarray]


@dataclass(frozen=True)
class Dynamics:
    """x_t = transition(x_{t-1}, t) + N(0, process_variance), seen as y_t = observation(x_t) + N(0, observation_variance).

    Args:
        transition, transition_slope: functions of (x, t), and the derivative in x; x of any shape.
        observation, observation_slope: the same, functions of x alone.
        process_variance, observation_variance: > 0.
        start_mean, start_variance: of the Gaussian x_0.
        flops: operations of one transition and one observation.

    Raises:
        ValueError: if a variance is not positive, or start_mean is not finite.

    Example:
        >>> x, y = Dynamics.growth().sample(30, rng=0)
        >>> x.shape, y.shape
        ((30,), (30,))

    Book: section 2.6.
    """

    transition: Function
    transition_slope: Function
    observation: Function
    observation_slope: Function
    process_variance: float = 1.0
    observation_variance: float = 1.0
    start_mean: float = 0.0
    start_variance: float = 1.0
    flops: int = 10

    def __post_init__(self):
        finite_array("start_mean", self.start_mean, 0)
        for name in ("process_variance", "observation_variance", "start_variance"):
            number_in(name, getattr(self, name), 0, math.inf, open_low=True)

    @classmethod
    def linear(cls, pull: float = 0.9, gain: float = 1.0, **options) -> "Dynamics":
        """x_t = pull x_{t-1} + noise, y_t = gain x_t + noise: where the Kalman filter is exact.

        Args:
            pull, gain: the two slopes.
            **options: the variances and the start, as above.
        """
        return cls(
            transition=lambda x, t: pull * x,
            transition_slope=lambda x, t: pull,
            observation=lambda x: gain * x,
            observation_slope=lambda x: gain,
            flops=2,
            **options,
        )

    @classmethod
    def growth(cls, process_variance: float = 10.0, observation_variance: float = 1.0) -> "Dynamics":
        """x_t = x/2 + 25 x/(1 + x^2) + 8 cos(1.2 t) + noise, y_t = x_t^2/20 + noise: y hides the sign of x."""
        return cls(
            transition=lambda x, t: x / 2 + 25 * x / (1 + x * x) + 8 * math.cos(1.2 * t),
            transition_slope=lambda x, t: 0.5 + 25 * (1 - x * x) / (1 + x * x) ** 2,
            observation=lambda x: x * x / 20,
            observation_slope=lambda x: x / 10,
            process_variance=process_variance,
            observation_variance=observation_variance,
            start_variance=5.0,
            flops=12,
        )

    def sample(self, steps: int, rng: int | np.random.Generator | None = None) -> tuple[np.ndarray, np.ndarray]:
        """States and what is seen of them, both of shape (steps,)."""
        rng, steps = np.random.default_rng(rng), whole_number("steps", steps, 1)
        x = np.empty(steps)
        x[0] = self.start_mean + math.sqrt(self.start_variance) * rng.standard_normal()
        for t in range(1, steps):
            x[t] = self.transition(x[t - 1], t) + math.sqrt(self.process_variance) * rng.standard_normal()
        return x, self.observation(x) + math.sqrt(self.observation_variance) * rng.standard_normal(steps)

    def log_likelihood(self, x: ArrayLike, y: float) -> np.ndarray:
        """log p(y | x), x of any shape."""
        return log_normal(y, self.observation(x), self.observation_variance)


def log_normal(x: ArrayLike, mean: ArrayLike, variance: float) -> np.ndarray:
    """log N(x; mean, variance)."""
    return -0.5 * (math.log(2 * math.pi * variance) + np.square(np.subtract(x, mean)) / variance)
