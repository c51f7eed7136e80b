"""Gaussian posteriors whose terms each see one projection: weight space and kernel space.

Symbols: m, V mean and covariance of q; tau, nu precision and shift of the 1-D sites;
a the column of V that belongs to a term; C the kernel matrix, A the posterior covariance.

A changed site is a rank-one update of V, one BLAS call in place (5.79)-(5.81), and changes
log |I + C diag(tau)| by log(1 + change of tau * A_ii).  The prior's C is never inverted.
"""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import cho_factor, cho_solve, lu_factor, lu_solve
from scipy.linalg.blas import daxpy, dger

from ..checks import finite_array, symmetric_matrix
from ..errors import ImproperPosteriorError
from ..families import Gaussian
from .base import Posterior


class _Projected(Posterior):
    """What weight space and kernel space share: the rank-one update."""

    one = Gaussian(0.0, 0.0)

    def __init__(self, n, mean, covariance):
        self.mean = mean
        self.covariance = np.asfortranarray(covariance)
        self._log_det = 0.0
        self.sites, self.log_scales = [self.one] * n, [0.0] * n

    def update(self, batch, sites):
        """Replace the sites of `batch`: one by a rank-one update, several by a rebuild.

        Raises:
            ImproperPosteriorError: if the new sites leave no normalisable posterior; nothing is replaced then.
        """
        if len(batch) > 1:
            before = list(self.sites)
            for i, site in zip(batch, sites, strict=True):
                self.sites[i] = site
            try:
                return self._rebuild()
            except ImproperPosteriorError:
                self.sites = before
                raise
        (i,), (site,) = batch, sites
        old = self.sites[i]
        tau, nu = site.precision - old.precision, site.shift - old.shift
        column, a, h = self._column(i)
        growth = 1 + tau * a
        if not growth > 0:
            raise ImproperPosteriorError(f"site {i} with precision {site.precision:g} outweighs prior and other sites")
        scale = 1 / growth
        self.sites[i] = site
        self._log_det += math.log(growth)
        self.mean = daxpy(column, self.mean, a=(nu - tau * h) * scale)
        self.covariance = dger(-tau * scale, column, column, a=self.covariance, overwrite_a=1)

    def copy(self):
        twin = super().copy()
        twin.mean, twin.covariance = self.mean.copy(), self.covariance.copy(order="F")
        return twin

    def _site_arrays(self):
        return np.array([s.precision for s in self.sites]), np.array([s.shift for s in self.sites])

    @property
    def variance(self):
        """The diagonal of the covariance."""
        return np.diag(self.covariance).copy()


class LinearGaussian(_Projected):
    """q over weights w with prior N(0, I); term i sees w.x_i (thesis 5.3).

    Args:
        X: signed data points y_i x_i as rows, shape (n, d).

    Raises:
        ValueError: on wrong shapes, NaN, infinity or a row of zeros.

    Example:
        >>> q = LinearGaussian([[1.0, 2.0], [0.0, 1.0]])
        >>> q.marginal(0).variance
        5.0

    Book: section 5.3.
    """

    def __init__(self, X: ArrayLike):
        self.X = finite_array("X", X, 2)
        zero = np.flatnonzero(np.einsum("ij,ij->i", self.X, self.X) == 0)
        if zero.size:
            raise ValueError(f"row {zero[0]} of X is zero, or its square is, so its term sees nothing of w; add a bias feature")
        n, d = self.X.shape
        super().__init__(n, np.zeros(d), np.eye(d))

    @property
    def signed(self) -> np.ndarray:
        """X: by it a problem knows its own posterior."""
        return self.X

    def marginal(self, i: int) -> Gaussian:
        """q on w.x_i."""
        column, a, h = self._column(i)
        return Gaussian._of(1 / a, h / a)

    def _column(self, i):
        x = self.X[i]
        column = self.covariance @ x
        return column, float(x @ column), float(x @ self.mean)

    def refresh(self):
        """Recompute mean and covariance from the sites, O(n d^2)."""
        self._rebuild()

    def _rebuild(self):
        tau, nu = self._site_arrays()
        precision = np.eye(self.X.shape[1]) + (self.X.T * tau) @ self.X
        try:
            factor = cho_factor(precision, lower=True)
        except np.linalg.LinAlgError:
            raise ImproperPosteriorError("the sites' negative precisions outweigh the prior") from None
        self._log_det = 2 * float(np.log(np.diag(factor[0])).sum())
        covariance = cho_solve(factor, np.eye(len(precision)))
        self.covariance = np.asfortranarray((covariance + covariance.T) / 2)
        self.mean = self.covariance @ (nu @ self.X)

    def log_normaliser(self) -> float:
        """log of the integral of prior times sites, right after a refresh."""
        _, nu = self._site_arrays()
        return 0.5 * (float((nu @ self.X) @ self.mean) - self._log_det)

    @property
    def flops(self):
        """Operations of one pass beside the terms': n visits of two columns and a rank-one update, a refresh, the evidence."""
        n, d = self.X.shape
        visit = self.one.flops + 7 + 6 * d * d + 10 * d
        return n * (visit + 2 * d * d + 5 * d) + 7 * d**3 // 3 + 5 * d * d + 4 * d


