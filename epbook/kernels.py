"""Kernels: inner products of expanded features, between rows of two arrays.

A kernel is any callable k(X, Y) with X (n, d) and Y (m, d) that returns (n, m).  What it may offer besides:

    diagonal(X)             k(x, x) for every row, shape (n,), cheaper than calling row by row; or diag(X), scikit-learn's name
    parameters              positive numbers that the evidence may tune, shape (p,); this then needs the next two
    with_parameters(values) the same kernel with others
    gradient(X, weights)    sum over i, j of weights_ij dk(x_i, x_j) / d log parameter, shape (p,)
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist

from .checks import finite_array, number_in, whole_number


def tunable(kernel: Any) -> np.ndarray:
    """The parameters that the evidence may tune, shape (p,); empty for a kernel that offers none, or for None.

    Raises:
        ValueError: if they are not positive numbers in a 1-D array, or the kernel has no `with_parameters` or `gradient`.

    Example:
        >>> tunable(GaussianKernel(2.0)).tolist(), tunable(LinearKernel()).tolist()
        ([2.0], [])

    Book: section 5.7.
    """
    if np.size(getattr(kernel, "parameters", ())) == 0:
        return np.empty(0)
    values = finite_array("the kernel's parameters", kernel.parameters, 1)
    if not (values > 0).all():
        raise ValueError(f"the kernel's parameters must be positive, for their logs are tuned: {values}")
    for name in ("with_parameters", "gradient"):
        if not callable(getattr(kernel, name, None)):
            raise ValueError(f"the kernel offers parameters but no {name}, which tuning needs: see epbook.kernels")
    return values


@dataclass(frozen=True)
class LinearKernel:
    """x.y, the kernel of plain weights.

    Example:
        >>> LinearKernel()(np.eye(2), np.eye(2)).tolist()
        [[1.0, 0.0], [0.0, 1.0]]

    Book: section 5.4.
    """

    def __call__(self, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
        return np.asarray(X) @ np.asarray(Y).T

    def diagonal(self, X: np.ndarray) -> np.ndarray:
        """|x|^2 of every row."""
        return np.einsum("ij,ij->i", X, X)


@dataclass(frozen=True)
class GaussianKernel:
    """exp(-|x - y|^2 / (2 width^2))  (5.91), each feature in units of its width.

    Args:
        width: the thesis's sigma, in the units of the data, > 0; or one for each feature, shape (d,), so that
            the evidence can tell which features matter (automatic relevance determination).

    Raises:
        ValueError: if a width is not positive and finite, or the data have another number of features.

    Example:
        >>> GaussianKernel(0.5)(np.zeros((1, 2)), np.zeros((1, 2))).item()
        1.0
        >>> GaussianKernel([1.0, 100.0])(np.zeros((1, 2)), np.array([[0.0, 5.0]])).round(3).item()
        0.999

    Book: section 5.5.
    """

    width: Any

    def __post_init__(self):
        widths = finite_array("width", self.width, 1).tolist() if np.ndim(self.width) else [self.width]
        for width in widths:
            number_in("width", width, 0, np.inf, open_low=True, meaning="the kernel's length scale")
        if np.ndim(self.width):
            object.__setattr__(self, "width", tuple(widths))  # a tuple compares and hashes

    def __call__(self, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
        return _bell(self._scaled(X), self._scaled(Y))

    def _scaled(self, X):
        X = np.asarray(X)
        if np.ndim(self.width) and len(self.width) != X.shape[1]:
            raise ValueError(f"the kernel has {len(self.width)} widths, but the data have {X.shape[1]} features")
        return X / self.width

    def diagonal(self, X: np.ndarray) -> np.ndarray:
        """1 for every row."""
        return np.ones(len(X))

    @property
    def parameters(self) -> np.ndarray:
        """The width, or the widths, shape (1,) or (d,)."""
        return np.atleast_1d(np.asarray(self.width, dtype=float))

    def with_parameters(self, values: np.ndarray) -> "GaussianKernel":
        """The kernel with other widths, as many as now."""
        return GaussianKernel(values if np.ndim(self.width) else float(values[0]))

    def gradient(self, X: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Sum of weights_ij k_ij (x_id - x_jd)^2 / width_d^2 for each width, in O(n^2 d).

        Expanding the square leaves matrix products, so no array has more than n^2 or n d entries.
        """
        X = self._scaled(X - X.mean(axis=0))
        weighted = weights * _bell(X, X)
        np.fill_diagonal(weighted, 0.0)  # zero distances, which rounding would make something
        ends = weighted.sum(axis=0) + weighted.sum(axis=1)
        each = ends @ X**2 - 2 * np.einsum("ij,ij->j", X, weighted @ X)
        return each if np.ndim(self.width) else each.sum(keepdims=True)


def _bell(X, Y):
    return np.exp(-0.5 * cdist(X, Y, "sqeuclidean"))


@dataclass(frozen=True)
class PolynomialKernel:
    """(x.y + 1)^degree  (5.92).

    Args:
        degree: a positive whole number.

    Raises:
        ValueError: if degree is not a positive whole number.

    Example:
        >>> PolynomialKernel(2)(np.ones((1, 1)), np.ones((1, 1))).item()
        4.0

    Book: section 5.5.
    """

    degree: int

    def __post_init__(self):
        whole_number("degree", self.degree, 1)

    def __call__(self, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
        return (np.asarray(X) @ np.asarray(Y).T + 1) ** self.degree

    def diagonal(self, X: np.ndarray) -> np.ndarray:
        """(|x|^2 + 1)^degree of every row."""
        return (np.einsum("ij,ij->i", X, X) + 1) ** self.degree
