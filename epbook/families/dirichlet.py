"""Dirichlet distributions of mixture weights, matched through E[log w] or through two moments.

The unnormalised density is the product of w_k^(a_k - 1).  A product of densities adds the
exponents a - 1, so a site is a Dirichlet of any concentration, and concentration 1 is no site.
A term tells (log Z, r), the tilted distribution being the mixture of the Dirichlets a + e_k with
weights r_k (see `epbook.terms.MixtureWeight`); a family keeps the moments of its choice.
"""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, psi, xlogy, zeta

from ..checks import finite_array
from ..errors import NoMassError


class Dirichlet:
    """The Dirichlet distribution; matching keeps E[log w], which minimises KL(tilted || q)  (3.94).

    A site is the small difference of two concentrations: from about 10^6 on, rounding leaves it no digits.

    Args:
        concentration: shape (K,), K >= 2; a site's may be zero or negative.

    Raises:
        ValueError: on other shapes, NaN or infinity.

    Example:
        >>> q = Dirichlet([2.0, 3.0])
        >>> (q * q / q).concentration.tolist(), q.mean.tolist()
        ([2.0, 3.0], [0.4, 0.6])

    Book: section 3.3.
    """

    __slots__ = ("concentration",)

    def __init__(self, concentration: ArrayLike):
        self.concentration = finite_array("concentration", concentration, 1)
        if self.concentration.size < 2:
            raise ValueError("concentration needs at least two components: the weight of one is 1")

    @classmethod
    def _of(cls, concentration):
        """Build without checks: for the algebra, whose operands were checked."""
        self = object.__new__(cls)
        self.concentration = concentration
        return self

    @classmethod
    def from_expected_logs(cls, expected_logs: ArrayLike) -> "Dirichlet":
        """The Dirichlet whose E[log w] is this, shape (K,)  (3.94).

        Raises:
            ValueError: if no Dirichlet has it, because the weights' geometric means would sum to 1 or more.
        """
        target = finite_array("expected_logs", expected_logs, 1)
        slack = 1 - np.exp(target).sum()
        if target.size < 2 or slack <= 0:
            raise ValueError(f"expected_logs of {target.size} weights need exp(.) to sum to less than 1, not {1 - slack:g}")
        total = (target.size - 1) / (2 * slack)  # exact in the limit of large concentrations
        return cls(_solve(target, _inverse_psi(target + psi(total))))

    def __mul__(self, other):
        return self._of(self.concentration + other.concentration - 1)

    def __truediv__(self, other):
        return self._of(self.concentration - other.concentration + 1)

    def __pow__(self, power):
        return self if power == 1.0 else self._of(1 + power * (self.concentration - 1))

    def __repr__(self):
        return f"{type(self).__name__}({self.concentration.tolist()})"

    def moment_match(self, term, power=1.0, restricted=False):
        """Match the moments of self * term ** power.

        Args:
            term: has `log_z(concentration, power)`, which returns log Z and the tilted mixture's weights.
            power: the exponent of power EP; a `MixtureWeight` offers 1 alone.
            restricted: must be False.

        Returns:
            (log Z, the matched member of the family).

        Raises:
            ValueError: if restricted, which is defined for Gaussians alone.
            NoMassError: if the term leaves self without probability.
        """
        if restricted:
            raise ValueError("restricted=True is defined for Gaussians: a Dirichlet has no precision to keep; use damping")
        log_z, weights = term.log_z(self.concentration, power)
        if not log_z > -math.inf:
            raise NoMassError(f"{term!r} leaves no mass under the cavity {self!r}")
        return log_z, self._of(self._matched(weights))

    def _matched(self, weights):
        """The concentration with the E[log w] of the tilted mixture  (3.93), (3.94)."""
        a = self.concentration
        target = psi(a) - psi(a.sum()) + weights / a - 1 / a.sum()
        return _solve(target, _two_moments(a, weights))

    @property
    def flops(self):
        """Operations of one visit of EP beside the term's, with the three or four steps that Newton's method mostly takes."""
        return 106 * self.concentration.size

    @property
    def is_proper(self):
        """Whether this can be normalised."""
        return bool(self.concentration.min() > 0 and self.concentration.max() < math.inf)

    @property
    def mean(self):
        """E[w], shape (K,)."""
        return self.concentration / self.concentration.sum()

    @property
    def variance(self):
        """The variance of each weight, shape (K,)."""
        return self.mean * (1 - self.mean) / (1 + self.concentration.sum())

    @property
    def covariance(self):
        """The covariance matrix of the weights, shape (K, K), singular because they sum to 1."""
        return (np.diag(self.mean) - np.outer(self.mean, self.mean)) / (1 + self.concentration.sum())

    @property
    def expected_logs(self):
        """E[log w], shape (K,)."""
        return psi(self.concentration) - psi(self.concentration.sum())

    @property
    def log_normaliser(self):
        """log of the integral of the unnormalised density over the simplex."""
        return float(gammaln(self.concentration).sum() - gammaln(self.concentration.sum()))

    def log_value(self, weights):
        """log of the product of w_k^(a_k - 1) at weights of shape (..., K)."""
        return xlogy(self.concentration - 1, weights).sum(axis=-1)

    def log_density(self, weights):
        """log of the normalised density at weights of shape (..., K): minus infinity off the simplex."""
        weights = np.asarray(weights, dtype=float)
        inside = (weights.min(axis=-1) >= 0) & (abs(weights.sum(axis=-1) - 1) < 1e-9)
        return np.where(inside, self.log_value(np.maximum(weights, 0.0)) - self.log_normaliser, -math.inf)[()]

    def sample(self, size, rng=None):
        """`size` draws of the weights, shape (size, K); rng is a seed or numpy Generator."""
        return np.random.default_rng(rng).dirichlet(self.concentration, size)

    def divergence(self, other):
        """Jeffreys divergence in nats: its square root is right to rounding, however near the two."""
        return float((self.concentration - other.concentration) @ (self.expected_logs - other.expected_logs))


