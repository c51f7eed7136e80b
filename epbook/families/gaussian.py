"""The algebra of Gaussians on (precision, shift), and the 1-D Gaussian.

The unnormalised density is exp(shift.x - x' precision x / 2).  A product adds parameters
and a quotient subtracts them, so a site of negative or zero precision (a curve that opens
upward, or a constant) is as good a value as any.

Symbols: m mean, v variance, V covariance, d dimension, g the gradient of log Z in m, G minus
its Hessian.  Moment matching is the same for every term, (3.18), (3.19), (5.13), (5.14):

    m_new = m + V g,     V_new = V - V G V.
"""

import math

import numpy as np

from ..checks import finite_array, positive_array
from ..errors import NoMassError

LOG_2PI = math.log(2 * math.pi)


class GaussianFamily:
    """Everything that holds coordinate by coordinate: precision is one number, or one a coordinate."""

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
    def flops(self):
        """Operations of one visit of EP beside the term's: cavity, match, site, scale, mismatch, update and refresh."""
        return 24 * np.size(self.shift) + 28 if np.ndim(self.precision) == 0 else 49 * np.size(self.shift) + 2

    @property
    def is_proper(self):
        """Whether this can be normalised."""
        return bool(np.all((self.precision > 0) & (self.precision < np.inf)))

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

    def log_value(self, x):
        """log of the unnormalised density at x, shape (..., d): defined for every site, proper or not."""
        return x @ self.shift - 0.5 * (self.precision * np.square(x)).sum(axis=-1)

    def log_density(self, x):
        """log of the normalised density at x, shape (..., d), or any shape in 1-D."""
        return self.log_value(x) - self.log_normaliser

    def sample(self, size, rng=None):
        """`size` draws, shape (size, d), or (size,) in 1-D; rng is a seed or numpy Generator."""
        noise = np.random.default_rng(rng).standard_normal((size, *np.shape(self.shift)))
        return self.mean + np.sqrt(self.variance) * noise

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


class Gaussian(GaussianFamily):
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
    flops = 53

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
        return 0 < self.precision < math.inf

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

    def divergence(self, other):
        """Jeffreys divergence in nats, free of cancellation."""
        p, q = self.precision, other.precision
        gap = self.shift / p - other.shift / q
        return 0.5 * ((p - q) * (p - q) / (p * q) + (p + q) * gap * gap)

    @staticmethod
    def _clipped(curvature):
        return max(curvature, 0.0)
