"""The posterior in weight space of millions of terms: sites are arrays, and the data are met in chunks."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from ..checks import finite_array
from ..errors import ImproperPosteriorError
from ..posteriors import LinearGaussian
from .sites import SiteArrays


class ChunkedGaussian(LinearGaussian):
    """`LinearGaussian` for many points: sites are arrays, and no copy of X is made.

    Args:
        X: signed data points y_i x_i as rows, shape (n, d); kept as it is if it is an array of float64, so do not change it.

    Raises:
        ValueError: on wrong shapes, NaN, infinity or a row of zeros.

    Example:
        >>> ChunkedGaussian([[1.0, 2.0], [0.0, 1.0]]).marginal(0).variance
        5.0

    Book: section 8.2.
    """

    sites: Any

    def __init__(self, X):
        self._keep(_uncopied(X))
        zero = np.flatnonzero(np.einsum("ij,ij->i", self.X, self.X) == 0)
        if zero.size:
            raise ValueError(f"row {zero[0]} of X is zero, or its square is, so its term sees nothing of w; add a bias feature")

    def _keep(self, X):
        n, d = X.shape
        self.X = X
        self.sites, self.log_scales = SiteArrays(np.zeros(n), np.zeros(n)), np.zeros(n)
        self.adopt(np.eye(d), np.zeros(d))

    def adopt(self, precision: np.ndarray, pull: np.ndarray) -> None:
        """Take q from its precision matrix, shape (d, d), and that times its mean, shape (d,).

        Raises:
            ImproperPosteriorError: if the matrix is not positive definite.
        """
        factor = cholesky_factor(precision)
        self._log_det = 2 * float(np.log(np.diag(factor[0])).sum())
        covariance = cho_solve(factor, np.eye(len(pull)), check_finite=False)
        self.covariance = np.asfortranarray((covariance + covariance.T) / 2)
        self.mean, self._pull = cho_solve(factor, pull, check_finite=False), pull

    def totals(self, chunks: Sequence[slice] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The precision matrix and the pull, from all sites anew."""
        precision, pull = np.eye(self.X.shape[1]), np.zeros(self.X.shape[1])
        for rows in chunks or self.chunks():
            points = self.X[rows]
            precision += (points.T * self.sites.precision[rows]) @ points
            pull += self.sites.shift[rows] @ points
        return precision, pull

    def chunks(self, size: int | None = None) -> list[slice]:
        """Slices of about `size` points each, spread over the data lest their order matter."""
        n, d = self.X.shape
        count = -(-n // (size or max(1, min(max(d // 4, 1024), n // 8))))
        return [slice(k, None, count) for k in range(count)]

    def spread_of(self, rows: slice) -> Any:
        """Variance that these terms see besides that of w.x."""
        return 0.0

    def marginals(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of every w.x_i, each of shape (n,)."""
        variance = np.empty(len(self.X))
        for rows in self.chunks():
            variance[rows] = np.einsum("ij,ij->i", self.X[rows] @ self.covariance, self.X[rows])
        return self.X @ self.mean, variance

    def cavities(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of what every term sees without its site, each of shape (n,).

        Raises:
            ImproperPosteriorError: if one has no normaliser.
        """
        mean, variance = self.marginals()
        left = 1 - variance * self.sites.precision
        if not left.min() > 0:
            raise ImproperPosteriorError(f"the cavity of point {left.argmin()} is improper: see result.status")
        return (mean - variance * self.sites.shift) / left, variance / left + self.spread_of(slice(None))

    def _site_arrays(self):
        return self.sites.precision, self.sites.shift

    def _rebuild(self):
        self.adopt(*self.totals())

    def update(self, batch, sites):
        """Replace the sites of `batch`: one by a rank-one update, several by a rebuild.

        Raises:
            ImproperPosteriorError: if the new sites leave no normalisable posterior; nothing is replaced then.
        """
        before = self.sites.copy() if len(batch) > 1 else self.sites
        try:
            super().update(batch, sites)
        except ImproperPosteriorError:
            self.sites = before
            raise

    def log_normaliser(self) -> float:
        """log of the integral of prior times sites, right after a refresh."""
        return 0.5 * (float(self._pull @ self.mean) - self._log_det)

    def log_evidence(self) -> float:
        """log of the integral of prior times scaled sites (3.40)."""
        return self.log_normaliser() + float(np.sum(self.log_scales))

    def copy(self):
        """A copy that shares nothing which an update changes."""
        twin = copy.copy(self)
        twin.sites, twin.log_scales = self.sites.copy(), np.array(self.log_scales)
        twin.mean, twin.covariance = self.mean.copy(), self.covariance.copy(order="F")
        return twin


def _uncopied(X):
    """X itself, read-only, if it is a matrix of finite float64; else what `finite_array` makes of it, or says."""
    if not (isinstance(X, np.ndarray) and X.dtype == np.float64 and X.ndim == 2 and X.size and np.isfinite(X.sum())):
        X = finite_array("X", X, 2)
    X = X.view()
    X.flags.writeable = False
    return X


def cholesky_factor(precision: np.ndarray) -> tuple[np.ndarray, bool]:
    """For `cho_solve`.

    Raises:
        ImproperPosteriorError: if the matrix is not positive definite.
    """
    try:
        return cho_factor(precision, lower=True, check_finite=False)
    except np.linalg.LinAlgError:
        raise ImproperPosteriorError("the sites' negative precisions outweigh the prior") from None
