"""Weights whose logarithms, up to a constant, are Gaussian: Laplace's answer for mixture weights."""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import softmax

from ..families import FullGaussian

_KNOTS = {1: 129, 2: 49, 3: 25}  # an axis, on which the trapezoid rule reaches rounding for ordinary widths
_REACH = 8.5  # standard deviations


class LogisticNormal:
    """w = softmax(u, 0) with u Gaussian in K - 1 dimensions.

    Its moments have no closed form.  For two, three or four weights they are summed on a grid of u: right to
    ten digits up to variances of 30, 4 and 1, and to two from 1000, 100 and 30 on.  For more weights they are
    NaN, and mode and density are all there is.

    Args:
        mode: the mean of u, shape (K - 1,).
        covariance: of u, shape (K - 1, K - 1), positive definite.

    Raises:
        ValueError: on other shapes, or a covariance that is not positive definite.

    Example:
        >>> LogisticNormal([0.0], [[1.0]]).mean.round(12).tolist()
        [0.5, 0.5]

    Book: section 3.3.
    """

    def __init__(self, mode: ArrayLike, covariance: ArrayLike):
        self.gaussian = FullGaussian.from_moments(mode, covariance)
        self._mode, self._covariance = np.array(mode, dtype=float), np.array(covariance, dtype=float)

    @property
    def mean(self):
        """E[w], shape (K,), by the trapezoid rule; NaN for more than four weights."""
        nodes, weights = self._grid()
        return weights @ nodes

    @property
    def covariance(self):
        """The covariance of w, shape (K, K), by the trapezoid rule; NaN for more than four weights."""
        nodes, weights = self._grid()
        gap = nodes - weights @ nodes
        return (gap.T * weights) @ gap

    @property
    def variance(self):
        """The variance of each weight, shape (K,)."""
        return np.diag(self.covariance)

    def log_density(self, weights: ArrayLike) -> np.ndarray:
        """log density at weights inside the simplex, shape (..., K)."""
        log_weights = np.log(np.asarray(weights, dtype=float))
        u = log_weights[..., :-1] - log_weights[..., -1:]
        return self.gaussian.log_density(u) - log_weights.sum(axis=-1)  # du/dw = 1 / product of w

    def _grid(self):
        """Weights w on a product grid of u, shape (m, K), and their probabilities, shape (m,)."""
        d = len(self._mode)
        if d not in _KNOTS:
            return np.full((1, d + 1), math.nan), np.ones(1)
        axis = np.linspace(-_REACH, _REACH, _KNOTS[d])
        z = np.stack(np.meshgrid(*[axis] * d, indexing="ij"), axis=-1).reshape(-1, d)
        u = self._mode + z @ np.linalg.cholesky(self._covariance).T
        chance = softmax(-0.5 * (z**2).sum(axis=1))
        return softmax(np.column_stack([u, np.zeros(len(u))]), axis=1), chance


def moments_flops(parts):
    """Operations of the moments of so many weights: almost all of the price of a `LogisticNormal`."""
    knots = _KNOTS[parts - 1] ** (parts - 1) if parts - 1 in _KNOTS else 0
    return knots * (2 * parts**2 + 5 * parts + 3)
