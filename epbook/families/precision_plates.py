"""Gamma and Wishart distributions on plates: the statistics are x and its log, of a matrix the log of its determinant."""

import math
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, multigammaln, psi

from ..checks import positive_array
from .gaussian_plates import cholesky, definite, inverse, log_determinant
from .plates import ANY_AXES, Plates, spread


class Gammas(Plates):
    """Independent gamma distributions, one on each plate: x^(shape - 1) exp(-rate x).

    Args:
        shape, rate: positive arrays of any shapes that broadcast.

    Raises:
        ValueError: on NaN, infinity, numbers that are not positive, or shapes that do not broadcast.

    Example:
        >>> q = Gammas([2.0, 3.0], 4.0)
        >>> q.mean.tolist(), q.variance.tolist()
        ([0.5, 0.75], [0.125, 0.1875])

    Book: chapter 7.
    """

    event = 0

    def __init__(self, shape: ArrayLike, rate: ArrayLike):
        a, b = spread((positive_array("shape", shape, ANY_AXES), 0), (positive_array("rate", rate, ANY_AXES), 0))
        self.natural = {"x": -b, "log": a - 1}

    @staticmethod
    def observe(value):
        """The statistics of known positive numbers."""
        return {"x": positive_array("a known precision or rate", value, ANY_AXES), "log": np.log(value)}

    @property
    def is_proper(self):
        """Whether every shape parameter and rate is positive and finite."""
        a, b = self.shape, self.rate
        return bool(((a > 0) & (b > 0) & (a + b < math.inf)).all())

    @property
    def shape(self):
        """Often called a."""
        return self.natural["log"] + 1

    @property
    def rate(self):
        """Often called b."""
        return -self.natural["x"]

    @property
    def mean(self):
        """The mean on each plate."""
        return self.shape / self.rate

    @property
    def variance(self):
        """The variance on each plate."""
        return self.shape / self.rate**2

    @property
    def log_normalisers(self):
        """A on each plate."""
        return gammaln(self.shape) - self.shape * np.log(self.rate)

    def _means(self):
        return {"x": self.mean, "log": psi(self.shape) - np.log(self.rate)}


class Wisharts(Plates):
    """Independent Wishart distributions of precision matrices: |x|^((dof - d - 1) / 2) exp(-tr(rate x) / 2).

    Args:
        dof: degrees of freedom, each > d - 1, shape (...).
        rate: the inverse of the scale matrix, shape (..., d, d), symmetric and positive definite; the mean is dof rate^-1.

    Raises:
        ValueError: on too few degrees of freedom, or rates that are not symmetric and positive definite.

    Example:
        >>> Wisharts(5.0, [[2.0, 0.0], [0.0, 5.0]]).mean.tolist()
        [[2.5, 0.0], [0.0, 1.0]]

    Book: chapter 7.
    """

    event = 2

    def __init__(self, dof: ArrayLike, rate: ArrayLike):
        nu, R = spread((positive_array("dof", dof, ANY_AXES), 0), (definite("rate", rate), 2))
        d = R.shape[-1]
        if not np.all(nu > d - 1):
            raise ValueError(f"dof of a {d} by {d} Wishart must be more than {d - 1}, not {nu.min():g}")
        self.natural = {"x": -0.5 * R, "log": (nu - d - 1) / 2}

    @staticmethod
    def observe(value):
        """The statistics of known precision matrices, shape (..., d, d)."""
        return {"x": definite("a known precision", value), "log": np.linalg.slogdet(value)[1]}

    @property
    def is_proper(self):
        """Whether every rate is positive definite, and every dof large enough."""
        return self._root is not None and bool(((self.dof > self._d - 1) & (self.dof < math.inf)).all())

    @cached_property
    def _root(self):
        return cholesky(self.rate)

    @property
    def _d(self):
        return self.natural["x"].shape[-1]

    @property
    def dof(self):
        """Degrees of freedom on each plate."""
        return 2 * self.natural["log"] + self._d + 1

    @property
    def rate(self):
        """The inverse scale matrices, shape (..., d, d)."""
        return -2 * self.natural["x"]

    @property
    def mean(self):
        """The means, shape (..., d, d)."""
        return self.dof[..., None, None] * inverse(self.rate)

    @property
    def variance(self):
        """The variance of each entry, shape (..., d, d)."""
        mean = self.mean
        diagonal = np.diagonal(mean, axis1=-2, axis2=-1)
        return (mean**2 + diagonal[..., :, None] * diagonal[..., None, :]) / self.dof[..., None, None]

    @property
    def log_normalisers(self):
        """A on each plate."""
        half, d = self.dof / 2, self._d
        return half * (d * math.log(2) - log_determinant(self._root)) + multigammaln(half, d)

    def _means(self):
        each = psi((self.dof[..., None] - np.arange(self._d)) / 2).sum(axis=-1)
        return {"x": self.mean, "log": each + self._d * math.log(2) - log_determinant(self._root)}
