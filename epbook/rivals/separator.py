"""What the rivals of the Bayes Point Machine share: coordinates of the points, and the separator they end with."""

from typing import Any

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpstrf

from .arguments import require


class Coordinates:
    """Rows x_i with x_i.x_j = C_ij, with a kernel as without: there a kernel needs no equations of its own.

    Without a kernel they are the signed points; with one, the Cholesky factor of C, pivoted because C may lack full rank.

    Args:
        problem: a `BayesPoint`.

    Attributes:
        length: |x_i|, shape (n,).
        normals: x_i / |x_i|, shape (n, d), where d is the rank of C if there is a kernel.
        flops: what they cost.

    Raises:
        ValueError: on a point whose squared length over- or underflows.

    Example:
        >>> from epbook import BayesPoint, GaussianKernel
        >>> problem = BayesPoint([[0.0], [1.0], [1.0]], [1, -1, -1], GaussianKernel(1.0))
        >>> points = Coordinates(problem)
        >>> points.rows.shape, bool(np.allclose(points.rows @ points.rows.T, problem.signed))
        ((3, 2), True)

    Book: section 5.8.
    """

    def __init__(self, problem: Any):
        self.signed, self.has_kernel, n = problem.signed, problem.kernel is not None, len(problem.signed)
        if self.has_kernel:
            self.length = _checked(np.sqrt(np.diag(self.signed)))
            factor, pivots, rank, _ = dpstrf(self.products, lower=1)
            self._factor, self._pivots = np.tril(factor)[:, :rank], pivots - 1
            self.normals = np.empty_like(self._factor)
            self.normals[self._pivots] = self._factor
            self.flops = n**3 // 3 + 2 * n * n + n
        else:
            self.length = _checked(np.sqrt(np.einsum("ij,ij->i", self.signed, self.signed)))
            self.normals = self.signed / self.length[:, None]
            self.flops = 3 * self.signed.size + n

    @property
    def rows(self) -> np.ndarray:
        """x_i, shape (n, d)."""
        return self.length[:, None] * self.normals if self.has_kernel else self.signed

    @property
    def products(self) -> np.ndarray:
        """Inner products of the normals, shape (n, n)."""
        return self.signed / np.outer(self.length, self.length) if self.has_kernel else _products(self.normals)

    def weights(self, given: np.ndarray) -> np.ndarray:
        """Weights in these coordinates: as given, or with a kernel the sum of given_j x_j."""
        return (given * self.length) @ self.normals if self.has_kernel else given

    def mean(self, w: np.ndarray) -> np.ndarray:
        """w as EP's posteriors tell their mean: itself, or with a kernel its value at every signed point; shape (..., d or n)."""
        return self.length * (w @ self.normals.T) if self.has_kernel else w

    def coefficients(self, w: np.ndarray) -> np.ndarray:
        """With a kernel, gamma of w = sum_j gamma_j x_j, zero outside a basis of points; shape (n,)."""
        gamma, rank = np.zeros(len(self.length)), self.normals.shape[1]
        gamma[self._pivots[:rank]] = solve_triangular(self._factor[:rank], w, trans=1, lower=True)
        return gamma / self.length


def _checked(length):
    wrong = np.flatnonzero(~((length > np.finfo(float).tiny ** 0.5) & (length < np.inf)))
    if wrong.size:
        raise ValueError(f"the squared length of point {wrong[0]} overflows or underflows: centre and scale the features")
    return length


def _products(rows):
    return np.einsum("ij,kj->ik", rows, rows)  # the same bits with every BLAS, for a billiard turns one into all


class Separator:
    """One weight vector in place of a posterior: it predicts labels, and has no spread.

    Attributes:
        signed: the problem's, to which it belongs.
        mean: the weights, shape (d,), or with a kernel their values at the signed points, shape (n,).
        coefficients: alpha of w = sum_j alpha_j x_j, shape (n,).
        offset: added to w.x at an unsigned x; a free bias.

    Example:
        >>> Separator(np.eye(2), np.ones(2), np.ones(2)).margin
        0.7071067811865475

    Book: section 5.5.
    """

    def __init__(self, signed: np.ndarray, mean: np.ndarray, coefficients: np.ndarray, offset: float = 0.0):
        self.signed, self.mean, self.coefficients, self.offset = signed, mean, coefficients, offset

    @property
    def margin(self) -> float:
        """M = 1 / |w|: the distance of the boundary from the nearest points, where these have w.x = 1."""
        return float(1 / np.sqrt(self.coefficients.sum()))


def require_hard_margin(method: str, problem: Any) -> None:
    """Raise ValueError unless the problem is a `BayesPoint` without noise or slack.

    Example:
        >>> from epbook import BayesPoint
        >>> require_hard_margin("billiard", BayesPoint([[1.0]], [1], noise=0.1))
        Traceback (most recent call last):
        ValueError: billiard ... noise is 0.1 and slack 0: give it problem.replace(noise=0, slack=0), if a separator exists
    """
    require(method, problem, "signed", "kernel", "term")
    noise, slack = problem.term.noise, problem.term.slack
    if noise or slack:
        raise ValueError(
            f"{method} knows only separators without error, and here noise is {noise:g} and slack {slack:g}: "
            "give it problem.replace(noise=0, slack=0), if a separator exists"
        )
