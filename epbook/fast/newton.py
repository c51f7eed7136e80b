"""The fixed point of EP by Newton's method on all cavities at once.

The unknowns are the cavities' means and log variances: whatever they are, the sites that match the tilted
moments are sites that EP could make.  A plain step takes the cavities which those sites leave (parallel EP);
Newton's solves I minus the derivative of that map, of which it needs products only.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .moments import Moments, moments

NEAR = 0.25  # the mismatch below which Newton's step is tried
FLOOR = {np.float64: 1e-9, np.float32: 1e-5}  # of a site's precision times its cavity's variance: weaker is rounding
FINE = 2e-2  # the mismatch below which single precision no longer helps
TINY = 16  # points that have no other start
SMALL = 128  # points that try to start from the prior, where more start from a solution for half of them
ROUGH = 0.02  # the mismatch that half of the points are solved to
QUICK, EVALUATIONS = 8, 30  # the most from the prior, and in all


@dataclass
class Cavities:
    """The cavities' means and variances, with log Z and its derivatives there, and the sites that match, each of shape (n,)."""

    mean: np.ndarray
    variance: np.ndarray
    tilted: Moments

    def __post_init__(self):
        self.log_z, gradient, curvature = self.tilted(self.mean, self.variance)
        self.left = 1 - self.variance * curvature  # of the variance, once tilted
        self.precision = curvature / self.left
        self.shift = (gradient + self.mean * curvature) / self.left
        self.tilted_mean = self.mean + self.variance * gradient

    @property
    def usable(self):
        """Whether every site is finite and of no negative precision."""
        return bool(np.isfinite(self.shift).all() and (self.precision >= 0).all() and (self.left > 0).all())

    def derivatives(self, step=1e-5):
        """Of the sites' precision and shift in mean / sqrt(variance), and in log variance, by differences."""
        by_mean = Cavities(self.mean + step * np.sqrt(self.variance), self.variance, self.tilted)
        by_log = Cavities(self.mean, self.variance * (1 + step), self.tilted)
        return [((c.precision - self.precision) / step, (c.shift - self.shift) / step) for c in (by_mean, by_log)]


@dataclass
class Point:
    """Sites made at `entered`, the posterior that they give, and the cavities which they leave."""

    entered: Cavities
    marginals: Any
    left: Cavities

    def __post_init__(self):
        p, q = 1 / self.marginals.variance, 1 / (self.left.variance * self.left.left)
        gap = self.marginals.mean - self.left.tilted_mean
        worst = (0.5 * ((p - q) ** 2 / (p * q) + (p + q) * gap**2)).max()
        self.mismatch = float(np.sqrt(worst)) if worst < np.inf else np.inf  # as `Result.mismatch`, at these sites

    @cached_property
    def log_scales(self):
        """log s_i of the sites (3.39)."""
        at, m, v = self.marginals, self.left.mean, self.left.variance
        growth = 1 + v * at.precision
        square = m * m * at.precision - 2 * m * at.shift - v * at.shift**2
        return self.left.log_z + 0.5 * (np.log(growth) + square / growth)

    @property
    def log_evidence(self):
        """log of the integral of prior times scaled sites (3.40)."""
        at = self.marginals
        return 0.5 * float(at.shift @ at.mean - at.log_det) + float(self.log_scales.sum())

    def plain(self, share):
        """The cavities this share of the way from those entered to those left."""
        before, after = self.entered, self.left
        mean = before.mean + share * (after.mean - before.mean)
        return Cavities(mean, before.variance ** (1 - share) * after.variance**share, after.tilted)

    def newton(self):
        """The cavities that Newton's step leads to."""
        at, after, scale = self.marginals, self.left, np.sqrt(self.entered.variance)
        (tau_m, nu_m), (tau_v, nu_v) = self.entered.derivatives()

        def residual_of(change):
            tau, nu = tau_m * change[0] + tau_v * change[1], nu_m * change[0] + nu_v * change[1]
            mean = at.covariance_times(nu - at.mean * tau)
            log_variance = after.variance * (tau - at.squares_times(tau) / at.variance**2)
            coefficients = nu - at.precision * mean - at.mean * tau
            cavity_mean = mean - after.variance * (coefficients + at.coefficients * log_variance)
            return change - np.stack([cavity_mean / scale, log_variance])

        gap = np.stack([(after.mean - self.entered.mean) / scale, np.log(after.variance / self.entered.variance)])
        change = _solve(residual_of, gap, at.ACCURACY)
        growth = np.exp(np.clip(change[1], -5, 5))
        return Cavities(self.entered.mean + scale * change[0], self.entered.variance * growth, after.tilted)


