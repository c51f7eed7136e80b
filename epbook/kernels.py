"""Kernels: inner products of expanded features, between rows of two arrays.

A kernel is any callable k(X, Y) with X (n, d) and Y (m, d) that returns (n, m).
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from .checks import number_in, whole_number


@dataclass(frozen=True)
class LinearKernel:
    """x.y, the kernel of plain weights.

    Example:
        >>> LinearKernel()(np.eye(2), np.eye(2)).tolist()
        [[1.0, 0.0], [0.0, 1.0]]

    Book: section 5.4.
    """

    def __call__(self, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
        return X @ Y.T


@dataclass(frozen=True)
class GaussianKernel:
    """exp(-|x - y|^2 / (2 width^2))  (5.91).

    Args:
        width: the thesis's sigma, in the units of the data, > 0.

    Raises:
        ValueError: if width is not positive and finite.

    Example:
        >>> float(GaussianKernel(0.5)(np.zeros((1, 2)), np.zeros((1, 2))).item())
        1.0

    Book: section 5.5.
    """

    width: float

    def __post_init__(self):
        number_in("width", self.width, 0, np.inf, open_low=True, meaning="the kernel's length scale")

    def __call__(self, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
        return np.exp(-0.5 * cdist(X / self.width, Y / self.width, "sqeuclidean"))


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
        return (X @ Y.T + 1) ** self.degree
