"""Weights whose logarithms, up to a constant, are Gaussian: Laplace's answer for mixture weights."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import softmax

from ..families import FullGaussian

_KNOTS = {1: 129, 2: 49, 3: 25}  # an axis, on which the trapezoid rule reaches rounding for ordinary widths
_REACH = 8.5  # standard deviations


class LogisticNormal:
    """w = softmax(u, 0) with u Gaussian in K - 1 dimensions.

    Args:
        mode: the mean of u, shape (K - 1,).
        covariance: of u, shape (K - 1, K - 1), positive definite.

    Raises:
        ValueError: on other shapes; from the moments of w, for more than four weights.

    Example:
        >>> LogisticNormal([0.0], [[1.0]]).mean.round(12).tolist()
        [0.5, 0.5]

    Book: section 3.3.
    """

    def __init__(self, mode: ArrayLike, covariance: ArrayLike):
        self.gaussian = FullGaussian.from_moments(mode, covariance)
        self._nodes, self._weights = _grid(np.asarray(mode, dtype=float), np.asarray(covariance, dtype=float))

    @property
    def mean(self):
        """E[w], shape (K,), by the trapezoid rule."""
        return self._weights @ self._nodes

    @property
    def covariance(self):
        """The covariance of w, shape (K, K), by the trapezoid rule."""
        gap = self._nodes - self.mean
        return (gap.T * self._weights) @ gap

    @property
    def variance(self):
        """The variance of each weight, shape (K,)."""
        return np.diag(self.covariance)

    def log_density(self, weights: ArrayLike) -> np.ndarray:
        """log density at weights inside the simplex, shape (..., K)."""
        log_weights = np.log(np.asarray(weights, dtype=float))
        u = log_weights[..., :-1] - log_weights[..., -1:]
        return self.gaussian.log_density(u) - log_weights.sum(axis=-1)  # du/dw = 1 / product of w


def moments_flops(parts):
    """Operations of the moments of so many weights: almost all of the price of a `LogisticNormal`."""
    return _KNOTS[parts - 1] ** (parts - 1) * (2 * parts**2 + 5 * parts + 3)


def _grid(mode, covariance):
    """Weights w on a product grid of u, shape (m, K), and their probabilities, shape (m,)."""
    if len(mode) not in _KNOTS:
        raise ValueError(f"the moments are integrated on a grid, for at most 4 weights and not {len(mode) + 1}")
    axis = np.linspace(-_REACH, _REACH, _KNOTS[len(mode)])
    z = np.stack(np.meshgrid(*[axis] * len(mode), indexing="ij"), axis=-1).reshape(-1, len(mode))
    u = mode + z @ np.linalg.cholesky(covariance).T
    chance = softmax(-0.5 * (z**2).sum(axis=1))
    return softmax(np.column_stack([u, np.zeros(len(u))]), axis=1), chance
