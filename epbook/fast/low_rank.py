"""Kernel matrices of low rank: a pivoted Cholesky factor that reads only the columns it needs, and EP on it.

Symbols: C = F F' + E with F of shape (n, r) and E positive semidefinite; T the sites' precisions; M = I + F' T F.
The posterior covariance of F F' is A = G' G with G = M^-1/2 F', so that marginals cost O(n r^2).
"""

import copy
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg.lapack import dtrtri, strtri

from ..checks import finite_array, number_in, signs, whole_number
from ..models.predictor import kernel_diagonal, kernel_matrix

INVERSE = {np.float64: dtrtri, np.float32: strtri}  # of triangular matrices
CHECK = 16  # columns between two looks at whether the rank will be low


class LowRankKernel:
    """C to a tolerance, as F F' with F of shape (n, r), from r of its columns and its diagonal.

    Args:
        column: function of i that returns the i-th column of C, shape (n,).
        diagonal: of C, shape (n,).
        tol: stop when no diagonal entry of C - F F' exceeds this times the largest of C.
        most: the largest rank to try.

    Attributes:
        factor: F.
        rest: the diagonal of C - F F', shape (n,).
        complete: whether `tol` was reached; else it was given up, early if it was far from it.

    Raises:
        ValueError: if a diagonal entry is not positive or not finite, or an option out of range.

    Example:
        >>> x = np.linspace(-1, 1, 50)
        >>> low = LowRankKernel(lambda i: np.exp(-0.5 * (x - x[i]) ** 2), np.ones(50), tol=1e-8)
        >>> low.factor.shape, low.complete
        ((50, 8), True)

    Book: section 8.1.
    """

    def __init__(self, column: Callable[[int], np.ndarray], diagonal: ArrayLike, tol: float = 1e-10, most: int | None = None):
        diagonal = finite_array("the kernel's diagonal", diagonal, 1)
        if not (diagonal > 0).all():
            raise ValueError(f"the kernel's diagonal must be positive, but entry {diagonal.argmin()} is {diagonal.min():g}")
        tol, n = number_in("tol", tol, 0, 1, open_low=True), len(diagonal)
        most = n if most is None else whole_number("most", most, 1, n)
        rest, rows, rank, top = diagonal, np.empty((most, n)), 0, diagonal.max()
        while rank < most and rest.max() > tol * top:
            if most < n and rank and rank % CHECK == 0 and rest.sum() > diagonal.sum() * tol ** (rank / (2 * most)):
                break  # half as fast as it should fall
            pivot = int(rest.argmax())
            rows[rank] = (column(pivot) - rows[:rank, pivot] @ rows[:rank]) / np.sqrt(rest[pivot])
            rest = np.maximum(rest - rows[rank] ** 2, 0.0)
            rank += 1
        self.factor, self.rest, self.complete = rows[:rank].T, rest, bool(rest.max() <= tol * top)

    @property
    def C(self) -> np.ndarray:
        """F F', shape (n, n), formed each time."""
        return self.factor @ self.factor.T

    @property
    def variance(self) -> np.ndarray:
        """The diagonal of F F', shape (n,)."""
        return np.einsum("ir,ir->i", self.factor, self.factor)

    def subset(self, chosen) -> "LowRankKernel":
        """The same for some of the points."""
        part = copy.copy(self)
        part.factor, part.rest = self.factor[chosen], self.rest[chosen]
        return part

    def marginals(self, precision, shift, dtype=np.float64):
        """`LowRankMarginals` with these sites."""
        return LowRankMarginals(self, precision, shift, dtype)

    def error(self, marginals, C: np.ndarray | None = None) -> float:
        """The most that E changes the log evidence, to first order: |alpha' E alpha - tr (C + T^-1)^-1 E| / 2.

        The trace is at most that of T E.  Without C, of which E is a part, its diagonal bounds the other term.
        """
        alpha = marginals.coefficients
        if C is None:
            explained = (np.abs(alpha) @ np.sqrt(self.rest)) ** 2
        else:
            explained = abs(alpha @ (C @ alpha) - np.square(alpha @ self.factor).sum())
        return 0.5 * float(max(explained, marginals.precision @ self.rest))

    @classmethod
    def from_points(cls, kernel, X: ArrayLike, y: ArrayLike, bias: bool = False, tol: float = 1e-10) -> "LowRankKernel":
        """The signed kernel matrix y_i y_j k(x_i, x_j) of data points, never formed.

        Args:
            kernel: as for `BayesPoint`.
            X: data points as rows, shape (n, d).
            y: labels, +1 or -1, shape (n,).
            bias: add 1 to the kernel.
            tol: as above.
        """
        X = finite_array("X", X, 2)
        y = signs("y", y, len(X))
        return cls(lambda i: y[i] * y * kernel_matrix(kernel, bias, X, X[i : i + 1])[:, 0], kernel_diagonal(kernel, bias, X), tol)


class LowRankMarginals:
    """As `DenseMarginals`, for a `LowRankKernel`.

    Example:
        >>> low = LowRankKernel(lambda i: np.ones(2), np.ones(2))
        >>> LowRankMarginals(low, np.ones(2), np.ones(2)).mean.round(4).tolist()
        [0.6667, 0.6667]

    Book: section 8.1.
    """

    ACCURACY = 3e-2  # of Newton's steps: a product costs as much as an evaluation

    def __init__(self, low, precision, shift, dtype=np.float64):
        self.precision, self.shift, factor = precision, shift, low.factor.astype(dtype, copy=False)
        core = (factor.T * precision.astype(dtype)) @ factor
        core.flat[:: len(core) + 1] += 1.0
        lower = np.linalg.cholesky(core)
        self._whitener, _ = INVERSE[dtype](lower, lower=1)
        self._left = self._whitener @ factor.T
        self._single = self._left.astype(np.float32, copy=False)
        self.log_det = 2 * float(np.log(lower.diagonal()).sum())
        self.variance = np.einsum("ri,ri->i", self._left, self._left).astype(float)
        self.mean = self.covariance_times(shift)
        self.coefficients = shift - precision * self.mean
        self.cavity_variance = self.variance / (1 - precision * self.variance)
        self.cavity_mean = self.mean - self.cavity_variance * self.coefficients

    def elsewhere(self, prior, here, others):
        """Mean and variance at other points, given that these are the points `here` of the prior."""
        left = self._whitener @ prior.factor[others].T
        return (self._left @ self.shift) @ left, np.einsum("ri,ri->i", left, left)

    @property
    def flops(self):
        """Operations of one evaluation: two products and a factor, and as much for a step."""
        n, rank = self._left.T.shape
        return 8 * n * rank**2

    def covariance_times(self, x):
        """A x."""
        return ((self._left @ x.astype(self._left.dtype)) @ self._left).astype(float)

    def squares_times(self, x):
        """(A_ij^2) x, to single precision."""
        left = self._single
        return np.einsum("ri,ri->i", ((left * x.astype(np.float32)) @ left.T) @ left, left).astype(float)
