"""Tilted moments of many terms at once.

Symbols: z the standardised distance to the step; rho = N(z) (high - low) / Z, so that
d rho / dz = -rho (z + rho); low and high the term's two values, to the power.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.special import erfcx, log_ndtr, ndtr

from ..protocols import Term
from ..terms import Step
from ..terms.gaussian_argument import SQRT_2_OVER_PI, SQRT_HALF, _hazard_gap

LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)

Moments = Callable[..., tuple[np.ndarray, np.ndarray, np.ndarray]]


def moments(terms: Sequence[Term]) -> Moments:
    """What asks all terms at once for log Z and its derivatives: arrays where the terms are equal steps, else one by one.

    Args:
        terms: n terms of one number each.

    Returns:
        A function of (mean, variance, power=1.0), arrays of shape (n,), the cavities', that returns
        (log Z, gradient, curvature), each of shape (n,), as `term.log_z` does for one.

    Example:
        >>> from epbook import Step
        >>> log_z, gradient, curvature = moments([Step()] * 2)(np.array([0.0, 1.0]), np.array([1.0, 4.0]))
        >>> log_z.round(4).tolist()
        [-0.6931, -0.3689]

    Book: section 8.1.
    """
    kinds: list[Any] = list({id(term): term for term in terms}.values())
    first = kinds[0]
    if any(type(kind) is not Step or (kind.noise, kind.slack) != (first.noise, first.slack) for kind in kinds):
        return lambda mean, variance, power=1.0: _one_by_one(terms, mean, variance, power)

    def all_at_once(mean, variance, power=1.0):
        if power != 1.0 and first.slack > 0:
            return _one_by_one(terms, mean, variance, power)
        return _steps(mean, variance, first.noise**power, power * math.log1p(-first.noise), first.slack)

    return all_at_once


def _one_by_one(terms, mean, variance, power):
    triples = [term.log_z(m, v, power) for term, m, v in zip(terms, mean.tolist(), variance.tolist(), strict=True)]
    return tuple(np.array(column, dtype=float) for column in zip(*triples, strict=True))


def _steps(mean, variance, low, log_high, slack):
    """Log Z (5.17) and its derivatives (5.19)-(5.21); each tail has the form that loses no digits there."""
    scale = np.sqrt(variance + slack * slack)
    z = mean / scale
    log_z, rho = _sharp(z) if not low else _noisy(z, low, log_high)
    gap = z + rho
    if not low and z.min() < -50:
        far = z < -50
        gap[far] = _hazard_gap(z[far])
    return log_z, rho / scale, rho * gap / (scale * scale)


def _sharp(z):
    return log_ndtr(z), SQRT_2_OVER_PI / erfcx(-z * SQRT_HALF)


def _noisy(z, low, log_high):
    high = math.exp(log_high)
    height = high - low
    left = np.logaddexp(math.log(low), math.log(height) + log_ndtr(z))
    log_z = np.where(z > 0, log_high + np.log1p(-height / high * ndtr(-np.abs(z))), left)
    return log_z, np.exp(math.log(height) - 0.5 * z * z - LOG_SQRT_2PI - log_z)
