"""Gaussians of four shapes: one algebra on (precision, shift), and what each shape adds.

The unnormalised density is exp(shift.x - x' precision x / 2).  A product adds parameters
and a quotient subtracts them, so a site of negative or zero precision (a curve that opens
upward, or a constant) is as good a value as any.

Symbols: m mean, v variance, V covariance, d dimension, g the gradient of log Z in m, G minus
its Hessian.  Moment matching is the same for every term, (3.18), (3.19), (5.13), (5.14):

    m_new = m + V g,     V_new = V - V G V.
"""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import cho_factor, cho_solve

from ..checks import finite_array, positive_array, symmetric_matrix
from ..errors import NoMassError

LOG_2PI = math.log(2 * math.pi)


class _GaussianFamily:
    """Everything that holds coordinate by coordinate; precision may be one number or one a coordinate."""

    __slots__ = ("precision", "shift")

    @classmethod
    def _of(cls, precision, shift):
        """Build without checks: for the algebra, whose operands were checked."""
        self = object.__new__(cls)
        self.precision = precision
        self.shift = shift
        return self

    def __mul__(self, other):
        return self._of(self.precision + other.precision, self.shift + other.shift)

    def __truediv__(self, other):
        return self._of(self.precision - other.precision, self.shift - other.shift)

    def __pow__(self, power):
        return self if power == 1.0 else self._of(self.precision * power, self.shift * power)

    def __repr__(self):
        return f"{type(self).__name__}(precision={self.precision!r}, shift={self.shift!r})"

    def moment_match(self, term, power=1.0, restricted=False):
        """Match the moments of self * term ** power.

        Args:
            term: has `log_z(mean, variance, power)`, see `epbook.protocols.Term`.
            power: the exponent of power EP; 1 is EP.
            restricted: keep the tilted mean, but let no direction gain variance (thesis 3.2.1).

        Returns:
            (log Z, the matched member of the family).

        Raises:
            NoMassError: if the term leaves self without probability or without width.
        """
        log_z, gradient, curvature = term.log_z(*self._argument(), power)
        if not log_z > -math.inf:
            raise NoMassError(f"{term!r} leaves no mass under the cavity {self!r}")
        try:
            tilted = self._matched(gradient, self._clipped(curvature) if restricted else curvature)
        except (ZeroDivisionError, np.linalg.LinAlgError):
            tilted = None
        if tilted is None or not tilted.is_proper:
            raise NoMassError(f"{term!r} leaves a tilted distribution without width under the cavity {self!r}")
        return log_z, tilted

    @property
    def size(self):
        """How many numbers the parameters hold."""
        return np.size(self.precision) + np.size(self.shift)

    @property
    def is_proper(self):
        """Whether this can be normalised."""
        return bool(np.all(self.precision > 0))

    @property
    def mean(self):
        """Shape (d,), or a number in 1-D."""
        return self.shift / self.precision

    @property
    def variance(self):
        """In the shape of the precision: one number, or one a coordinate."""
        return 1 / self.precision

    @property
    def covariance(self):
        """The covariance matrix, shape (d, d)."""
        return np.diag(np.broadcast_to(self.variance, self.shift.shape))

    @property
    def log_normaliser(self):
        """log of the integral of the unnormalised density."""
        return 0.5 * float(np.sum(LOG_2PI - np.log(self.precision) + self.shift**2 / self.precision))

    def divergence(self, other):
        """Jeffreys divergence KL(self||other) + KL(other||self) in nats, free of cancellation."""
        p, q = self.precision, other.precision
        gap = self.shift / p - other.shift / q
        return 0.5 * float(np.sum((p - q) ** 2 / (p * q) + (p + q) * gap**2))

    def _argument(self):
        """(mean, variance) as a term takes them."""
        variance = 1 / self.precision
        return self.shift * variance, variance

    def _matched(self, gradient, curvature):
        variance = 1 / self.precision
        precision = self.precision / (1 - variance * curvature)
        return self._of(precision, precision * variance * (self.shift + gradient))

    @staticmethod
    def _clipped(curvature):
        return np.maximum(curvature, 0.0)


class Gaussian(_GaussianFamily):
    """The 1-D Gaussian, in plain floats because it is the family of every hot path.

    Args:
        precision: 1 / variance; a site's may be zero or negative.
        shift: precision * mean.

    Raises:
        ValueError: if either is not a finite number.

    Example:
        >>> q = Gaussian.from_moments(1.0, 4.0)
        >>> (q * q).variance, (q * q / q).mean
        (2.0, 1.0)

    Book: sections 3.1 and 5.2.
    """

    __slots__ = ()

    def __init__(self, precision: float, shift: float):
        self.precision = float(finite_array("precision", precision, 0))
        self.shift = float(finite_array("shift", shift, 0))

    @classmethod
    def from_moments(cls, mean: float, variance: float) -> "Gaussian":
        """The Gaussian with this mean and variance (> 0)."""
        variance = float(positive_array("variance", variance, 0))
        return cls(1 / variance, float(finite_array("mean", mean, 0)) / variance)

    @property
    def is_proper(self):
        """Whether this can be normalised."""
        return self.precision > 0

    @property
    def covariance(self):
        """The variance again: in 1-D they are one."""
        return 1 / self.precision

    @property
    def log_normaliser(self):
        """log of the integral of exp(shift x - precision x^2 / 2)."""
        return 0.5 * (LOG_2PI - math.log(self.precision) + self.shift * self.shift / self.precision)

    def log_value(self, x):
        """shift x - precision x^2 / 2 at x (any shape): defined for every site, proper or not."""
        return self.shift * x - 0.5 * self.precision * np.square(x)

    def log_density(self, x):
        """log of the normalised density at x (any shape)."""
        return self.log_value(x) - self.log_normaliser

    def divergence(self, other):
        """Jeffreys divergence in nats, free of cancellation."""
        p, q = self.precision, other.precision
        gap = self.shift / p - other.shift / q
        return 0.5 * ((p - q) * (p - q) / (p * q) + (p + q) * gap * gap)

    @staticmethod
    def _clipped(curvature):
        return max(curvature, 0.0)


class SphericalGaussian(_GaussianFamily):
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


class DiagonalGaussian(_GaussianFamily):
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
        variance = positive_array("variance", variance, 1)
        return cls(1 / variance, finite_array("mean", mean, 1) / variance)


class FullGaussian(_GaussianFamily):
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
        return cls(precision, precision @ finite_array("mean", mean, 1))

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
