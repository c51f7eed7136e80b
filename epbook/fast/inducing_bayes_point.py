"""The Bayes Point Machine for many points: a kernel, seen through inducing points."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import solve_triangular

from ..checks import finite_array, signs, symmetric_matrix, whole_number
from ..errors import ConvergenceWarning
from ..expectation_propagation import ep
from ..kernels import tunable
from ..models import BayesPoint
from ..models.predictor import Kernel, KernelPredictor, kernel_diagonal, kernel_matrix
from ..result import Result
from ..terms import Step
from .inducing import InducingGaussian
from .moments import moments
from .sweeps import chunked_ep


class InducingBayesPoint(BayesPoint):
    """`BayesPoint` with a kernel, where q is kept at m inducing points: O(n m^2) a pass, and O(n m) memory.

    With all data as inducing points it is `BayesPoint`.  Predictions, probabilities, leave-one-out, the evidence and its
    gradient are asked for as there, and `maximise_evidence` tunes it, while the inducing points stay where they are.

    Args:
        X: data points as rows, shape (n, d), unsigned.
        y: labels, +1 or -1, shape (n,).
        kernel: a callable such as `epbook.kernels.GaussianKernel(1.0)`.
        inducing: how many of the data to choose as inducing points, far from each other (k-means++, which needs
            scikit-learn); or the points themselves, shape (m, d).
        noise, slack, bias: as in `BayesPoint`.
        jitter: what is added to the diagonal of the inducing points' kernel matrix, as a share of its average.
        rng: seed or numpy Generator, for the choice.

    Attributes:
        inducing: the inducing points, shape (m, d).
        signed: the features y_i L^-1 k_i that stand for the data, shape (n, m); read-only.

    Raises:
        ValueError: as `BayesPoint`, or if the inducing points' kernel matrix is not positive definite.
        ImportError: if points are to be chosen and scikit-learn is missing.

    Example:
        >>> from epbook import GaussianKernel
        >>> X = np.linspace(-2, 2, 200)[:, None]
        >>> problem = InducingBayesPoint(X, np.sign(X[:, 0] ** 2 - 1), GaussianKernel(0.7), 10, slack=0.3, rng=0)
        >>> problem.predict(problem.ep(), [[0.0], [1.5]]).tolist()
        [-1.0, 1.0]

    Book: section 8.2.
    """

    kernel: Any

    def __init__(
        self,
        X: ArrayLike,
        y: ArrayLike,
        kernel: Kernel,
        inducing: int | ArrayLike = 200,
        noise: float = 0.0,
        slack: float = 0.0,
        bias: bool = False,
        jitter: float = 1e-10,
        rng: int | np.random.Generator | None = None,
    ):
        # BayesPoint's own would make the n x n matrix
        self.X = finite_array("X", X, 2)
        self.y = signs("y", y, len(self.X))
        self.term = Step(noise, slack)
        self.terms = [self.term] * len(self.X)
        self.bias = bool(bias)
        if kernel is None or not callable(kernel) or isinstance(kernel, type):
            raise ValueError(f"kernel must be a callable k(X, Y) such as GaussianKernel(1.0), not {kernel!r:.40}")
        self.kernel, self.jitter = kernel, jitter
        self.inducing = _chosen(self.X, inducing, rng)
        self._prior = self._posterior()
        self.signed = self._prior.X

    def _posterior(self):
        """Prior of the inducing values, and how the data see them."""
        Kuu = symmetric_matrix("the kernel's matrix", kernel_matrix(self.kernel, self.bias, self.inducing, self.inducing))
        Kuf = kernel_matrix(self.kernel, self.bias, self.inducing, self.X)
        return InducingGaussian(Kuu, Kuf * self.y, kernel_diagonal(self.kernel, self.bias, self.X), self.jitter)

    def replace(self, **changes: Any) -> "InducingBayesPoint":
        """The same data, inducing points and settings but for `changes`, named as in the constructor."""
        now = {"kernel": self.kernel, "inducing": self.inducing, "noise": self.term.noise, "slack": self.term.slack}
        return InducingBayesPoint(self.X, self.y, **(now | {"bias": self.bias, "jitter": self.jitter} | changes))

    def posterior(self) -> InducingGaussian:
        """Where EP starts: the prior of the inducing values."""
        return self._prior.copy()

    def ep(self, method: str = "auto", **options: Any) -> Result:
        """EP's result.

        Args:
            method: "auto" refines many sites at once (`chunked_ep`), "sequential" one by one (`ep`).
            **options: for either, such as tol, passes, power and damping.

        Raises:
            ValueError: if there is no such method.
        """
        if method not in ("auto", "sequential"):
            raise ValueError(f'method must be "auto" or "sequential", not {method!r}')
        start: Any = self.posterior()
        return (chunked_ep if method == "auto" else ep)(start, self.terms, **options)

    def predictor(self, result: Result) -> "InducingPredictor":
        """What predicts from a result and can be kept without it: means, variances, labels, probabilities.

        Args:
            result: what `ep` returned for this problem.

        Raises:
            ValueError: on another problem's result.
        """
        return InducingPredictor(self, self._own(result, "inducing_values"))

    def _cavities(self, result):
        posterior = self._own(result, "cavities")
        if not result.converged:
            warnings.warn(f"the cavities are not at EP's fixed point: {result.status}", ConvergenceWarning, stacklevel=3)
        return posterior.cavities()

    def _by_parameters(self, posterior):
        """Every kernel value's weight times its derivative, the data in portions as large as the inducing points."""
        if not len(tunable(self.kernel)):
            return np.empty(0)
        _, gradient, curvature = moments(self.terms)(*posterior.cavities())
        weights = posterior.evidence_weights((gradient**2 - curvature) / 2)
        m, n = weights.Kuf.shape
        total = self.kernel.gradient(self.inducing, weights.Kuu)
        for rows in (slice(k, k + m) for k in range(0, n, m)):
            points = np.concatenate([self.inducing, self.X[rows]])
            both = np.zeros((len(points), len(points)))
            both[:m, m:] = weights.Kuf[:, rows] * self.y[rows]
            both.flat[m * (len(points) + 1) :: len(points) + 1] = weights.diagonal[rows]
            total = total + self.kernel.gradient(points, both)
        return total


