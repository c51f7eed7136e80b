"""Gaussians on plates, of numbers and of vectors: the statistics are x and x x'."""

import math
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from ..checks import finite_array, positive_array
from .gaussian import LOG_2PI
from .plates import ANY_AXES, Plates, distinct, spread


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
        t = self.precision
        return bool(((t > 0) & (t < math.inf) & np.isfinite(self.natural["x"])).all())

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
        mean = self.mean
        return {"x": mean, "xx": self.variance + mean**2}


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
        return self._root is not None and bool(np.isfinite(self.natural["x"]).all())

    @property
    def precision(self):
        """The inverse covariances, shape (..., d, d)."""
        return -2 * self.natural["xx"]

    @cached_property
    def _root(self):
        return cholesky(-2 * distinct(self.natural["xx"], 2))

    @cached_property
    def _covariance(self):
        return inverse(-2 * distinct(self.natural["xx"], 2))

    @property
    def covariance(self):
        """The covariances, shape (..., d, d)."""
        return np.broadcast_to(self._covariance, self.natural["xx"].shape)

    @property
    def variance(self):
        """The variance of each coordinate, shape (..., d)."""
        return np.diagonal(self.covariance, axis1=-2, axis2=-1)

    @cached_property
    def mean(self):
        """The means, shape (..., d)."""
        return _times(self._covariance, self.natural["x"])

    @cached_property
    def _shifted(self):
        """eta_x.mean, summed over the plates."""
        return float(np.vdot(self.natural["x"], self.mean))

    @cached_property
    def log_normaliser(self):
        """A, summed over the plates."""
        log_determinants = log_determinant(self._root)
        copies = self.mean.size // self.mean.shape[-1] // log_determinants.size
        return 0.5 * (self.mean.size * LOG_2PI - copies * float(log_determinants.sum()) + self._shifted)

    @property
    def log_normalisers(self):
        """A on each plate."""
        shift, d = self.natural["x"], self.natural["x"].shape[-1]
        return 0.5 * (d * LOG_2PI - log_determinant(self._root) + (shift * self.mean).sum(axis=-1))

    def _means(self):
        mean = self.mean
        return {"x": mean, "xx": self._covariance + mean[..., :, None] * mean[..., None, :]}

    def total(self, statistic, axes):
        """As `Plates.total`, the mean itself without that of x x', which many plates make large."""
        return self.mean if statistic == "x" and not axes else super().total(statistic, axes)

    def _sum(self, statistic, axes):
        if statistic == "x":
            return self.mean.sum(axis=axes)
        vectors = self.mean.reshape(-1, self.mean.shape[-1])
        if self._covariance.size > vectors.shape[1] ** 2 or len(vectors) != math.prod([self.mean.shape[k] for k in axes]):
            return super()._sum(statistic, axes)
        return len(vectors) * self._covariance.reshape(vectors.shape[1], -1) + vectors.T @ vectors

    @property
    def mean_log_weight(self):
        """eta.mu, summed over the plates."""
        return 0.5 * (self._shifted - self.mean.size)

    def divergence(self, other):
        """Jeffreys divergence in nats, summed over the plates."""
        shift, mean = self.natural["x"] - other.natural["x"], self.mean - other.mean
        gap = distinct(self.natural["xx"], 2) - distinct(other.natural["xx"], 2)
        spread = gap * (self._covariance - other._covariance)
        copies = self.natural["xx"].size // spread.size
        return copies * float(spread.sum()) + float(np.vdot(mean, shift + _times(gap, self.mean + other.mean)))


def _times(matrix, vectors):
    """Symmetric matrices, shape (..., d, d), times vectors, shape (..., d)."""
    d = vectors.shape[-1]
    if matrix.size == d * d:  # one for all
        return (vectors.reshape(-1, d) @ matrix.reshape(d, d)).reshape(vectors.shape)
    return (matrix @ vectors[..., None])[..., 0]


def definite(name, value):
    """Return `value` as symmetric positive-definite matrices, shape (..., d, d)."""
    matrix = finite_array(name, value, ANY_AXES[2:])
    if matrix.shape[-1] != matrix.shape[-2]:
        raise ValueError(f"{name} must be square in its last two axes, not {matrix.shape}")
    gap = np.abs(matrix - np.swapaxes(matrix, -1, -2)).max()
    if gap > 1e-8 * np.abs(matrix).max() or cholesky(matrix) is None:
        raise ValueError(f"{name} must be symmetric and positive definite")
    return matrix


def inverse(matrix):
    """Inverses of positive-definite matrices, shape (..., d, d), symmetric to the last bit."""
    result = np.linalg.inv(matrix)
    return 0.5 * (result + np.swapaxes(result, -1, -2))


def cholesky(matrix):
    """The lower triangular roots of symmetric matrices, shape (..., d, d), or None unless all are positive definite."""
    try:
        root = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return None
    return root if np.isfinite(root).all() else None


def log_determinant(root):
    """log |R R'| of triangular matrices R, shape (...)."""
    return 2 * np.log(np.diagonal(root, axis1=-2, axis2=-1)).sum(axis=-1)