class KernelGaussian(_Projected):
    """q over the latent values f at the data, prior N(0, C); term i sees f_i (thesis 5.4).

    Args:
        C: signed kernel matrix y_i y_j k(x_i, x_j), shape (n, n), symmetric, positive semidefinite.

    Raises:
        ValueError: on wrong shapes, NaN or infinity, or a C that is asymmetric or not positive semidefinite.

    Example:
        >>> KernelGaussian([[1.0, 0.5], [0.5, 1.0]]).marginal(1).variance
        1.0

    Book: section 5.4.
    """

    DRIFT = 1e-11  # the relative rounding error at which A is computed anew

    def __init__(self, C: ArrayLike):
        self.C = symmetric_matrix("C", C)
        diagonal = np.diag(self.C)
        if not (diagonal > 0).all():
            raise ValueError(f"C must have a positive diagonal, but entry {diagonal.argmin()} is {diagonal.min():g}")
        try:
            np.linalg.cholesky(self.C + 1e-8 * diagonal.max() * np.eye(len(diagonal)))
        except np.linalg.LinAlgError:
            raise ValueError("C must be positive semidefinite, and it has negative eigenvalues: no kernel gives such") from None
        super().__init__(len(self.C), np.zeros(len(self.C)), np.array(self.C, order="F"))

    @property
    def signed(self) -> np.ndarray:
        """C: by it a problem knows its own posterior."""
        return self.C

    def marginal(self, i: int) -> Gaussian:
        """q on f_i."""
        a = self.covariance.item(i, i)
        return Gaussian._of(1 / a, self.mean.item(i) / a)

    def _column(self, i):
        column = self.covariance[:, i].copy()  # dger must not read what it overwrites
        return column, column.item(i), self.mean.item(i)

    def refresh(self):
        """Recompute h = A nu, and A too if h = C (nu - tau h)  (5.85) shows that rounding has crept in."""
        tau, nu = self._site_arrays()
        self.mean = self.covariance @ nu
        drift = self.C @ (nu - tau * self.mean) - self.mean
        if not np.abs(drift).max() <= self.DRIFT * np.abs(self.mean).max():
            self._rebuild()

    def _rebuild(self):
        """A = (I + C diag(tau))^-1 C by one LU, O(n^3)."""
        tau, nu = self._site_arrays()
        system = np.multiply(self.C, tau, order="F")
        system.flat[:: len(tau) + 1] += 1.0
        lu, pivots = lu_factor(system, overwrite_a=True, check_finite=False)
        covariance = lu_solve((lu, pivots), self.C, check_finite=False)
        covariance = (covariance + covariance.T) / 2
        if tau.min() < 0 and np.linalg.eigvalsh(covariance)[0] < -1e-10 * np.diag(self.C).max():
            raise ImproperPosteriorError("the sites' negative precisions outweigh the prior")
        self._log_det = float(np.log(np.abs(np.diag(lu))).sum())
        self.covariance = np.asfortranarray(covariance)
        self.mean = self.covariance @ nu

    def log_normaliser(self) -> float:
        """log of the integral of prior times sites, right after a refresh (5.76)."""
        _, nu = self._site_arrays()
        return 0.5 * (float(nu @ self.mean) - self._log_det)

    @property
    def coefficients(self) -> np.ndarray:
        """beta, by which the posterior mean is C beta; beta = alpha at a fixed point (5.84).  O(n^3) each time."""
        _, nu = self._site_arrays()
        return self.solve(nu)

    def solve(self, right: np.ndarray) -> np.ndarray:
        """(I + diag(tau) C)^-1 right, shape (n,) or (n, m): what nu - tau h = (I + diag(tau) C)^-1 nu loses to cancellation."""
        tau, _ = self._site_arrays()
        system = tau[:, None] * self.C
        system.flat[:: len(tau) + 1] += 1.0
        return lu_solve(lu_factor(system, overwrite_a=True, check_finite=False), right, check_finite=False)

    @property
    def flops(self):
        """Operations of one pass beside the terms': n rank-one updates of A and h, a refresh without rebuild, the evidence."""
        n = len(self.C)
        visit = self.one.flops + 7 + 2 * n * n + 2 * n
        return n * (visit + 4 * n + 7)
