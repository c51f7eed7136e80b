"""The smallest models for variational message passing: a Gaussian of unknown mean and precision, and the clutter problem."""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.special import logsumexp, softmax

from ..checks import finite_array, number_in
from ..families import Categoricals, Gammas, Gaussians, VectorGaussians
from ..families.gaussian import LOG_2PI
from ..families.plates import Plates
from ..terms.conjugate import GammaFactor, GaussianFactor, VectorGaussianFactor
from ..terms.conjugate_discrete import CategoricalFactor, Gate
from .clutter import ClutterProblem
from .exact import Exact


class UnknownGaussian:
    """Data from one Gaussian: mean ~ N(prior_mean, 1 / prior_precision) and precision ~ Gamma(shape, rate), independent.

    Args:
        x: shape (n,).
        prior_mean: a number.
        prior_precision, shape, rate: positive.

    Attributes:
        factors: for `vmp`, of the variables "mean" and "precision".

    Raises:
        ValueError: on NaN, infinity, or numbers out of range.

    Example:
        >>> from epbook import vmp
        >>> model = UnknownGaussian([1.9, 2.0, 1.0, 1.9, 2.4])
        >>> result = vmp(model.factors, model.start())
        >>> result.log_evidence < model.exact().log_evidence
        True

    Book: chapter 7.
    """

    def __init__(
        self, x: ArrayLike, prior_mean: float = 0.0, prior_precision: float = 0.01, shape: float = 1.0, rate: float = 1.0
    ):
        self.x = finite_array("x", x, 1)
        self.prior_mean = number_in("prior_mean", prior_mean, -math.inf, math.inf)
        self.prior_precision = number_in("prior_precision", prior_precision, 0, math.inf, open_low=True)
        self.shape = number_in("shape", shape, 0, math.inf, open_low=True)
        self.rate = number_in("rate", rate, 0, math.inf, open_low=True)
        self.factors = [
            GaussianFactor("mean", self.prior_mean, self.prior_precision),
            GammaFactor("precision", self.shape, self.rate),
            GaussianFactor(self.x, "mean", "precision"),
        ]

    def start(self) -> dict[str, Plates]:
        """A q to begin at: the precision at its prior, the mean to be updated first."""
        return {"mean": Gaussians(self.prior_mean, 1 / self.prior_precision), "precision": Gammas(self.shape, self.rate)}

    def log_joint(self, precision: ArrayLike) -> np.ndarray:
        """log p(data, precision), the mean integrated out, at precisions of any shape."""
        tau, n, beta = np.asarray(precision, dtype=float), len(self.x), self.prior_precision
        within, gap = np.sum((self.x - self.x.mean()) ** 2), self.x.mean() - self.prior_mean
        total = beta + n * tau
        square = tau * within + beta * n * tau / total * gap**2
        likelihood = 0.5 * (n * (np.log(tau) - LOG_2PI) + math.log(beta) - np.log(total) - square)
        return likelihood + stats.gamma.logpdf(tau, self.shape, scale=1 / self.rate)

    def exact(self) -> Exact:
        """Evidence, and the moments of (mean, precision), by the trapezoid rule over log precision."""
        shape, within = self.shape + len(self.x) / 2, np.sum((self.x - self.x.mean()) ** 2)
        rate = self.rate + within / 2
        farthest = rate + len(self.x) * (self.x.mean() - self.prior_mean) ** 2 / 2
        low = math.log(min(shape / farthest, self.prior_precision / len(self.x))) - 50 / shape - 12 / math.sqrt(shape)
        high = math.log((shape + 12 * math.sqrt(shape) + 50) / rate)
        log_tau = np.arange(low, high, 0.1 / math.sqrt(shape))
        tau = np.exp(log_tau)
        log_weight = self.log_joint(tau) + log_tau
        weight, total = softmax(log_weight), self.prior_precision + len(self.x) * tau
        points = np.stack([(self.prior_precision * self.prior_mean + tau * self.x.sum()) / total, tau])
        mean = points @ weight
        covariance = np.cov(points, aweights=weight, ddof=0)
        covariance[0, 0] += weight @ (1 / total)
        return Exact(float(logsumexp(log_weight)) + math.log(log_tau[1] - log_tau[0]), mean, covariance)


class ConjugateClutter:
    """The clutter problem with a label for each datum, 0 for signal and 1 for clutter: variational Bayes as messages.

    Args:
        problem: a `ClutterProblem`, its w neither 0 nor 1.

    Attributes:
        factors: for `vmp`, of the variables "theta" and "label".

    Raises:
        ValueError: if w is 0 or 1: then there are no labels to infer.

    Example:
        >>> from epbook import ClutterProblem, vmp
        >>> from epbook.rivals import variational_bayes
        >>> problem = ClutterProblem.sample(20, rng=0)
        >>> model = ConjugateClutter(problem)
        >>> result = vmp(model.factors, model.start(), tol=1e-10)
        >>> abs(result.log_evidence - variational_bayes(problem).log_evidence) < 1e-10
        True

    Book: chapter 7.
    """

    def __init__(self, problem: ClutterProblem):
        if not 0 < problem.w < 1:
            raise ValueError(f"with w = {problem.w:g} every label is known: VMP has nothing to infer but theta")
        x = problem.x[:, None] if problem.x.ndim == 1 else problem.x
        self.n, d = x.shape
        self._prior = VectorGaussians(np.zeros(d), problem.prior_variance * np.eye(d))
        clutter = np.eye(d) / problem.clutter_variance
        self.factors = [
            VectorGaussianFactor("theta", np.zeros(d), self._prior.precision),
            CategoricalFactor("label", [1 - problem.w, problem.w]),
            Gate("label", VectorGaussianFactor(x, "theta", np.eye(d)), state=0),
            Gate("label", VectorGaussianFactor(x, np.zeros(d), clutter), state=1),
        ]

    def start(self) -> dict[str, Plates]:
        """A q to begin at: equal shares of signal and clutter, theta to be updated first."""
        return {"theta": self._prior, "label": Categoricals(np.ones((self.n, 2)))}
