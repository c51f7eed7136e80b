"""The Bayes Point Machine of thesis chapter 5: linear classification by averaging separators."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import lu_factor, lu_solve
from scipy.optimize import linprog
from scipy.special import ndtr

from ..checks import finite_array, signs, symmetric_matrix
from ..errors import NotSeparableError
from ..posteriors import KernelGaussian, LinearGaussian
from ..result import Result
from ..terms import Step
from .exact import Exact, cone_moments

Kernel = Callable[[np.ndarray, np.ndarray], np.ndarray]


class BayesPoint:
    """Labels y_i = sign(w.x_i), wrong with probability `noise`, prior w ~ N(0, I)  (5.4), (5.6).

    Args:
        X: data points as rows, shape (n, d), unsigned.
        y: labels, +1 or -1, shape (n,).
        kernel: None keeps q over weights; a callable such as `epbook.kernels.GaussianKernel(1.0)`
            keeps q over the latent values at the data.
        noise: the thesis's epsilon, in [0, 0.5).
        slack: width of the step, 0 for the sharp one.
        bias: add a constant feature 1 (the constant 1 to a kernel), so that the boundary may miss the origin.

    Raises:
        ValueError: on wrong shapes, NaN (with its row), labels other than +-1, empty data, a kernel
            that does not return a symmetric (n, n) matrix, noise or slack out of range.
        NotSeparableError: noise = slack = 0 and no separator fits the labels.

    Example:
        >>> from epbook import ep
        >>> problem = BayesPoint([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]], [-1, -1, 1], bias=True)
        >>> result = ep(problem.posterior(), problem.terms)
        >>> result.mean.round(3).tolist(), problem.predict(result, [[2.0, 0.0]]).tolist()
        ([1.178, -0.514, -0.533], [1.0])

    Book: section 5.1.
    """

    def __init__(
        self,
        X: ArrayLike,
        y: ArrayLike,
        kernel: Kernel | None = None,
        noise: float = 0.0,
        slack: float = 0.0,
        bias: bool = False,
    ):
        self.X = finite_array("X", X, 2)
        self.y = signs("y", y, len(self.X))
        self.term = Step(noise, slack)
        self.terms = [self.term] * len(self.X)
        self.bias = bool(bias)
        if kernel is not None and (not callable(kernel) or isinstance(kernel, type)):
            raise ValueError(f"kernel must be None or a callable k(X, Y) such as GaussianKernel(1.0), not {kernel!r:.40}")
        self.kernel = kernel
        if kernel is None:
            self._signed = self.y[:, None] * self._features(self.X)
        else:
            gram = symmetric_matrix("the kernel's matrix", self._kernel(self.X, self.X))
            self._signed = self.y[:, None] * self.y * gram  # C of (5.89)
        blind = np.flatnonzero(~self._signed.any(axis=1))
        if blind.size:
            raise ValueError(f"point {blind[0]} is zero in every feature, so no w can classify it; use bias=True")
        if self.term.noise == 0 and self.term.slack == 0:
            self._require_separator()

    def _kernel(self, X, Y):
        """The kernel with its bias, checked: it may be anybody's function."""
        gram = finite_array("the kernel's matrix", self.kernel(X, Y), 2)
        if gram.shape != (len(X), len(Y)):
            raise ValueError(f"the kernel returned shape {gram.shape} for {len(X)} by {len(Y)} data points")
        return gram + self.bias

    def _features(self, X):
        return np.column_stack([X, np.ones(len(X))]) if self.bias else X

    def _require_separator(self):
        """Tell now, not after hours, that no posterior exists."""
        if self.kernel is not None:
            try:
                pivots = np.diag(np.linalg.cholesky(self._signed)) ** 2
                if pivots.min() > len(pivots) * np.finfo(float).eps * pivots.max():
                    return  # a positive-definite kernel matrix reaches every sign pattern
            except np.linalg.LinAlgError:
                pass
        rows = self._signed / np.abs(self._signed).max(axis=1, keepdims=True)
        answer = linprog(np.zeros(rows.shape[1]), A_ub=-rows, b_ub=-np.ones(len(rows)), bounds=(None, None))
        if answer.status == 2:
            raise NotSeparableError(
                "no separator fits these labels without error, so the noise-free posterior is empty; "
                "allow errors with noise > 0 (say 0.1) or slack > 0"
            )

    def posterior(self) -> LinearGaussian | KernelGaussian:
        """Where EP starts: the prior, in weight space or, with a kernel, in kernel space."""
        return LinearGaussian(self._signed) if self.kernel is None else KernelGaussian(self._signed)

    def log_likelihood(self, w: ArrayLike) -> np.ndarray:
        """log p(y | X, w) at weights w, shape (..., d), in weight space."""
        self._require_weights("log_likelihood")
        return self.term.log_value(np.asarray(w, dtype=float) @ self._signed.T).sum(axis=-1)

    def log_joint(self, w: ArrayLike) -> np.ndarray:
        """log p(y, w | X) at weights w, shape (..., d), in weight space."""
        w = np.asarray(w, dtype=float)
        return self.log_likelihood(w) - 0.5 * (w.shape[-1] * math.log(2 * math.pi) + (w**2).sum(axis=-1))

    def sample_prior(self, size: int, rng: int | np.random.Generator | None = None) -> np.ndarray:
        """`size` draws of the weights, shape (size, d), in weight space."""
        self._require_weights("sample_prior")
        return np.random.default_rng(rng).standard_normal((size, self._signed.shape[1]))

    def _require_weights(self, what):
        if self.kernel is not None:
            raise ValueError(f"{what} needs weight space, and this problem has a kernel")

    def exact(self) -> Exact:
        """Evidence, mean and covariance in closed form, for three weights and no slack.

        Raises:
            ValueError: for other problems.
        """
        self._require_weights("the closed form")
        if self.term.slack:
            raise ValueError("the closed form needs slack = 0")
        return cone_moments(self._signed, self.term.noise)

    def latent(self, result: Result, X: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of w.x under the posterior, each of shape (m,).

        Args:
            result: what `ep` returned for this problem.
            X: new points as rows, shape (m, d), unsigned.

        Raises:
            ValueError: on a wrong number of columns, NaN or infinity, or another problem's result.
        """
        X, seen, mean = self._project(result, X)
        posterior: Any = result.posterior
        if self.kernel is None:
            return mean, ((seen @ posterior.covariance) * seen).sum(axis=1)
        tau = np.array([site.precision for site in posterior.sites])
        factor = lu_factor(np.eye(len(tau)) + posterior.C * tau)
        explained = ((seen * tau) * lu_solve(factor, seen.T).T).sum(axis=1)  # k' (C + Lambda)^-1 k, no Lambda inverted
        prior = np.array([self._kernel(x[None], x[None]).item() for x in X])
        return mean, np.maximum(prior - explained, 0.0)

    def _project(self, result, X):
        """The checked points, what each sees (features, or signed kernels with the training points), and the mean of w.x."""
        X = finite_array("X", X, 2)
        if X.shape[1] != self.X.shape[1]:
            raise ValueError(f"X needs {self.X.shape[1]} columns as in training, not {X.shape[1]}")
        posterior: Any = getattr(result, "posterior", None)
        trained = getattr(posterior, "X" if self.kernel is None else "C", None)
        if trained is None or not np.array_equal(trained, self._signed):
            raise ValueError("this result belongs to another problem: it must come from ep(problem.posterior(), problem.terms)")
        if self.kernel is None:
            seen = self._features(X)
            return X, seen, seen @ posterior.mean
        seen = self._kernel(X, self.X) * self.y
        return X, seen, seen @ posterior.coefficients

    def predict(self, result: Result, X: ArrayLike) -> np.ndarray:
        """Labels +1 or -1 by the Bayes point (5.90), shape (m,). Arguments as in `latent`."""
        return np.where(self._project(result, X)[2] >= 0, 1.0, -1.0)

    def predict_proba(self, result: Result, X: ArrayLike) -> np.ndarray:
        """p(y = +1 | x, D), the full average (5.7), shape (m,). Arguments as in `latent`."""
        mean, variance = self.latent(result, X)
        scale = np.sqrt(variance + self.term.slack**2)
        z = np.divide(mean, scale, out=np.zeros_like(mean), where=scale > 0)  # a point without features: a coin
        return self.term.noise + (1 - 2 * self.term.noise) * ndtr(z)