class InducingPredictor(KernelPredictor):
    """Prediction from the inducing points alone.

    Book: section 8.2.
    """

    def __init__(self, problem, posterior):
        self.term, self.bias, self.columns = problem.term, problem.bias, problem.X.shape[1]
        self.kernel, self.X = problem.kernel, problem.inducing
        self.weights, self.offset = posterior.coefficients(), 0.0
        self.factor, self.learnt = posterior.factor, np.eye(len(self.X)) - posterior.covariance

    def _variance(self, X, seen):
        """k(x, x) minus what the data have taken away."""
        features = solve_triangular(self.factor, seen.T, lower=True, check_finite=False)
        taken = np.einsum("ij,ij->j", self.learnt @ features, features)
        return np.maximum(kernel_diagonal(self.kernel, self.bias, X) - taken, 0.0)


def _chosen(X, inducing, rng):
    """The inducing points: given, or chosen among the data."""
    if np.ndim(inducing):
        points = finite_array("inducing", inducing, 2)
        if points.shape[1] != X.shape[1]:
            raise ValueError(f"inducing needs {X.shape[1]} columns as X has, not {points.shape[1]}")
        return points
    count = whole_number("inducing", inducing, 1)
    if count >= len(X):
        return X
    try:
        from sklearn.cluster import kmeans_plusplus
    except ImportError:
        raise ImportError('to choose inducing points needs scikit-learn: pip install "epbook[sklearn]"; or pass them') from None
    seed = int(np.random.default_rng(rng).integers(2**31))
    return kmeans_plusplus(X, count, random_state=seed)[0]
