"""Gaussians on plates, of numbers and of vectors: the statistics are x and x x'."""

import numpy as np
from numpy.typing import ArrayLike

from ..checks import finite_array, positive_array
from .gaussian import LOG_2PI
from .plates import ANY_AXES, Plates, spread


class Gaussians(Plates):
    """Independent Gaussians, one on each plate.

    Args:
        mean, variance (> 0): arrays of any shapes that broadcast.

    Raises:
        ValueError: on NaN, infinity, a variance that is not positive, or shapes that do not broadcast.

    Example:
        >>> q = Gaussians([1.0, 2.0], 4.0)
        >>> q.mean.tolist(), q.moments["xx"].tolist()
        ([1.0, 2.0], [5.0, 8.0])

    Book: chapter 7.
    """

    event = 0

    def __init__(self, mean: ArrayLike, variance: ArrayLike):
        m, v = spread((finite_array("mean", mean, ANY_AXES), 0), (positive_array("variance", variance, ANY_AXES), 0))
        self.natural = {"x": m / v, "xx": -0.5 / v}

    @staticmethod
    def observe(value):
        """The statistics of known numbers."""
        return {"x": value, "xx": np.square(value)}

    @property
    def is_proper(self):
        """Whether every precision is positive and finite."""
        return bool(np.all(self.precision > 0) and np.isfinite(self.natural["x"]).all() and np.isfinite(self.precision).all())

    @property
    def precision(self):
        """1 / variance."""
        return -2 * self.natural["xx"]

    @property
    def variance(self):
        """The variance on each plate."""
        return 1 / self.precision

    @property
    def mean(self):
        """The mean on each plate."""
        return self.natural["x"] / self.precision

    @property
    def log_normalisers(self):
        """A on each plate."""
        return 0.5 * (LOG_2PI - np.log(self.precision) + self.natural["x"] * self.mean)

    def _means(self):
        return {"x": self.mean, "xx": self.variance + self.mean**2}


class VectorGaussians(Plates):
    """Independent Gaussians of vectors with any covariance, one on each plate.

    Args:
        mean: shape (..., d).
        covariance: shape (..., d, d), symmetric and positive definite.

    Raises:
        ValueError: on NaN, infinity, another shape, or a covariance that is not symmetric and positive definite.

    Example:
        >>> q = VectorGaussians([[1.0, 2.0], [0.0, 0.0]], np.eye(2))
        >>> q.plates, q.mean[0].round(12).tolist()
        ((2,), [1.0, 2.0])

    Book: chapter 7.
    """

    event = 1

    def __init__(self, mean: ArrayLike, covariance: ArrayLike):
        m, V = finite_array("mean", mean, ANY_AXES[1:]), definite("covariance", covariance)
        if m.shape[-1] != V.shape[-1]:
            raise ValueError(f"mean {m.shape} and covariance {V.shape} must agree in d")
        m, precision = spread((m, 1), (inverse(V), 2))
        self.natural = {"x": (precision @ m[..., None])[..., 0], "xx": -0.5 * precision}

    @staticmethod
    def observe(value):
        """The statistics of known vectors, shape (..., d)."""
        return {"x": value, "xx": value[..., :, None] * value[..., None, :]}

    @property
    def is_proper(self):
        """Whether every precision matrix is positive definite."""
        return is_definite(self.precision) and bool(np.isfinite(self.natural["x"]).all())

    @property
    def precision(self):
        """The inverse covariances, shape (..., d, d)."""
        return -2 * self.natural["xx"]

    @property
    def covariance(self):
        """The covariances, shape (..., d, d)."""
        return inverse(self.precision)

    @property
    def variance(self):
        """The variance of each coordinate, shape (..., d)."""
        return np.diagonal(self.covariance, axis1=-2, axis2=-1)

    @property
    def mean(self):
        """The means, shape (..., d)."""
        return np.linalg.solve(self.precision, self.natural["x"][..., None])[..., 0]

    @property
    def log_normalisers(self):
        """A on each plate."""
        shift, d = self.natural["x"], self.natural["x"].shape[-1]
        return 0.5 * (d * LOG_2PI - np.linalg.slogdet(self.precision)[1] + (shift * self.mean).sum(axis=-1))

    def _means(self):
        mean = self.mean
        return {"x": mean, "xx": self.covariance + mean[..., :, None] * mean[..., None, :]}


def definite(name, value):
    """Return `value` as symmetric positive-definite matrices, shape (..., d, d)."""
    matrix = finite_array(name, value, ANY_AXES[2:])
    if matrix.shape[-1] != matrix.shape[-2]:
        raise ValueError(f"{name} must be square in its last two axes, not {matrix.shape}")
    gap = np.abs(matrix - np.swapaxes(matrix, -1, -2)).max()
    if gap > 1e-8 * np.abs(matrix).max() or not is_definite(matrix):
        raise ValueError(f"{name} must be symmetric and positive definite")
    return matrix


def inverse(matrix):
    """Inverses of positive-definite matrices, shape (..., d, d), symmetric to the last bit."""
    result = np.linalg.inv(matrix)
    return 0.5 * (result + np.swapaxes(result, -1, -2))


def is_definite(matrix):
    """Whether symmetric matrices, shape (..., d, d), are all positive definite."""
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return bool(np.isfinite(matrix).all())
