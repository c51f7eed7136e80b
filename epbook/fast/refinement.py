"""One step of EP for many terms at once: `epbook.expectation_propagation.refine` on arrays.

Symbols: m, v the cavity's mean and variance; g, G the gradient and curvature of log Z; t, u the precision and the shift
of a site to the power.  With w = 1 - v G, the width that the term leaves, the matched site needs no difference of
large numbers:

    t = G / w,    u = (g + m G) / w.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..errors import NoMassError


class Refinements(NamedTuple):
    """What every term asks of its site.

    Attributes:
        precision, shift: of the refined sites, shape (n,); where the cavity is improper, the old ones.
        log_scales: a function of (precision, shift), of sites on the way to these, that returns their log s_i (3.39).
        proper: whether each cavity has a normaliser.
        mismatch: the largest of all, as in `epbook.result.Result.mismatch`.
    """

    precision: np.ndarray
    shift: np.ndarray
    log_scales: Callable[[np.ndarray, np.ndarray], np.ndarray]
    proper: np.ndarray
    mismatch: float


def refine_all(mean, variance, precision, shift, moments, power=1.0, spread=0.0) -> Refinements:
    """Refine all terms against one posterior, and change nothing.

    Args:
        mean, variance: of what each term sees, under the posterior, shape (n,).
        precision, shift: of the sites now, shape (n,).
        moments: a function as `epbook.fast.moments.moments` makes.
        power: as in `ep`.
        spread: variance that a term sees besides, and no site can lower, a number or shape (n,).

    Raises:
        NoMassError: if a term has no mass, or leaves no width, under its cavity.

    Example:
        >>> from epbook import Step
        >>> from epbook.fast.moments import moments
        >>> one, zero = np.ones(1), np.zeros(1)
        >>> refine_all(zero, one, zero, zero, moments([Step()])).shift.round(3).tolist()
        [2.196]

    Book: section 8.2.
    """
    left = 1 - power * variance * precision
    proper = left > 0
    left = np.where(proper, left, 1.0)
    v, m = variance / left, (mean - power * variance * shift) / left
    log_z, gradient, curvature = moments(m, v + spread, power)
    width = 1 - v * curvature
    bad = np.flatnonzero(proper & ~((width > 0) & (log_z > -np.inf)))
    if bad.size:
        raise NoMassError(f"term {bad[0]} of these leaves no mass or no width under a cavity N({m[bad[0]]:g}, {v[bad[0]]:g})")
    t, u = curvature / width, (gradient + m * curvature) / width
    ratio = variance / (v * width)  # of the tilted precision to the marginal's
    divergence = 0.5 * ((1 - ratio) ** 2 / ratio + (1 + ratio) / variance * (mean - m - v * gradient) ** 2)
    mismatch = float(np.sqrt(divergence[proper].max(initial=0.0))) / power

    def log_scales(precision, shift):
        t, u = power * precision, power * shift
        return (log_z + 0.5 * (np.log1p(v * t) + (m * m * t - 2 * m * u - v * u * u) / (1 + v * t))) / power

    new = np.where(proper, t / power, precision), np.where(proper, u / power, shift)
    return Refinements(*new, log_scales, proper, mismatch)