class DirichletTwoMoments(Dirichlet):
    """The Dirichlet that matching gives the tilted E[w] and sum of E[w_k^2], in closed form  (3.113).

    Example:
        >>> from epbook import MixtureWeight
        >>> log_z, q = DirichletTwoMoments([1.0, 1.0]).moment_match(MixtureWeight([0.3, 0.1]))
        >>> q.concentration.round(4).tolist()
        [1.2727, 0.9091]

    Book: section 3.3.3.
    """

    __slots__ = ()

    @property
    def flops(self):
        """Operations of one visit of EP beside the term's."""
        return 38 * self.concentration.size + 15

    def _matched(self, weights):
        return _two_moments(self.concentration, weights)


def _two_moments(a, r):
    """The concentration with E[w] and sum of E[w_k^2] of the mixture of the Dirichlets a + e_k  (3.110)-(3.113)."""
    total = a.sum()
    mean = (a + r) / (total + 1)
    spread, mixed = mean @ (1 - mean), r @ (1 - r) / (total + 1)
    return mean * (spread * (total + 2) / (spread + mixed) - 1)


def _solve(target, a):
    """The concentration whose E[log w] is target, by Newton's method from a (Minka 2000)."""
    for _ in range(100):
        total = a.sum()
        gap, inverse = (psi(a) - psi(total) - target, 1 / zeta(2.0, a))  # zeta(2, .) is the derivative of psi
        common = gap @ inverse / (inverse.sum() - 1 / zeta(2.0, total))
        step = (gap - common) * inverse
        a = np.maximum(a - step, 0.1 * a)  # a full step may leave the positive numbers
        if (np.abs(step) <= 1e-8 * a).all():
            break
    return a


def _inverse_psi(value):
    """A first guess at the inverse of psi, right to a few percent (Minka 2000)."""
    return np.where(value > -2.22, np.exp(value) + 0.5, -1 / (value - psi(1)))