def _solve(product, right, accuracy, most=30):
    """x of product(x) = right to a relative accuracy, by generalised conjugate residuals: GMRES without its small system."""
    x, rest, goal = np.zeros_like(right), right.copy(), accuracy * np.linalg.norm(right)
    directions, images = np.empty((2, most, right.size))
    for k in range(most):
        direction, image = rest.copy(), product(rest)
        overlap = images[:k] @ image.ravel()
        image -= (overlap @ images[:k]).reshape(right.shape)
        direction -= (overlap @ directions[:k]).reshape(right.shape)
        length = np.linalg.norm(image)
        if not length > 0:
            break
        directions[k], images[k] = direction.ravel() / length, image.ravel() / length
        step = images[k] @ rest.ravel()
        x += step * directions[k].reshape(right.shape)
        rest -= step * images[k].reshape(right.shape)
        if np.linalg.norm(rest) <= goal:
            break
    return x


def fixed_point(evaluate, start, tol, watch, most=EVALUATIONS, coarse=False, finish=True):
    """Where the cavities reproduce themselves, as a `Point`; None if they do not get there.

    Args:
        evaluate: function of (precision, shift, dtype) that returns `DenseMarginals` or their like.
        start: the cavities to start from.
        tol: the mismatch to reach.
        watch: called with each point that was reached.
        most: evaluations to allow.
        coarse: begin in single precision.
        finish: whether only a point in double precision will do.
    """
    cavities, last, limit, near = start, None, np.inf, NEAR
    for _ in range(min(most, EVALUATIONS)):
        point = _point(evaluate, cavities, np.float32 if coarse else np.float64)
        if point is None and coarse:
            coarse = False
            continue
        if point is None or not point.mismatch <= limit:
            if last is None or limit == np.inf:
                return None
            cavities, limit, near = last.plain(0.5), np.inf, near / 4
            continue
        watch(point)
        if point.mismatch < tol and not (coarse and finish):
            return point
        slow = last is not None and point.mismatch > last.mismatch / 2
        coarse = coarse and not (slow and limit < np.inf) and (point.mismatch > FINE or not finish)
        newton = point.mismatch < near
        cavities, limit = (point.newton(), 2 * point.mismatch) if newton else (point.plain(0.5 if slow else 1.0), np.inf)
        point.marginals, last = None, point  # its n x n arrays have served
        del point
    return None


def _point(evaluate, cavities, dtype):
    if not cavities.usable:
        return None
    floor = FLOOR[dtype] / cavities.variance
    try:
        at = evaluate(np.maximum(cavities.precision, floor), cavities.shift, dtype)
    except np.linalg.LinAlgError:
        return None
    point = Point(cavities, at, Cavities(at.cavity_mean, at.cavity_variance, cavities.tilted))
    return point if point.mismatch < np.inf else None


def solve(prior, terms, tol, watch, most=EVALUATIONS, finish=True):
    """`fixed_point`, of many points from what a solution for half of them tells of their cavities and of all others'.

    Args:
        prior: a `DensePrior` or a `LowRankKernel`.
        terms: one for each of its points.
    """
    n, tilted = len(prior.variance), moments(terms)
    start = Cavities(np.zeros(n), prior.variance.copy(), tilted)
    if n <= SMALL:
        point = fixed_point(prior.marginals, start, tol, watch, min(most, QUICK))
        if point is not None or n <= TINY:
            return point
    shuffled = np.random.default_rng(0).permutation(n)
    half, others = np.sort(shuffled[: n // 2]), np.sort(shuffled[n // 2 :])
    solved = solve(prior.subset(half), [terms[i] for i in half], ROUGH, watch, finish=False)
    if solved is not None:
        start.mean[half], start.variance[half] = solved.left.mean, solved.left.variance
        start.mean[others], start.variance[others] = solved.marginals.elsewhere(prior, half, others)
        start = Cavities(start.mean, start.variance, tilted)
        del solved
    return fixed_point(prior.marginals, start, tol, watch, most, coarse=n > SMALL, finish=finish)
