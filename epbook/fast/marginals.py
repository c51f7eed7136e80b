"""All marginals of a kernel posterior at once, for given sites: one Cholesky factor and its inverse.

Symbols: T = diag(tau) the sites' precisions, nu their shifts, S = T^1/2, B = I + S C S.  Then
A = (C^-1 + T)^-1 = S^-1 (I - B^-1) S^-1, so that diag A needs only diag B^-1 (thesis (5.62)), and
diag B^-1, the columns' squared lengths in the inverse of B's factor, is the marginal variance over the cavity's.
"""

from functools import cached_property

import numpy as np
from scipy.linalg.blas import dtrmv, ssymv, strmm, strmv
from scipy.linalg.lapack import dpotrf, dtrtri, slauum, spotrf, strtri

LOSS = 1e-3  # relative, of the strongest site's precision, by rounding of B
ROUTINES = {np.float64: (dpotrf, dtrtri, dtrmv), np.float32: (spotrf, strtri, strmv)}


class DensePrior:
    """N(0, C), as Newton's method asks for it.

    Args:
        C: kernel matrix, shape (n, n), symmetric, C-contiguous; not copied.

    Book: section 8.1.
    """

    def __init__(self, C):
        self.C, self.variance = C, C.diagonal()

    def subset(self, chosen):
        """The same for some of the points."""
        return DensePrior(self.C[np.ix_(chosen, chosen)])

    def marginals(self, precision, shift, dtype):
        """`DenseMarginals` with these sites."""
        return DenseMarginals(self.C, precision, shift, dtype)


class DenseMarginals:
    """Means and variances of the posterior with these sites, and of all cavities, each of shape (n,).

    Args:
        C: kernel matrix, shape (n, n), symmetric, C-contiguous.
        precision, shift: the sites', shape (n,), precisions > 0; the smaller tau A_ii, the more digits diag A loses.
        dtype: np.float64, or np.float32 for a third of the time.

    Attributes:
        precision, shift: the sites'.
        mean, variance, cavity_mean, cavity_variance: the marginals'.
        coefficients: alpha, by which mean = C alpha.
        log_det: log |B|.

    Raises:
        LinAlgError: if B has no useful Cholesky factor in this precision.

    Example:
        >>> at = DenseMarginals(np.eye(2), np.array([1.0, 3.0]), np.array([2.0, 0.0]))
        >>> at.mean.round(12).tolist(), at.variance.round(12).tolist(), at.cavity_variance.round(12).tolist()
        ([1.0, 0.0], [0.5, 0.25], [1.0, 1.0])

    Book: section 8.1.
    """

    ACCURACY = 1e-3  # of Newton's steps, whose products cost little beside the factor

    def __init__(self, C, precision, shift, dtype=np.float64):
        potrf, trtri, trmv = ROUTINES[dtype]
        prior = C.diagonal()
        self.precision, self.shift = precision, shift
        if np.finfo(dtype).eps * (precision * prior).max() > LOSS:
            raise np.linalg.LinAlgError(f"the sites are too precise for {dtype.__name__}")
        self._root = np.sqrt(precision)
        root = self._root.astype(dtype)
        system = np.multiply(C, root, dtype=dtype, order="C")
        system *= root[:, None]
        system.ravel()[:: len(C) + 1] += 1.0
        factor, info = potrf(system.T, lower=1, overwrite_a=1)
        if info:
            raise np.linalg.LinAlgError(f"pivot {info} is not positive")
        self.log_det = 2 * float(np.log(factor.diagonal()).sum())
        self._inverse, _ = trtri(factor, lower=1, overwrite_c=1)
        left = np.einsum("ij,ij->j", self._inverse, self._inverse).astype(float)
        self.variance = np.minimum(np.maximum((1 - left) / precision, 1e-9 * prior), prior)
        self.cavity_variance = np.minimum(self.variance / left, prior)
        inner = trmv(self._inverse, (shift / self._root).astype(dtype), lower=1)
        self.coefficients = self._root * trmv(self._inverse, inner, lower=1, trans=1)
        self.mean = C @ self.coefficients
        self.cavity_mean = self.mean - self.cavity_variance * self.coefficients

    @cached_property
    def _hollow(self):
        """B^-1 without its diagonal, in single precision, and the square of each entry; the lower triangles."""
        product, _ = slauum(
            np.asfortranarray(self._inverse, dtype=np.float32), lower=1, overwrite_c=self._inverse.dtype != np.float32
        )
        product.ravel(order="K")[:: len(product) + 1] = 0.0
        return product, np.square(product)

    @property
    def flops(self):
        """Operations of one evaluation, at most: a factor, its inverse, and the product of that with itself for a step."""
        return len(self.mean) ** 3

    def covariance_times(self, x):
        """A x, to single precision."""
        return self.variance * x - ssymv(1.0, self._hollow[0], (x / self._root).astype(np.float32), lower=1) / self._root

    def squares_times(self, x):
        """(A_ij^2) x, to single precision."""
        weighted = (x / self.precision).astype(np.float32)
        return self.variance**2 * x + ssymv(1.0, self._hollow[1], weighted, lower=1) / self.precision

    def elsewhere(self, prior, here, others):
        """Mean and variance at other points, to single precision, given that these are the points `here` of the prior."""
        cross, variance = prior.C[np.ix_(others, here)], prior.variance[others]
        scaled = strmm(1.0, self._inverse, np.multiply(cross, self._root, dtype=np.float32).T, lower=1, overwrite_b=1)
        explained = np.einsum("ij,ij->j", scaled, scaled)
        return cross @ self.coefficients, np.clip(variance - explained, 1e-3 * variance, variance)
