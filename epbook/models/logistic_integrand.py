"""The running example of chapter 2: one integral that is no Gaussian's."""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from ..checks import number_in
from ..families import Gaussian
from ..posteriors import Whole
from ..terms import Logistic
from .exact import Exact, grid_moments

STEEPEST = 1e4  # the exact answer's grid resolves the step


class LogisticIntegrand:
    """Integrate f(x) = N(x; 0, 1) logistic(a x + b): a Gaussian cut off by a soft step.

    The thesis does not print the integrand of its figure 2-1; this one shows the same things.

    Args:
        a: steepness of the step, in [-10000, 10000].
        b: its logit at x = 0; the step is at -b / a.

    Raises:
        ValueError: if either is out of range.

    Example:
        >>> problem = LogisticIntegrand()
        >>> round(math.exp(problem.exact().log_evidence), 6), round(problem.exact().mean, 4)
        (0.578941, 0.6728)

    Book: chapter 2.
    """

    flops = 7  # of log_joint, for each of many theta
    climb_flops = 31  # of one Newton step, accepted at its full length
    fit_flops = 27  # of one laplace_fit

    def __init__(self, a: float = 20.0, b: float = 4.0):
        self.a = number_in("a", a, -STEEPEST, STEEPEST, meaning="the steepness of the step")
        self.b = number_in("b", b, -STEEPEST, STEEPEST, meaning="the logit at 0")
        self.terms = [Logistic(self.a, self.b)]
        self.start = 0.0

    def __repr__(self):
        return f"LogisticIntegrand(a={self.a:g}, b={self.b:g})"

    def posterior(self) -> Whole:
        """Where EP starts: the standard normal, with no site yet."""
        return Whole(Gaussian.from_moments(0.0, 1.0))

    def log_likelihood(self, theta: ArrayLike) -> np.ndarray:
        """log logistic(a theta + b), theta of any shape."""
        return self.terms[0].log_value(theta)

    def log_joint(self, theta: ArrayLike) -> np.ndarray:
        """log f(theta), theta of any shape."""
        return -0.5 * (math.log(2 * math.pi) + np.square(theta)) + self.log_likelihood(theta)

    def sample_prior(self, size: int, rng: int | np.random.Generator | None = None) -> np.ndarray:
        """`size` draws from the standard normal."""
        return np.random.default_rng(rng).standard_normal(size)

    def exact(self) -> Exact:
        """The integral, and mean and variance of the normalised integrand, by the trapezoid rule."""
        return grid_moments(self.log_joint, *self.range, step=0.4 / max(1.0, abs(self.a)))

    @property
    def range(self) -> tuple[float, float]:
        """Where the integrand lives: f is everywhere at least as curved as N(x; mode, 1)."""
        mode, best = self.start, self.climb(self.start)
        while best != mode and self.log_joint(best) > self.log_joint(mode):
            mode, best = best, self.climb(best)
        return best - 9.0, best + 9.0

    def climb(self, theta: float) -> float:
        """One Newton step toward the mode, halved until log f does not fall."""
        gradient, curvature = self._derivatives(theta)
        step = gradient / curvature
        here = self.log_joint(theta)
        while self.log_joint(theta + step) < here and abs(step) > 1e-15 * abs(theta):
            step /= 2
        return theta + step

    def laplace_fit(self, theta: float) -> tuple[float, Gaussian]:
        """log evidence and Gaussian from height and curvature of log f at theta  (2.9)."""
        curvature = self._derivatives(theta)[1]
        log_evidence = self.log_joint(theta) + 0.5 * math.log(2 * math.pi / curvature)
        return float(log_evidence), Gaussian.from_moments(theta, 1 / curvature)

    def _derivatives(self, theta):
        """Gradient and minus the second derivative of log f."""
        missing = float(expit(-self.a * theta - self.b))
        return self.a * missing - theta, 1 + self.a**2 * missing * (1 - missing)
