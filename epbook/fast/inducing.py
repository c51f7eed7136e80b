"""EP with a kernel for many points: all that they say goes through the process's values at m inducing points.

Symbols: u the values at the inducing points, prior N(0, K_uu), K_uu = L L'; w = L^-1 u, prior N(0, I);
k_i the covariances of f_i with u; x_i = L^-1 k_i, the features of point i; q_ii = x_i' x_i.

The process says f_i = w.x_i + e_i, where e_i has the variance k_ii - q_ii that u leaves.  Sparse power EP (Bui, Yan and
Turner 2017; Csato and Opper 2002 for power 1 on-line) keeps q over u alone, so a site is a Gaussian in w.x_i, and the
term sees the cavity of w.x_i with the variance k_ii - q_ii added.  That is EP in weight space with m features: power 1 is
FITC, for the terms are then averaged over independent e_i; toward power 0 it becomes the variational bound.

With t, u the site, V and h the covariance and the mean of w, and r_i = (g_i^2 - G_i) / (2 power), the derivative of the log
evidence in the spread k_ii - q_ii, it changes with features and spread by

    sum_i c_i' dx_i + r_i dk_ii,     c_i = (u_i - t_i x_i'h) h - t_i V x_i - 2 r_i x_i,

and dx_i = L^-1 dk_i - L^-1 dK_uu L^-T x_i / 2 up to a rotation, which the evidence does not see.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import solve_triangular

from ..checks import finite_array, number_in, symmetric_matrix
from ..families import Gaussian
from .chunked import ChunkedGaussian

FAR = 1e-60  # the least share of a point's variance that u explains: less tells no more, and none leaves no Gaussian


class SpreadGaussian(Gaussian):
    """A Gaussian of w.x whose terms see w.x plus an independent error.

    Attributes:
        spread: the error's variance.

    Example:
        >>> from epbook import Step
        >>> q = SpreadGaussian(1.0, 0.0)
        >>> q.spread = 3.0
        >>> round(q.moment_match(Step())[1].mean, 3)   # as under a step of slack sqrt(3)
        0.399

    Book: section 8.2.
    """

    spread = 0.0

    def __truediv__(self, other):
        cavity = super().__truediv__(other)
        cavity.spread = self.spread
        return cavity

    def _argument(self):
        mean, variance = super()._argument()
        return mean, variance + self.spread


class EvidenceWeights(NamedTuple):
    """Derivatives of the log evidence in the kernel's values.

    Attributes:
        Kuu: shape (m, m), symmetric.
        Kuf: shape (m, n).
        diagonal: shape (n,).
    """

    Kuu: np.ndarray
    Kuf: np.ndarray
    diagonal: np.ndarray


class InducingGaussian(ChunkedGaussian):
    """q over m inducing values u with prior N(0, Kuu); term i sees f_i, whose covariances with u are column i of Kuf.

    `ep` refines it site by site with updates in O(m^2), `chunked_ep` many sites at once.  `mean` and `covariance`
    are those of w = L^-1 u; `inducing_values` tells those of u.  It keeps n m numbers.

    Args:
        Kuu: kernel matrix of the inducing points, shape (m, m).
        Kuf: kernel values between inducing points and data, signed by the data's labels, shape (m, n).
        diagonal: k(x_i, x_i) of the data, shape (n,).
        jitter: what is added to Kuu's diagonal, as a share of its average.

    Attributes:
        X: the features of the data, shape (n, m).
        spread: variance of each f_i that u leaves, shape (n,).

    Raises:
        ValueError: on wrong shapes, NaN or infinity, or if the three are no parts of one positive semidefinite matrix.

    Example:
        >>> from epbook import GaussianKernel, KernelGaussian, Step, ep
        >>> points, ends = np.linspace(0.0, 1.0, 5)[:, None], np.array([[0.0], [1.0]])
        >>> kernel = GaussianKernel(1.0)
        >>> q = InducingGaussian(kernel(ends, ends), kernel(ends, points), np.ones(5))
        >>> full = KernelGaussian(kernel(points, points))
        >>> [round(ep(start, [Step()] * 5).log_evidence, 3) for start in (q, full)]
        [-1.177, -1.171]

    Book: section 8.2.
    """

    def __init__(self, Kuu: ArrayLike, Kuf: ArrayLike, diagonal: ArrayLike, jitter: float = 1e-10):
        Kuu, Kuf, diagonal = symmetric_matrix("Kuu", Kuu), finite_array("Kuf", Kuf, 2), finite_array("diagonal", diagonal, 1)
        if Kuf.shape != (len(Kuu), len(diagonal)):
            raise ValueError(f"Kuf needs a row for each of Kuu and a column for each of diagonal, not {Kuf.shape}")
        if not diagonal.min() > 0:
            raise ValueError(f"diagonal must be positive, but entry {diagonal.argmin()} is {diagonal.min():g}")
        self.jitter = number_in("jitter", jitter, 0, 1)
        self.factor = _lower(Kuu, self.jitter)
        X = solve_triangular(self.factor, Kuf, lower=True, check_finite=False).T
        explained = np.einsum("ij,ij->i", X, X)
        over = explained - diagonal * (1 + 1e-6)
        if over.max() > 0:
            raise ValueError(f"point {over.argmax()} has more covariance with the inducing points than its variance allows")
        far = explained < FAR * diagonal
        X[far] = np.sqrt(FAR * diagonal[far] / len(Kuu))[:, None]
        self.spread = np.maximum(diagonal - explained, 0.0)
        self._keep(X)

    def spread_of(self, rows: slice) -> np.ndarray:
        """What these terms see besides w.x."""
        return self.spread[rows]

    def marginal(self, i: int) -> SpreadGaussian:
        """q on w.x_i, and the spread besides."""
        _, a, h = self._column(i)
        seen = SpreadGaussian._of(1 / a, h / a)
        seen.spread = self.spread.item(i)
        return seen

    def inducing_values(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean, shape (m,), and covariance, shape (m, m), of u."""
        return self.factor @ self.mean, self.factor @ self.covariance @ self.factor.T

    def coefficients(self) -> np.ndarray:
        """What predicts: the mean of f at x is k(x, inducing points) times these, shape (m,)."""
        return solve_triangular(self.factor, self.mean, lower=True, trans="T", check_finite=False)

    def evidence_weights(self, by_spread: np.ndarray) -> EvidenceWeights:
        """Derivatives of the log evidence at a fixed point in everything that was given, jitter included.

        Args:
            by_spread: the derivative r_i of each term's log scale in its spread, shape (n,).
        """
        X, (tau, nu), r = self.X, self._site_arrays(), np.asarray(by_spread)
        change = (X * -tau[:, None]) @ self.covariance
        change += np.multiply.outer(nu - tau * (X @ self.mean), self.mean)
        change -= 2 * r[:, None] * X
        both = X.T @ change
        by_features = self._back(change.T)
        by_inducing = -0.5 * self._back(self._back((both + both.T) / 2).T)
        by_inducing.flat[:: len(both) + 1] += self.jitter * np.trace(by_inducing) / len(both)
        return EvidenceWeights(by_inducing, by_features, r)

    def _back(self, right):
        """L^-T right."""
        return solve_triangular(self.factor, right, lower=True, trans="T", check_finite=False)


def _lower(Kuu, jitter):
    """The Cholesky factor of Kuu with its jitter."""
    added = jitter * np.trace(Kuu) / len(Kuu)
    try:
        return np.linalg.cholesky(Kuu + added * np.eye(len(Kuu)))
    except np.linalg.LinAlgError:
        raise ValueError(
            f"Kuu is not positive definite even with {added:g} added to its diagonal; "
            "take fewer inducing points, none twice, or more jitter"
        ) from None
