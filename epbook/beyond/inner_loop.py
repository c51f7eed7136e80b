"""The inner loop of `double_loop`: a smooth convex problem in the cavities, by Newton's method.

Over f = m0 + L w with w ~ N(0, I), and with theta_i fixed, minimise in the natural parameters nu of the cavities

    log E_prior[exp sum_i (theta_i - nu_i) phi_i(f_i)] + sum_i A_i(nu_i),        phi = (-f^2 / 2, f).

Its gradient is the mean of phi_i under the tilted distribution minus that under q = prior * sites; its Hessian is the
covariance of the phi under q plus that of each phi_i under its tilted distribution, by the first four cumulants.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from ..errors import NoMassError
from ..families import Gaussian
from ..families.gaussian import LOG_2PI
from ..posteriors import KernelGaussian, LinearGaussian, Whole
from .tilted import tilted_cumulants


class Point(NamedTuple):
    """A point of the inner problem.  Natural parameters are rows (precision, shift), their statistics (-f^2 / 2, f)."""

    touching: np.ndarray  # theta, where the bound touches: site plus cavity
    cavities: np.ndarray
    tilted: np.ndarray
    log_z: np.ndarray
    log_prior_mean: float  # log E_prior of the product of sites
    mean: np.ndarray
    covariance: np.ndarray

    @property
    def sites(self):
        """Natural parameters, shape (n, 2)."""
        return self.touching - self.cavities

    @property
    def marginals(self):
        """Natural parameters of q's, shape (n, 2)."""
        return _natural(self.mean, np.diag(self.covariance))

    @property
    def value(self):
        """What the inner loop minimises."""
        return self.log_prior_mean + float(np.sum(self.log_z + _log_normaliser(self.cavities)))

    @property
    def unmatched(self):
        """The mismatch between q's marginals and the tilted distributions: zero at the minimum."""
        return mismatch(self.marginals, self.tilted)

    @property
    def gradient(self):
        """Tilted moments minus q's, shape (n, 2)."""
        return _moments(self.tilted) - _moments(self.marginals)

    @property
    def free_energy(self):
        """F of q, right when the moments match."""
        marginals = self.marginals
        moved = float(np.sum((self.touching - marginals) * _moments(marginals)))
        return moved - self.value + float(np.sum(_log_normaliser(marginals)))

    def store_in(self, posterior):
        """Give the sites, with their heights (3.39), to an ordinary posterior."""
        posterior.update(range(len(self.sites)), [Gaussian(*site) for site in self.sites])
        scales = self.log_z + _log_normaliser(self.cavities) - _log_normaliser(self.touching)
        posterior.log_scales = scales.tolist()
        posterior.refresh()


