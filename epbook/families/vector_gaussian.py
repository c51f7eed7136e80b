"""Gaussians of a vector, in three shapes: spherical, diagonal, full.

The algebra is that of `GaussianFamily`; a full Gaussian replaces what a matrix changes.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from ..checks import finite_array, positive_array, symmetric_matrix
from .gaussian import LOG_2PI, GaussianFamily


class SphericalGaussian(GaussianFamily):
    """N(m, v I) in d dimensions, the thesis's choice for the clutter problem (3.8).

    Args:
        precision: 1 / v, one number.
        shift: precision * mean, shape (d,).

    Raises:
        ValueError: on other shapes, NaN or infinity.

    Example:
        >>> q = SphericalGaussian.from_moments([1.0, 2.0], 0.5)
        >>> q.mean.tolist(), q.variance
        ([1.0, 2.0], 0.5)

    Book: section 3.1.
    """

    __slots__ = ()

    def __init__(self, precision: float, shift: ArrayLike):
        self.precision = float(finite_array("precision", precision, 0))
        self.shift = finite_array("shift", shift, 1)

    @classmethod
    def from_moments(cls, mean: ArrayLike, variance: float) -> "SphericalGaussian":
        """The spherical Gaussian with mean (d,) and one variance (> 0)."""
        variance = float(positive_array("variance", variance, 0))
        return cls(1 / variance, finite_array("mean", mean, 1) / variance)


class DiagonalGaussian(GaussianFamily):
    """A Gaussian with independent coordinates, one variance each.

    Args:
        precision: 1 / variances, shape (d,).
        shift: precision * mean, shape (d,).

    Raises:
        ValueError: on other or unequal shapes, NaN or infinity.

    Example:
        >>> DiagonalGaussian([1.0, 4.0], [1.0, 4.0]).mean.tolist()
        [1.0, 1.0]

    Book: section 3.1.
    """

    __slots__ = ()

    def __init__(self, precision: ArrayLike, shift: ArrayLike):
        self.precision = finite_array("precision", precision, 1)
        self.shift = finite_array("shift", shift, 1)
        if self.precision.shape != self.shift.shape:
            raise ValueError(f"precision {self.precision.shape} and shift {self.shift.shape} must have one shape")

    @classmethod
    def from_moments(cls, mean: ArrayLike, variance: ArrayLike) -> "DiagonalGaussian":
        """The diagonal Gaussian with mean (d,) and variances (d,), all > 0."""
        mean, variance = finite_array("mean", mean, 1), positive_array("variance", variance, 1)
        if mean.shape != variance.shape:
            raise ValueError(f"mean {mean.shape} and variance {variance.shape} must have one shape")
        return cls(1 / variance, mean / variance)


class FullGaussian(GaussianFamily):
    """A Gaussian with any covariance.

    Args:
        precision: inverse covariance, shape (d, d), symmetric.
        shift: precision @ mean, shape (d,).

    Raises:
        ValueError: on other shapes, NaN, infinity, or an asymmetric precision.

    Example:
        >>> FullGaussian([[2.0, 0.0], [0.0, 1.0]], [2.0, 3.0]).mean.round(12).tolist()
        [1.0, 3.0]

    Book: section 3.1.
    """

    __slots__ = ()

    def __init__(self, precision: ArrayLike, shift: ArrayLike):
        self.precision = symmetric_matrix("precision", precision)
        self.shift = finite_array("shift", shift, 1)
        if self.precision.shape[0] != self.shift.size:
            raise ValueError(f"precision {self.precision.shape} and shift {self.shift.shape} must agree in d")

    @classmethod
    def from_moments(cls, mean: ArrayLike, covariance: ArrayLike) -> "FullGaussian":
        """The Gaussian with mean (d,) and positive-definite covariance (d, d)."""
        try:
            precision = _inverse(symmetric_matrix("covariance", covariance))
        except np.linalg.LinAlgError:
            raise ValueError("covariance must be positive definite") from None
        mean = finite_array("mean", mean, 1)
        if len(mean) != len(precision):
            raise ValueError(f"covariance {precision.shape} and mean {mean.shape} must agree in d")
        return cls(precision, precision @ mean)

    @property
    def flops(self):
        """Operations of one visit of EP, with what its matrices add to the term's price: eight inverses and more."""
        d = self.shift.size
        return 24 * d**3 + 47 * d * d + 15 * d + 12

    @property
    def is_proper(self):
        """Whether this can be normalised."""
        return bool(np.linalg.eigvalsh(self.precision)[0] > 0)

    @property
    def mean(self):
        """Shape (d,)."""
        return cho_solve(cho_factor(self.precision, lower=True), self.shift)

    @property
    def covariance(self):
        """The covariance matrix, shape (d, d)."""
        return _inverse(self.precision)

    @property
    def variance(self):
        """The variance of each coordinate, shape (d,)."""
        return np.diag(self.covariance)

    @property
    def log_normaliser(self):
        """log of the integral of the unnormalised density."""
        factor = cho_factor(self.precision, lower=True)
        log_det = 2 * np.log(np.diag(factor[0])).sum()
        return 0.5 * float(self.shift.size * LOG_2PI - log_det + self.shift @ cho_solve(factor, self.shift))

    def log_value(self, x):
        """log of the unnormalised density at x, shape (..., d): defined for every site, proper or not."""
        return x @ self.shift - 0.5 * ((x @ self.precision) * x).sum(axis=-1)

    def sample(self, size, rng=None):
        """`size` draws, shape (size, d); rng is a seed or numpy Generator."""
        noise = np.random.default_rng(rng).standard_normal((self.shift.size, size))
        factor = np.linalg.cholesky(self.precision)
        return self.mean + solve_triangular(factor, noise, trans="T", lower=True).T

    def divergence(self, other):
        """Jeffreys divergence in nats."""
        gap = self.mean - other.mean
        spread = np.sum((self.precision - other.precision) * (other.covariance - self.covariance))
        return 0.5 * float(spread + gap @ (self.precision + other.precision) @ gap)

    def _argument(self):
        return self.mean, self.covariance

    def _matched(self, gradient, curvature):
        mean, covariance = self._argument()
        precision = _inverse(covariance - covariance @ curvature @ covariance)
        return self._of(precision, precision @ (mean + covariance @ gradient))

    @staticmethod
    def _clipped(curvature):
        values, vectors = np.linalg.eigh(curvature)
        return (vectors * np.maximum(values, 0.0)) @ vectors.T


def _inverse(matrix):
    """Inverse of a positive-definite matrix, symmetric to the last bit."""
    inverse = cho_solve(cho_factor(matrix, lower=True), np.eye(len(matrix)))
    return (inverse + inverse.T) / 2
