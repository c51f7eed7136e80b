"""The Bayes Point Machine as a scikit-learn classifier; needs the extra `epbook[sklearn]`."""

import math
import warnings

import numpy as np
from scipy.special import log_softmax

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ImportError("BayesPointClassifier is a scikit-learn estimator: pip install 'epbook[sklearn]'") from error

from .checks import whole_number
from .errors import ConvergenceWarning
from .evidence import fixed_point, maximise_evidence
from .kernels import GaussianKernel, LinearKernel, PolynomialKernel, tunable
from .models import BayesPoint


class BayesPointClassifier(ClassifierMixin, BaseEstimator):
    """A Bayes Point Machine trained by expectation propagation, with scikit-learn's interface.

    Several classes are learned one against the rest, and the probabilities normalised.  Features should be on one
    scale, for instance behind a `StandardScaler`.

    Args:
        kernel: "rbf", "linear", "poly", or a callable k(X, Y) such as `GaussianKernel([1.0, 3.0])`.
        width: of "rbf", in the units of the data: a number, one for each feature, or "scale", sqrt(d var(X) / 2): the
            kernel of `SVC(gamma="scale")`, sqrt(d / 2) on standardised data.
        degree: of "poly".
        noise: probability that a label is wrong whatever its point, in [0, 0.5).
        slack: width of the step from one class to the other, in units of the latent value.  The default, without noise,
            lets classes overlap and leaves the posterior log-concave, so that EP meets no improper cavity.
            With noise = slack = 0 a class that no separator sets apart is refused.
        bias: add a constant feature 1, or 1 to the kernel.
        optimizer: "fmin_l_bfgs_b" maximises the evidence over the kernel's parameters, and over slack and noise where they
            are above 0; None keeps all as given; a callable replaces it (see `epbook.evidence.maximise_evidence`).
            A kernel of scikit-learn's stays as it is: the module `epbook.kernels` tells what tuning needs.
        n_restarts_optimizer: how many more searches start at random.
        max_iter: at most this many passes of EP.
        method: how EP runs: "auto" for what is fastest and safe, "sequential" for the plain loop, or another of `BayesPoint.ep`.
        tol: moments match when no mismatch reaches this (see `Result.mismatch`).
        random_state: seed, RandomState or None, for the restarts.

    Attributes:
        classes_: the labels, sorted.
        n_features_in_, feature_names_in_: as everywhere in scikit-learn.
        log_evidence_: log p(D) of the two classes; with several an array, for each class against the rest.  These are
            evidences of different data, so their sum is no evidence of the whole.
        kernel_, noise_, slack_, status_, n_iter_: what was used, how EP ended, and its passes; with several classes a list each.
        predictors_: what predicts, one for two classes, else one a class; no array of them is n x n.

    Raises:
        ValueError: by `fit`, on parameters out of range, one class, NaN, or inseparable labels where noise = slack = 0.

    Warns:
        ConvergenceWarning: where EP did not converge, even with half steps, and restricted sites, which always stay
            proper, took its place; `status_` then begins with "restricted".

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> model = BayesPointClassifier(optimizer="fmin_l_bfgs_b").fit(X, y)
        >>> model.predict(X[:2]).tolist(), model.predict_proba(X[:2]).shape, model.log_evidence_.shape
        ([0, 0], (2, 3), (3,))

    Book: section 5.5.
    """

    def __init__(
        self,
        kernel="rbf",
        *,
        width="scale",
        degree=3,
        noise=0.0,
        slack=0.3,
        bias=True,
        optimizer=None,
        n_restarts_optimizer=0,
        max_iter=100,
        tol=1e-4,
        method="auto",
        random_state=None,
    ):
        self.kernel = kernel
        self.width = width
        self.degree = degree
        self.noise = noise
        self.slack = slack
        self.bias = bias
        self.optimizer = optimizer
        self.n_restarts_optimizer = n_restarts_optimizer
        self.max_iter = max_iter
        self.tol = tol
        self.method = method
        self.random_state = random_state

    def fit(self, X, y):
        """Learn from points X, shape (n, d), and labels y, shape (n,)."""
        X, y = validate_data(self, X, y, dtype=float)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"a classifier needs two classes, and y has one class only: {self.classes_[0]}")
        kernel, rng = self._kernel(X), check_random_state(self.random_state)
        positives = range(len(self.classes_)) if len(self.classes_) > 2 else [1]
        labels = [np.where(codes == positive, 1.0, -1.0) for positive in positives]
        trained = [self._train(BayesPoint(X, label, kernel, self.noise, self.slack, self.bias), rng) for label in labels]
        self.predictors_ = [problem.predictor(result) for problem, result in trained]
        self._report(*zip(*trained, strict=True))
        for _, result in trained:
            if not result.status.startswith("converged"):
                warnings.warn(result.status, ConvergenceWarning, stacklevel=2)
        return self

    def _kernel(self, X):
        """The kernel by name; None is weight space, where it is the cheaper one."""
        if callable(self.kernel):
            return self.kernel
        if self.kernel == "linear":
            return None if X.shape[1] < len(X) else LinearKernel()
        if self.kernel == "poly":
            return PolynomialKernel(self.degree)
        if self.kernel != "rbf":
            raise ValueError(f"kernel must be 'rbf', 'linear', 'poly' or a callable k(X, Y), not {self.kernel!r}")
        if isinstance(self.width, str):
            if self.width != "scale":
                raise ValueError(f"width must be 'scale', a number or one for each feature, not {self.width!r}")
            with np.errstate(over="ignore"):
                variance = X.var()
            if not np.isfinite(variance):
                raise ValueError("X is so large that its variance overflows: scale the features, say by a StandardScaler")
            return GaussianKernel(math.sqrt(X.shape[1] * variance / 2) or 1.0)
        return GaussianKernel(self.width)

    def _train(self, problem, rng):
        """The problem, tuned if asked, and EP's result for it."""
        if not (self.optimizer in (None, "fmin_l_bfgs_b") or callable(self.optimizer)):
            raise ValueError(f"optimizer must be None, 'fmin_l_bfgs_b' or a callable, not {self.optimizer!r}")
        options = {"passes": whole_number("max_iter", self.max_iter, 1), "tol": self.tol, "method": self.method}
        noise, slack = problem.term.noise > 0, problem.term.slack > 0
        if self.optimizer is None or not (noise or slack or len(tunable(problem.kernel))):
            return _with_fallback(problem, fixed_point(problem, **options), options)
        search = self.optimizer if callable(self.optimizer) else None
        seed, restarts = rng.randint(2**31 - 1), self.n_restarts_optimizer
        tuned = maximise_evidence(problem, noise=noise, slack=slack, restarts=restarts, optimizer=search, rng=seed, **options)
        return _with_fallback(*tuned, options)

    def _report(self, problems, results):
        """The fitted attributes: one value for two classes, else one a class."""
        several = len(results) > 1
        for name, values in {
            "kernel_": [problem.kernel or LinearKernel() for problem in problems],
            "noise_": [problem.term.noise for problem in problems],
            "slack_": [problem.term.slack for problem in problems],
            "status_": [result.status for result in results],
            "n_iter_": [result.passes for result in results],
        }.items():
            setattr(self, name, values if several else values[0])
        evidence = np.array([result.log_evidence for result in results])
        self.log_evidence_ = evidence if several else float(evidence[0])

    def decision_function(self, X):
        """The latent mean in units of its spread: shape (m,), positive for the second of two classes; (m, classes) for more."""
        z = self._ask(X, lambda predictor, X: predictor.standardised(X))
        return z[0] if len(z) == 1 else np.column_stack(z)

    def predict(self, X):
        """The labels, shape (m,): by the Bayes point (5.90), or of several classes the one with the highest score."""
        check_is_fitted(self)
        if len(self.classes_) > 2:
            return self.classes_[self.decision_function(X).argmax(axis=1)]
        (mean,) = self._ask(X, lambda predictor, X: predictor.mean(X))
        return self.classes_[(mean > 0).astype(int)]

    def predict_log_proba(self, X):
        """The log of `predict_proba`, accurate however small."""
        logs = self._ask(X, lambda predictor, X: predictor.log_probability(X))
        return logs[0] if len(logs) == 1 else log_softmax(np.column_stack([log[:, 1] for log in logs]), axis=1)

    def predict_proba(self, X):
        """The probability of each class, averaged over all separators (5.7), shape (m, classes)."""
        return np.exp(self.predict_log_proba(X))

    def _ask(self, X, question):
        check_is_fitted(self)
        X = validate_data(self, X, dtype=float, reset=False)
        return [question(predictor, X) for predictor in self.predictors_]


def _with_fallback(problem, result, options):
    """The same, or where EP did not converge the answer of restricted sites, which says so in its status."""
    if result.converged:
        return problem, result
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        safe = problem.ep(**(options | {"method": "sequential", "restricted": True, "damping": 0.5}))
    safe.status = f"restricted, for plain EP was {result.status}; restricted EP {safe.status}"
    return problem, safe
