"""The Bayes Point Machine of thesis chapter 5: linear classification by averaging separators."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..checks import finite_array, signs, symmetric_matrix
from ..expectation_propagation import ep
from ..posteriors import KernelGaussian, LinearGaussian
from ..result import Result
from ..terms import Step
from .cavity_answers import CavityAnswers
from .exact import Exact, cone_moments
from .predictor import Kernel, KernelPredictor, Predictor, WeightPredictor, kernel_matrix, with_bias
from .separability import require_separator


MANY = 1000  # points in weight space, from which they are refined many at once


class BayesPoint(CavityAnswers):
    """Labels y_i = sign(w.x_i), wrong with probability `noise`, prior w ~ N(0, I)  (5.4), (5.6).

    Args:
        X: data points as rows, shape (n, d), unsigned.
        y: labels, +1 or -1, shape (n,).
        kernel: None keeps q over weights; a callable such as `epbook.kernels.GaussianKernel(1.0)`
            keeps q over the latent values at the data.
        noise: the thesis's epsilon, in [0, 0.5).
        slack: width of the step, 0 for the sharp one.
        bias: add a constant feature 1 (the constant 1 to a kernel), so that the boundary may miss the origin.

    Attributes:
        signed: the rows y_i x_i, shape (n, d), or with a kernel y_i y_j k(x_i, x_j), shape (n, n); read-only.

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
        self.signed = self._fold()
        blind = np.flatnonzero(~self.signed.any(axis=1))
        if blind.size:
            raise ValueError(f"point {blind[0]} is zero in every feature, so no w can classify it; use bias=True")
        self.signed.flags.writeable = False
        if self.term.noise == 0 and self.term.slack == 0:
            require_separator(self.signed, kernel is not None)

    def _fold(self):
        """The labels folded into the points."""
        if self.kernel is None:
            return self.y[:, None] * with_bias(self.X, self.bias)
        gram = symmetric_matrix("the kernel's matrix", kernel_matrix(self.kernel, self.bias, self.X, self.X))
        return self.y[:, None] * self.y * gram  # C of (5.89)

    def replace(self, **changes: Any) -> "BayesPoint":
        """The same data and settings but for `changes`, named as in the constructor."""
        now = {"kernel": self.kernel, "noise": self.term.noise, "slack": self.term.slack, "bias": self.bias}
        return BayesPoint(self.X, self.y, **(now | changes))

    def posterior(self) -> LinearGaussian | KernelGaussian:
        """Where EP starts: the prior, in weight space or, with a kernel, in kernel space."""
        return LinearGaussian(self.signed) if self.kernel is None else KernelGaussian(self.signed)

    def ep(self, method: str = "auto", **options: Any) -> Result:
        """EP's result, by what is fastest and safe; `ep(problem.posterior(), problem.terms)` is the plain loop.

        Args:
            method: "auto"; "sequential", the plain loop; with a kernel also "newton", "low-rank" and "blocked" (see
                `epbook.fast.kernel_ep`, which is "auto" there).  Without, "auto" takes many points at once from 1,000 on.
            **options: for the loop, such as tol and passes.

        Raises:
            ValueError: if there is no such method here.

        Example:
            >>> BayesPoint([[0.0], [1.0], [3.0]], [1, 1, -1], lambda X, Y: X @ Y.T, slack=1.0, bias=True).ep().converged
            True

        Book: section 8.1.
        """
        from ..fast import kernel_ep, linear_ep

        if self.kernel is not None:
            return kernel_ep(self.signed, self.terms, method=method, **options)
        if method not in ("auto", "sequential"):
            raise ValueError(f'without a kernel, method must be "auto" or "sequential", not {method!r}')
        if method == "auto" and len(self.X) >= MANY and not options.keys() & {"schedule", "rng", "restricted"}:
            return linear_ep(self.signed, self.term, **options)
        start: Any = self.posterior()
        return ep(start, self.terms, **options)

    def log_likelihood(self, w: ArrayLike) -> np.ndarray:
        """log p(y | X, w) at weights w, shape (..., d), in weight space."""
        self._require_weights("log_likelihood")
        return self.term.log_value(np.asarray(w, dtype=float) @ self.signed.T).sum(axis=-1)

    def log_joint(self, w: ArrayLike) -> np.ndarray:
        """log p(y, w | X) at weights w, shape (..., d), in weight space."""
        w = np.asarray(w, dtype=float)
        return self.log_likelihood(w) - 0.5 * (w.shape[-1] * math.log(2 * math.pi) + (w**2).sum(axis=-1))

    def sample_prior(self, size: int, rng: int | np.random.Generator | None = None) -> np.ndarray:
        """`size` draws of the weights, shape (size, d), in weight space."""
        self._require_weights("sample_prior")
        return np.random.default_rng(rng).standard_normal((size, self.signed.shape[1]))

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
        return cone_moments(self.signed, self.term.noise)

    def predictor(self, result: Result) -> Predictor:
        """What predicts from a result and can be kept without it: means, variances, labels, probabilities.

        Args:
            result: what `ep`, or a rival, returned for this problem.

        Raises:
            ValueError: on another problem's result.
        """
        posterior = self._own(result, "mean" if self.kernel is None else "coefficients")
        return (WeightPredictor if self.kernel is None else KernelPredictor)(self, posterior)

    def _own(self, result, *needs) -> Any:
        """The posterior of a result of this problem's."""
        posterior: Any = getattr(result, "posterior", None)
        if not all(hasattr(posterior, name) for name in ("signed", *needs)) or not np.array_equal(posterior.signed, self.signed):
            raise ValueError("this result belongs to another problem: it must come from ep(problem.posterior(), problem.terms)")
        return posterior

    def latent(self, result: Result, X: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of w.x under the posterior, each of shape (m,).

        Args:
            result: what `ep` returned for this problem.
            X: new points as rows, shape (m, d), unsigned.

        Raises:
            ValueError: on a wrong number of columns, NaN or infinity, another problem's result, or a rival's without a spread.
        """
        return self.predictor(result).latent(X)

    def predict(self, result: Result, X: ArrayLike) -> np.ndarray:
        """Labels +1 or -1 by the Bayes point (5.90), or by a rival's separator, shape (m,). Arguments as in `latent`."""
        return np.where(self.predictor(result).mean(X) >= 0, 1.0, -1.0)

    def predict_proba(self, result: Result, X: ArrayLike) -> np.ndarray:
        """p(y = +1 | x, D), the full average (5.7), shape (m,). Arguments as in `latent`."""
        return np.exp(self.predictor(result).log_probability(X)[:, 1])
