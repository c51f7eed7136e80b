"""What a trained Bayes Point Machine must remember to predict, and nothing else."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from scipy.linalg import lu_factor, lu_solve

from ..checks import finite_array
from ..terms import Step

Kernel = Callable[[np.ndarray, np.ndarray], np.ndarray]


def with_bias(X: np.ndarray, bias: bool) -> np.ndarray:
    """The features, and a constant 1 after them if there is a bias."""
    return np.column_stack([X, np.ones(len(X))]) if bias else X


def kernel_matrix(kernel: Kernel, bias: bool, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """The kernel with its bias, checked: it may be anybody's function.

    Raises:
        ValueError: if it does not return finite numbers, a row for each point of X, a column for each of Y.
    """
    gram = finite_array("the kernel's matrix", kernel(X, Y), 2)
    if gram.shape != (len(X), len(Y)):
        raise ValueError(f"the kernel returned shape {gram.shape} for {len(X)} by {len(Y)} data points")
    return gram + bias


def kernel_diagonal(kernel: Any, bias: bool, X: np.ndarray) -> np.ndarray:
    """The kernel of each row with itself, bias included, shape (n,)."""
    for name in ("diagonal", "diag"):
        if hasattr(kernel, name):
            return getattr(kernel, name)(X) + bias
    return np.array([kernel_matrix(kernel, bias, x[None], x[None]).item() for x in X])


class Predictor:
    """Mean and variance of the latent value w.x at new points, and the labels that follow.

    `WeightPredictor` and `KernelPredictor` say how a point is seen and how uncertain its value is.
    Every method takes new points as rows, shape (m, d), unsigned.

    Raises:
        ValueError: by every method, on a wrong number of columns, NaN or infinity.

    Example:
        >>> from epbook import BayesPoint, ep
        >>> problem = BayesPoint([[1.0]], [1])
        >>> predictor = problem.predictor(ep(problem.posterior(), problem.terms))
        >>> predictor.mean([[2.0]]).round(2).tolist()
        [1.6]

    Book: section 5.5.
    """

    term: Step
    columns: int
    weights: np.ndarray
    offset: float

    def _seen(self, X):
        raise NotImplementedError

    def _variance(self, X, seen):
        raise NotImplementedError

    def _checked(self, X):
        X = finite_array("X", X, 2)
        if X.shape[1] != self.columns:
            raise ValueError(f"X needs {self.columns} columns as in training, not {X.shape[1]}")
        return X

    def mean(self, X) -> np.ndarray:
        """The mean of w.x, shape (m,)."""
        return self._seen(self._checked(X)) @ self.weights + self.offset

    def latent(self, X) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of w.x, each of shape (m,)."""
        X = self._checked(X)
        seen = self._seen(X)
        return seen @ self.weights + self.offset, self._variance(X, seen)

    def standardised(self, X) -> np.ndarray:
        """The latent mean in units of its spread, slack included, shape (m,); the probability grows with it."""
        mean, variance = self.latent(X)
        scale = np.sqrt(variance + self.term.slack**2)
        return np.divide(mean, scale, out=np.zeros_like(mean), where=scale > 0)  # a point without features: a coin

    def log_probability(self, X) -> np.ndarray:
        """log p(y | x, D) for y = -1 and y = +1, shape (m, 2), accurate however small  (5.7), (5.17)."""
        z = self.standardised(X)
        return Step(self.term.noise, 1.0).log_value(np.column_stack([-z, z]))


class WeightPredictor(Predictor):
    """Prediction from a mean and a covariance of the weights; a posterior without covariance gives labels only."""

    def __init__(self, problem, posterior):
        self.term, self.bias, self.columns = problem.term, problem.bias, problem.X.shape[1]
        self.weights, self.offset = posterior.mean, getattr(posterior, "offset", 0.0)
        self.covariance = getattr(posterior, "covariance", None)

    def _seen(self, X):
        return with_bias(X, self.bias)

    def _variance(self, X, seen):
        if self.covariance is None:
            raise _point_only()
        return np.einsum("ij,ij->i", seen @ self.covariance, seen)


class KernelPredictor(Predictor):
    """Prediction from coefficients and site precisions; the factor of I + C Lambda^-1 is made when first asked for."""

    def __init__(self, problem, posterior):
        self.term, self.bias, self.columns = problem.term, problem.bias, problem.X.shape[1]
        self.kernel, self.X = problem.kernel, problem.X
        self.weights, self.offset = problem.y * posterior.coefficients, getattr(posterior, "offset", 0.0)
        sites = getattr(posterior, "sites", None)
        self.precisions = None if sites is None else np.array([site.precision for site in sites])

    def __getstate__(self):
        return {name: value for name, value in vars(self).items() if name != "_factor"}  # a pickle holds no n x n array

    def _seen(self, X):
        return kernel_matrix(self.kernel, self.bias, X, self.X)

    @cached_property
    def _factor(self):
        system = self._seen(self.X) * self.precisions
        system.flat[:: len(system) + 1] += 1.0
        return lu_factor(system, overwrite_a=True, check_finite=False)

    def _variance(self, X, seen):
        """k(x, x) - k' (C + Lambda)^-1 k  without inverting Lambda."""
        if self.precisions is None:
            raise _point_only()
        explained = np.einsum("ij,ji->i", seen * self.precisions, lu_solve(self._factor, seen.T, check_finite=False))
        return np.maximum(kernel_diagonal(self.kernel, self.bias, X) - explained, 0.0)


def _point_only():
    return ValueError("this posterior is one separator without a spread: ask it for labels (predict), and ep for probabilities")
