"""Weighted points that stand for a posterior, and how a sampler's record of them grows."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp, softmax

from ..checks import finite_array


class Samples:
    """A posterior held as points with weights: samples, or the knots of a grid.

    Args:
        values: the points, shape (m,) in 1-D or (m, d).
        log_weights: shape (m,), up to a common constant; None weighs all alike.

    Raises:
        ValueError: if there is not one weight a point, or a weight is no number or infinite.

    Example:
        >>> drawn = Samples([0.0, 1.0, 4.0], np.log([2.0, 1.0, 1.0]))
        >>> drawn.mean, drawn.variance, round(drawn.effective_size, 3)
        (1.25, 2.6875, 2.667)

    Book: section 2.2.
    """

    def __init__(self, values: ArrayLike, log_weights: ArrayLike | None = None):
        self.values = finite_array("values", values, (1, 2))
        count = len(self.values)
        self.log_weights = np.zeros(count) if log_weights is None else np.array(log_weights, dtype=float)
        if self.log_weights.shape != (count,):
            raise ValueError(f"{count} points need as many log weights, not shape {self.log_weights.shape}")
        wrong = np.flatnonzero(~(self.log_weights < math.inf))
        if wrong.size:
            raise ValueError(f"log weights must be below infinity, but that of point {wrong[0]} is {self.log_weights[wrong[0]]}")
        if self.log_weights.max() > -math.inf:
            self.weights = softmax(self.log_weights)
        else:  # no point met any mass: nothing is known
            self.weights = np.full(count, math.nan)
        self.mean = _plain(self.weights @ self.values)

    def __repr__(self):
        return f"Samples({len(self.values)} points, effective size {self.effective_size:.3g})"

    @property
    def variance(self) -> Any:
        """The variance of each coordinate, or a number in 1-D."""
        return _plain(self.weights @ np.square(self.values - self.mean))

    @property
    def covariance(self) -> Any:
        """The covariance matrix, or the variance in 1-D."""
        gap = self.values - self.mean
        return (gap.T * self.weights) @ gap if gap.ndim == 2 else self.variance

    @property
    def effective_size(self) -> float:
        """How many equally weighted points vary as little: 1 / sum of squared weights."""
        return float(1 / np.sum(np.square(self.weights)))


def _plain(value):
    return value if np.ndim(value) else float(value)


def doublings(samples: int) -> Iterator[int]:
    """How many to draw next so that 1, 2, 4, 8, ... and at last `samples` have been drawn.

    Example:
        >>> list(doublings(10))
        [1, 1, 2, 4, 2]
    """
    drawn = 0
    while drawn < samples:
        new = min(max(drawn, 1), samples - drawn)
        yield new
        drawn += new


def log_average(log_weights: np.ndarray) -> float:
    """log of the mean of exp(log_weights)."""
    return float(logsumexp(log_weights)) - math.log(len(log_weights))