class InnerLoop:
    """The inner problems of one posterior and its terms.

    Args:
        posterior: `Whole` of a 1-D `Gaussian`, `LinearGaussian` or `KernelGaussian`.
        terms: one term a site.

    Raises:
        ValueError: on another kind of posterior.
    """

    STEPS = 200  # points at most; a solvable problem takes ten or so

    def __init__(self, posterior, terms):
        self.terms = terms
        self.m0, self.L = _prior_of(posterior, len(terms))
        n, r = self.L.shape
        self.flops = 6 * sum(term.flops for term in terms) + 8 * n**3 // 3 + 4 * n * r * r + 2 * n * n * r + r**3

    def start(self, posterior):
        """The bound that touches at q itself."""
        q = [posterior.marginal(i) for i in range(len(self.terms))]
        return self.touch(*(np.array([(g.precision, g.shift) for g in densities]) for densities in (q, posterior.sites)))

    def onward(self, point, stride):
        """The bound that touches at the marginals of `point`, or `stride` times as far from where its own touched."""
        return self.touch(point.touching + stride * (point.marginals - point.touching), point.sites)

    def touch(self, touching, sites):
        """The bound that touches at these marginals; the sites shrink together until every cavity is proper; None at improper ones."""
        if not touching[:, 0].min() > 0:
            return None
        for halvings in range(40):
            if point := self.at(touching, touching - sites / 2**halvings):
                return point
        return self.at(touching, touching)

    def minimise(self, point, tol):
        """The minimum from `point`, or where rounding or an edge stops the descent, and how many points it took."""
        spent = 0
        while spent < self.STEPS and point.unmatched >= tol:
            step = -cho_solve(cho_factor(self.hessian(point)), point.gradient.T.ravel()).reshape(2, -1).T
            slope, share, better = float(np.sum(point.gradient * step)), 1.0, None
            while better is None and share > 1e-10:
                trial = self.at(point.touching, point.cavities + share * step)
                if trial and (np.sum(trial.gradient * step) <= 0 or trial.value <= point.value + 1e-4 * share * slope):
                    better = trial  # downhill all the way, since the problem is convex; or low enough
                share /= 2
                spent += 1
            if better is None:
                break
            point = better
        return point, spent

    def hessian(self, point):
        """The covariance of the statistics under q, plus that of each under its tilted distribution, shape (2n, 2n)."""
        n, m, V = len(self.terms), point.mean, point.covariance
        mV, i = m[:, None] * V, np.arange(n)
        H = np.empty((2, n, 2, n))
        H[0, :, 0], H[0, :, 1], H[1, :, 0], H[1, :, 1] = V * V / 2 + mV * m, -mV, -mV.T, V
        cavities = [Gaussian._of(*cavity) for cavity in point.cavities.tolist()]
        m, v, third, fourth = np.transpose([tilted_cumulants(*pair) for pair in zip(self.terms, cavities, strict=True)])
        cross = -m * v - third / 2
        residual = np.maximum(fourth + 2 * v * v - third**2 / v, 1e-6 * v * v) / 4  # of f^2 / 2 given f; differences err
        H[0, i, 0, i] += residual + cross**2 / v
        H[0, i, 1, i] += cross
        H[1, i, 0, i] += cross
        H[1, i, 1, i] += v
        return H.reshape(2 * n, 2 * n)

    def at(self, touching, cavities):
        """The point with these cavities, or None where a cavity or q is improper or a term has no mass."""
        tau, nu = (touching - cavities).T
        if not cavities[:, 0].min() > 0:
            return None
        try:
            factor = cho_factor(np.eye(self.L.shape[1]) + (self.L.T * tau) @ self.L)
            log_z, tilted = _tilt(self.terms, cavities)
        except (np.linalg.LinAlgError, NoMassError):
            return None
        pull = (nu - tau * self.m0) @ self.L
        weights = cho_solve(factor, pull)
        log_prior_mean = nu @ self.m0 - tau @ self.m0**2 / 2 + pull @ weights / 2 - np.log(np.diag(factor[0])).sum()
        covariance = self.L @ cho_solve(factor, self.L.T)
        return Point(touching, cavities, tilted, log_z, float(log_prior_mean), self.m0 + self.L @ weights, covariance)


def _prior_of(posterior, n):
    """m0 and L of the prior f = m0 + L w, shapes (n,) and (n, rank)."""
    if isinstance(posterior, Whole) and isinstance(posterior.prior, Gaussian):
        return np.full(n, posterior.prior.mean), np.full((n, 1), math.sqrt(posterior.prior.variance))
    if isinstance(posterior, LinearGaussian):
        return np.zeros(n), posterior.X
    if isinstance(posterior, KernelGaussian):
        values, vectors = np.linalg.eigh(posterior.C)
        return np.zeros(n), vectors * np.sqrt(np.maximum(values, 0.0))
    raise ValueError(f"posterior must be a Whole of a 1-D Gaussian, a LinearGaussian or a KernelGaussian, not {posterior!r:.80}")


def _tilt(terms, cavities):
    """log Z of each term, shape (n,), and the natural parameters of the matched Gaussians."""
    matched = [Gaussian._of(*cavity).moment_match(term) for term, cavity in zip(terms, cavities.tolist(), strict=True)]
    return np.array([log_z for log_z, _ in matched]), np.array([(q.precision, q.shift) for _, q in matched])


def _natural(mean, variance):
    return np.column_stack([1 / variance, mean / variance])


def _moments(natural):
    mean = natural[:, 1] / natural[:, 0]
    return np.column_stack([-(1 / natural[:, 0] + mean**2) / 2, mean])


def _log_normaliser(natural):
    precision, shift = natural.T
    return 0.5 * (LOG_2PI - np.log(precision) + shift**2 / precision)


def mismatch(a, b) -> float:
    """The square root of the largest Jeffreys divergence between Gaussians in the same row."""
    return math.sqrt(max(Gaussian._of(*p).divergence(Gaussian._of(*q)) for p, q in zip(a.tolist(), b.tolist(), strict=True)))
