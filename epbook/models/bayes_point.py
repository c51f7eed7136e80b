"""The Bayes Point Machine of thesis chapter 5: linear classification by averaging separators."""

import math
import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import erf

from ..checks import finite_array, signs, symmetric_matrix
from ..errors import ConvergenceWarning, ImproperPosteriorError
from ..kernels import tunable
from ..posteriors import KernelGaussian, LinearGaussian
from ..result import Result
from ..terms import Step
from .exact import Exact, cone_moments
from .predictor import Kernel, KernelPredictor, Predictor, WeightPredictor, kernel_matrix, with_bias
from .separability import require_separator


class EvidenceGradient(NamedTuple):
    """Derivatives of EP's log evidence.

    Attributes:
        log_parameters: in the log of each parameter of the kernel, shape (p,); empty without any.
        noise: in the noise.
        slack: in the slack.

    Book: section 5.7.
    """

    log_parameters: np.ndarray
    noise: float
    slack: float


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

    def _cavities(self, result):
        """Mean and variance of every w.y_i x_i given all data but the i-th, each of shape (n,)."""
        posterior = self._own(result, "sites", "marginal")
        cavities = [posterior.marginal(i) / site for i, site in enumerate(posterior.sites)]
        improper = [i for i, cavity in enumerate(cavities) if not cavity.is_proper]
        if improper:
            raise ImproperPosteriorError(f"the cavity of point {improper[0]} is improper: see result.status")
        if not result.converged:
            warnings.warn(f"the cavities are not at EP's fixed point: {result.status}", ConvergenceWarning, stacklevel=3)
        return np.array([cavity.mean for cavity in cavities]), np.array([cavity.variance for cavity in cavities])

    def leave_one_out(self, result: Result) -> np.ndarray:
        """p(y_i | x_i, all other data) as EP's cavities tell it, shape (n,): no run but the one that was made.

        Args:
            result: what `ep` returned for this problem.

        Raises:
            ValueError: on another problem's result, or a rival's without sites.
            ImproperPosteriorError: if EP left a cavity improper.

        Example:
            >>> from epbook import ep
            >>> problem = BayesPoint([[0.0, 1.0], [0.1, 1.0], [2.0, -1.0]], [1, 1, -1], noise=0.1)
            >>> problem.leave_one_out(ep(problem.posterior(), problem.terms)).round(2).tolist()
            [0.79, 0.76, 0.61]

        Book: section 5.4.
        """
        return np.exp(self._log_z(*self._cavities(result))[1])

    def _log_z(self, mean, variance):
        """The standardised distance z, and log Z (5.17), of many cavities at once."""
        z = mean / np.sqrt(variance + self.term.slack**2)
        return z, Step(self.term.noise, 1.0).log_value(z)

    def log_evidence_gradient(self, result: Result) -> EvidenceGradient:
        """Derivatives of the log evidence at EP's fixed point, in closed form.

        There the evidence is stationary in the sites and cavities, which may therefore stand still while the model
        changes.  The prior enters through log |I + C / Lambda| and the mean only: a change dC of the kernel matrix adds
        beta' dC beta / 2 - tr((C + Lambda)^-1 dC) / 2.  The terms enter through log Z_i only.

        Args:
            result: what `ep` returned for this problem, converged.

        Raises:
            ValueError: on another problem's result, or a rival's without sites.
            ImproperPosteriorError: if EP left a cavity improper.

        Example:
            >>> from epbook import GaussianKernel, ep
            >>> problem = BayesPoint([[0.0], [1.0], [3.0]], [1, 1, -1], GaussianKernel(1.0), slack=1.0)
            >>> problem.log_evidence_gradient(ep(problem.posterior(), problem.terms)).log_parameters.round(4).tolist()
            [-0.0026]

        Book: section 5.7.
        """
        mean, variance = self._cavities(result)
        z, log_z = self._log_z(mean, variance)
        noise, slack = self.term.noise, self.term.slack
        by_noise = -erf(z / math.sqrt(2)) * np.exp(-log_z)
        height = (1 - 2 * noise) / math.sqrt(2 * math.pi) * np.exp(-0.5 * z**2 - log_z)  # of N(z) over Z: no 0 / 0
        by_slack = -height * z * slack / (variance + slack**2)
        return EvidenceGradient(self._by_parameters(result.posterior), float(by_noise.sum()), float(by_slack.sum()))

    def _by_parameters(self, posterior):
        if not len(tunable(self.kernel)):
            return np.empty(0)
        tau = np.array([site.precision for site in posterior.sites])
        alpha, inverse = posterior.coefficients, posterior.solve(np.diag(tau))  # the latter (C + Lambda)^-1
        weights = 0.5 * (np.outer(alpha, alpha) - inverse)
        return self.kernel.gradient(self.X, self.y[:, None] * self.y * weights)
