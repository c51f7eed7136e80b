"""Unknown mixture weights of thesis section 3.3: known component densities, blended in unknown shares."""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, logsumexp, psi, softmax

from ..checks import finite_array, positive_array, whole_number
from ..families import Dirichlet
from ..families.gaussian import LOG_2PI
from ..posteriors import Whole
from ..terms import MixtureWeight
from .exact import Exact
from .logistic_normal import LogisticNormal, moments_flops
from .mixture import MixtureProblem, weighted

_MOST = 10**8


class MixtureWeights(MixtureProblem):
    """Infer w from x_i ~ sum over k of w_k p_k(x), w uniform on the simplex with density Gamma(K)  (3.79)-(3.81).

    Args:
        densities: p_k(x_i) >= 0, shape (n, K), K >= 2, no row all zero.

    Raises:
        ValueError: on other shapes, NaN (with its row), or densities that no datum could have.

    Example:
        >>> problem = MixtureWeights([[0.3, 0.1], [0.05, 0.4], [0.2, 0.25]])
        >>> problem.exact().mean.round(4).tolist()
        [0.4313, 0.5687]

    Book: section 3.3.
    """

    def __init__(self, densities: ArrayLike):
        self.densities = finite_array("densities", densities, 2)
        self.terms = [MixtureWeight(row) for row in self.densities]
        self.n, self.parts = self.densities.shape
        self.start = np.full(self.parts, 1 / self.parts)
        self.x = None
        with np.errstate(divide="ignore"):  # log 0 = -inf: a datum that a component cannot have made
            self._log_densities = np.log(self.densities)

    @classmethod
    def sample(
        cls,
        n: int,
        weights: ArrayLike = (0.5, 0.5),
        means: ArrayLike = (0.0, 1.0),
        variances: ArrayLike = (3.0, 3.0),
        rng: int | np.random.Generator | None = None,
    ) -> "MixtureWeights":
        """Draw n data from a mixture of Gaussians in 1-D; `x` keeps them  (3.114), (3.115).

        Args:
            n: how many.
            weights, means, variances: one a component, shape (K,).
            rng: seed or numpy Generator.
        """
        n, rng = whole_number("n", n, 1), np.random.default_rng(rng)
        weights, means = finite_array("weights", weights, 1), finite_array("means", means, 1)
        variances = positive_array("variances", variances, 1)
        if not weights.shape == means.shape == variances.shape:
            raise ValueError("weights, means and variances must have one shape")
        if (weights < 0).any() or abs(weights.sum() - 1) > 1e-9:
            raise ValueError(f"weights must be >= 0 and sum to 1, not {weights.tolist()}")
        label = rng.choice(len(weights), size=n, p=weights)
        x = means[label] + np.sqrt(variances[label]) * rng.standard_normal(n)
        problem = cls(np.exp(-0.5 * (x[:, None] - means) ** 2 / variances) / np.sqrt(2 * math.pi * variances))
        problem.x = x
        return problem

    def prior(self, family: type[Dirichlet] = Dirichlet) -> Dirichlet:
        """The uniform density on the simplex, as a member of the family."""
        return family(np.ones(self.parts))

    def posterior(self, family: type[Dirichlet] = Dirichlet) -> Whole:
        """Where EP starts: the prior, with no sites yet; `DirichletTwoMoments` makes it EP2."""
        return Whole(self.prior(family))

    def log_parts(self, theta: ArrayLike) -> np.ndarray:
        """log w_k p_k(x_i), shape (..., n, K)."""
        with np.errstate(divide="ignore"):
            return np.log(np.maximum(theta, 0.0))[..., None, :] + self._log_densities

    def expected_log_parts(self, density: Dirichlet) -> np.ndarray:
        """The means of `log_parts` under a Dirichlet, shape (n, K)."""
        return density.expected_logs + self._log_densities

    def given(self, shares: np.ndarray) -> tuple[Dirichlet, float]:
        """The posterior of w if share_ik of datum i came from component k, and the log of its normaliser."""
        density = Dirichlet(1 + shares.sum(axis=0))
        return density, weighted(shares, self._log_densities) + density.log_normaliser + math.lgamma(self.parts)

    def laplace_fit(self, theta: ArrayLike) -> tuple[float, LogisticNormal | None]:
        """Laplace's evidence and posterior at weights theta, in the basis w = softmax(u, 0); (NaN, None) without a maximum.

        The posterior's moments are NaN for more than four weights, see `LogisticNormal`.
        """
        w, R = np.asarray(theta, dtype=float), self.responsibilities(theta)
        blend = np.diag(w) - np.outer(w, w)
        precision = ((self.n + self.parts) * blend + R.T @ R - np.diag(R.sum(axis=0)))[:-1, :-1]
        if not np.linalg.eigvalsh(precision)[0] > 0:
            return math.nan, None
        height = float(self.log_joint(w)) + np.log(w).sum()  # the Jacobian of softmax is the product of w
        log_evidence = height + 0.5 * ((self.parts - 1) * LOG_2PI - np.linalg.slogdet(precision)[1])
        return float(log_evidence), LogisticNormal(np.log(w[:-1] / w[-1]), np.linalg.inv(precision))

    def exact(self) -> Exact:
        """Evidence, mean and covariance: the product of sums expanded into monomials, Dirichlets all.

        Raises:
            ValueError: if the expansion takes more than 10^8 sums.
        """
        n, K = self.n, self.parts
        counts, log_weight = self._monomials()
        weight, means = softmax(log_weight), (counts + 1) / (n + K)
        mean = weight @ means
        gap = means - mean
        between = (gap.T * weight) @ gap
        within = (np.diag(mean) - np.outer(mean, mean) - between) / (n + K + 1)
        return Exact(float(logsumexp(log_weight)), mean, within + between)

    def exact_expected_logs(self) -> np.ndarray:
        """The posterior's E[log w], shape (K,), which EP keeps of each tilted distribution; raises as `exact` does."""
        counts, log_weight = self._monomials()
        return softmax(log_weight) @ psi(counts + 1) - psi(self.n + self.parts)

    def _monomials(self):
        """How many data each component has in each monomial, shape (m, K), and the logs of the monomials' integrals."""
        n, K = self.n, self.parts
        sums = n * (n + 1) ** (K - 1)
        if sums > _MOST:
            raise ValueError(f"the exact answer takes n (n + 1)^(K - 1) = {sums} sums, more than {_MOST}")
        counts = np.indices([n + 1] * (K - 1)).reshape(K - 1, -1).T
        counts = np.column_stack([counts, n - counts.sum(axis=1)])
        possible = counts[:, -1] >= 0
        counts, log_weight = counts[possible], self._log_coefficients().ravel()[possible]
        return counts, log_weight + gammaln(counts + 1).sum(axis=1) + gammaln(K) - gammaln(n + K)

    def _log_coefficients(self):
        """log of the coefficient of each monomial, by the counts of all components but the last, shape (n + 1,) * (K - 1)."""
        table = np.full([self.n + 1] * (self.parts - 1), -math.inf)
        table[(0,) * table.ndim] = 0.0
        for row in self._log_densities:
            grown = table + row[-1]
            for axis in range(table.ndim):
                target, source = (np.moveaxis(array, axis, 0) for array in (grown, table))
                target[1:] = np.logaddexp(target[1:], source[:-1] + row[axis])
            table = grown
        return table

    @property
    def parts_flops(self):
        """Operations of one `log_parts`."""
        return self.parts * (self.n + 1)

    @property
    def expected_flops(self):
        """Operations of one `expected_log_parts`."""
        return self.parts * (self.n + 2) + 2

    @property
    def given_flops(self):
        """Operations of one `given`."""
        return 3 * self.parts * self.n + 4 * self.parts

    @property
    def fit_flops(self):
        """Operations of one `laplace_fit` and its mean."""
        K = self.parts
        curvature = self.n * (5 * K + 2 * K * K) + 10 * K * K + 4 * K**3
        return self.flops + self.parts_flops + curvature + moments_flops(K)
