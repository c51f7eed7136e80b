"""Terms of a Gaussian argument: each tells log Z and its two derivatives in the cavity's mean.

Symbols: m, v the cavity's mean and variance; r the probability that a datum is signal;
z the standardised distance to a boundary; rho = N(z) (1 - 2 noise) / Z.

`log_z(mean, variance, power)` returns (log Z, gradient, curvature): gradient is
d log Z / d m, and curvature, minus the second derivative, equals the thesis's
grad grad' - 2 grad_v ((3.24), (5.21)) because dZ/dv is half of d2Z/dm2 for a Gaussian.
The curvature has the shape of `variance`: a number (mean over coordinates), a vector
(diagonal) or a matrix, so a term never asks which family it serves.
"""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import cho_factor, cho_solve
from scipy.special import erfcx, log_expit, log_ndtr

from ..checks import finite_array, number_in
from .quadrature import LOG_2PI, log_z_by_quadrature, require_number

SQRT_HALF = math.sqrt(0.5)
SQRT_2_OVER_PI = math.sqrt(2 / math.pi)


class Clutter:
    """A datum from N(theta, I) or, with probability w, from the clutter N(0, c I)  (3.1).

    Args:
        x: the datum, a number or shape (d,).
        w: the clutter weight, the probability of clutter, in [0, 1].
        clutter_variance: c > 0; the thesis's is 10.

    Raises:
        ValueError: on NaN, wrong shapes or numbers out of range.

    Example:
        >>> log_z, gradient, curvature = Clutter(2.0).log_z(0.0, 1.0)
        >>> round(log_z, 6), round(gradient, 6)
        (-2.267869, 0.50118)

    Book: section 3.1.
    """

    def __init__(self, x: ArrayLike, w: float = 0.5, clutter_variance: float = 10.0):
        x = finite_array("x", x, (0, 1))
        self.x = float(x) if x.ndim == 0 else x
        self.w = number_in("w", w, 0, 1, meaning="the probability of clutter")
        self.clutter_variance = number_in("clutter_variance", clutter_variance, 0, math.inf, open_low=True)
        self._log_signal = -math.inf if self.w == 1 else math.log1p(-self.w)
        log_w = -math.inf if self.w == 0 else math.log(self.w)
        self._log_clutter = log_w + _log_normal(self.x, self.clutter_variance)[0]

    def __repr__(self):
        return f"Clutter(x={self.x!r}, w={self.w:g}, clutter_variance={self.clutter_variance:g})"

    def log_value(self, theta: ArrayLike) -> np.ndarray:
        """log p(x | theta): theta of any shape in 1-D, else (..., d)."""
        square = np.square(self.x - np.asarray(theta))
        if np.ndim(self.x):
            square = square.sum(axis=-1)
        signal = self._log_signal - 0.5 * (np.size(self.x) * LOG_2PI + square)
        return np.logaddexp(signal, self._log_clutter)

    def log_z(self, mean, variance, power=1.0):
        """log Z (3.20) and its derivatives (3.22)-(3.24) under N(mean, variance)."""
        if np.shape(mean) != np.shape(self.x):
            raise ValueError(f"the datum has shape {np.shape(self.x)}, but the cavity's mean has {np.shape(mean)}")
        if power != 1.0:
            return log_z_by_quadrature(self.log_value, mean, variance, power, at=self.x, width=1.0)
        noisy = variance + (np.eye(len(variance)) if np.ndim(variance) == 2 else 1.0)
        log_normal, pull, precision, square = _log_normal(self.x - mean, noisy)
        log_signal = self._log_signal + log_normal
        log_z = _log_add(log_signal, self._log_clutter)
        r = math.exp(log_signal - log_z)  # (3.21)
        return log_z, r * pull, r * precision - r * (1 - r) * square

    @property
    def flops(self):
        """Operations of one `log_z` at power 1 under a spherical cavity; richer families declare what they add."""
        return 9 * np.size(self.x) + 18 if np.ndim(self.x) else 23


class Step:
    """A label that is right with probability 1 - noise: noise + (1 - 2 noise) step(f)  (5.4).

    Args:
        noise: the thesis's epsilon, the probability of a wrong label, in [0, 0.5).
        slack: width of the step; 0 is the sharp step, 1 the probit (5.5).

    In the left tail of the sharp step the variance that is left, 1 / z^2 of the cavity's, keeps
    nine digits at z = -1e3 and three at z = -1e6.

    Raises:
        ValueError: if either is out of range.

    Example:
        >>> round(Step().log_z(0.0, 1.0)[0], 6)     # half of a centred Gaussian
        -0.693147

    Book: section 5.1.
    """

    flops = 30

    def __init__(self, noise: float = 0.0, slack: float = 0.0):
        self.noise = number_in("noise", noise, 0, 0.5, open_high=True, meaning="the probability of a wrong label")
        self.slack = number_in("slack", slack, 0, math.inf, meaning="the width of the step")

    def __repr__(self):
        return f"Step(noise={self.noise:g}, slack={self.slack:g})"

    def log_value(self, f: ArrayLike) -> np.ndarray:
        """log p(label | f) for f = y w.x of any shape."""
        f = np.asarray(f, dtype=float)
        if self.slack == 0:
            right, wrong = math.log1p(-self.noise), math.log(self.noise) if self.noise else -math.inf
            return np.where(f > 0, right, wrong)
        log_right = math.log1p(-2 * self.noise) + log_ndtr(f / self.slack)
        return np.logaddexp(log_right, math.log(self.noise)) if self.noise else log_right

    def log_z(self, mean, variance, power=1.0):
        """log Z (5.17) and its derivatives (5.19)-(5.21) under N(mean, variance)."""
        if not isinstance(mean, (float, int)):
            raise ValueError("a step sees one projection of theta: use it with LinearGaussian, KernelGaussian or a 1-D Gaussian")
        if power != 1.0 and self.slack > 0:
            return log_z_by_quadrature(self.log_value, mean, variance, power, at=0.0, width=self.slack)
        low, log_high = self.noise**power, power * math.log1p(-self.noise)  # a power of two values is two values
        scale = math.sqrt(variance + self.slack * self.slack)
        z = mean / scale
        log_z, rho = _log_step(z, low, log_high)
        gap = z + rho if low or z > -50 else _hazard_gap(z)
        return log_z, rho / scale, rho * gap / (scale * scale)


class Logistic:
    """A soft step: 1 / (1 + exp(-slope * theta - offset)).

    Args:
        slope: how steep; negative falls, zero is a constant.
        offset: its logit at theta = 0.

    Raises:
        ValueError: if either is not a finite number.

    Example:
        >>> round(Logistic(20, 4).log_z(0.0, 1.0)[0], 6)
        -0.546555

    Book: chapter 2.
    """

    def __init__(self, slope: float, offset: float = 0.0):
        self.slope = float(finite_array("slope", slope, 0))
        self.offset = float(finite_array("offset", offset, 0))

    def __repr__(self):
        return f"Logistic(slope={self.slope:g}, offset={self.offset:g})"

    def log_value(self, theta: ArrayLike) -> np.ndarray:
        """log of the term at theta of any shape."""
        return log_expit(self.slope * np.asarray(theta, dtype=float) + self.offset)

    def log_z(self, mean, variance, power=1.0):
        """log Z and its derivatives under N(mean, variance), by the trapezoid rule."""
        require_number(mean)
        if not self.slope:
            return power * float(self.log_value(0.0)), 0.0, 0.0
        to_step = -(self.slope * mean + self.offset) / self.slope
        tilt = power * self.slope * variance  # where an exponential would shift the mean; the step stops it on the way
        pull = max(0.0, min(to_step, tilt)) if self.slope > 0 else min(0.0, max(to_step, tilt))
        return log_z_by_quadrature(self.log_value, mean, variance, power, at=mean + pull, width=3 / abs(self.slope))

    @property
    def flops(self):
        """Operations of one `log_z` under a cavity of variance 1, at the trapezoid rule's 24 standard deviations."""
        return 20 * 24 * 8 * max(1, abs(self.slope) / 3)


def _log_step(z, low, log_high):
    """log of low + (high - low) Phi(z), and rho = (high - low) N(z) / that, for any z."""
    high = math.exp(log_high)
    height = high - low
    if z > -5:
        total = low + height * 0.5 * math.erfc(-z * SQRT_HALF)
        tail = height * 0.5 * math.erfc(z * SQRT_HALF)  # the mass missing from `high`
        log_z = log_high + math.log1p(-tail / high) if z > 0 else math.log(total)
        return log_z, height * math.exp(-0.5 * (z * z + LOG_2PI)) / total
    log_phi = math.log(height) + float(log_ndtr(z))
    if not low:
        return log_phi, SQRT_2_OVER_PI / float(erfcx(-z * SQRT_HALF))
    log_z = _log_add(math.log(low), log_phi)
    return log_z, math.exp(math.log(height) - 0.5 * (z * z + LOG_2PI) - log_z)


def _hazard_gap(z):
    """z + N(z)/Phi(z) far in the left tail, where the two nearly cancel."""
    u = 1 / (z * z)
    return -(1 - u * (2 - u * (10 - u * (74 - u * 706)))) / z


def _log_normal(residual, variance):
    """log N(residual; 0, variance), pull = variance^-1 residual, variance^-1, and pull pull' in variance's shape."""
    if isinstance(residual, float):
        pull = residual / variance
        return -0.5 * (LOG_2PI + math.log(variance) + residual * pull), pull, 1 / variance, pull * pull
    d = residual.size
    if np.ndim(variance) == 2:
        factor = cho_factor(variance, lower=True)
        pull, precision = cho_solve(factor, residual), cho_solve(factor, np.eye(d))
        log_det, square = 2 * np.log(np.diag(factor[0])).sum(), np.outer(pull, pull)
    else:
        pull, precision = residual / variance, 1 / variance
        log_det = np.log(np.broadcast_to(variance, d)).sum()
        square = pull**2 if np.ndim(variance) else float(pull @ pull) / d
    return -0.5 * float(d * LOG_2PI + log_det + residual @ pull), pull, precision, square


def _log_add(a, b):
    """log(exp(a) + exp(b)) of two floats, one of which may be -inf."""
    high, low = (a, b) if a > b else (b, a)
    return high + math.log1p(math.exp(low - high))
