"""Hyperparameters by maximising EP's evidence: no validation set, and a gradient in closed form.

The search runs over the logs of the kernel's parameters and, if asked, of slack and noise.
"""

import math
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize

from .checks import number_in, whole_number
from .errors import ConvergenceWarning, NoMassError, NotSeparableError
from .kernels import tunable
from .models import BayesPoint
from .result import Result

FACTOR = 1e3  # how far the search may go from its start, either way
NOISE = (1e-6, 0.49)


class Tuned(NamedTuple):
    """A problem with its best hyperparameters, and EP's result for it.

    Book: section 5.7.
    """

    problem: BayesPoint
    result: Result


def maximise_evidence(
    problem: BayesPoint,
    *,
    noise: bool = False,
    slack: bool = False,
    restarts: int = 0,
    optimizer: Callable[..., Any] | None = None,
    rng: int | np.random.Generator | None = None,
    **options: Any,
) -> Tuned:
    """Tune a Bayes Point Machine: the kernel's parameters, and if asked its noise and its slack.

    The gradient is exact at a fixed point of EP only.  Where EP finds none, plain or with half steps, the search
    meets a wall that leads back to the best place so far; the answer is always a place where EP converged, if one was met.

    Args:
        problem: where to start; its kernel may offer `parameters`, `with_parameters` and `gradient` as `GaussianKernel` does.
        noise, slack: tune these too; they must start above 0.  The kernel's parameters and the slack stay within a
            factor of 1000 of their start, the noise between 1e-6 and 0.49.
        restarts: how many more searches start at random, each parameter within a factor of 10 of its start; the best wins.
        optimizer: None is L-BFGS-B; or a function of (objective, start, bounds) in logs, where objective(place) returns minus the
            log evidence and its gradient.  The best of all places visited is the answer, whatever the function returns.
        rng: seed or numpy Generator, for restarts.
        options: for `problem.ep`, such as tol, passes or method.

    Returns:
        (problem, result): the best problem, and what `ep` returned for it.

    Raises:
        ValueError: if there is nothing to tune, noise or slack should be tuned from 0 or noise from outside its bounds,
            or the kernel offers only a part of what tuning needs.

    Warns:
        ConvergenceWarning: if EP converged nowhere.

    Example:
        >>> from epbook import GaussianKernel
        >>> X = np.linspace(-2, 2, 20)[:, None]
        >>> start = BayesPoint(X, np.sign(X[:, 0] ** 2 - 1), GaussianKernel(0.2), slack=0.3)
        >>> problem, result = maximise_evidence(start)
        >>> round(problem.kernel.width, 1), result.converged
        (0.7, True)

    Book: section 5.7.
    """
    rng = np.random.default_rng(rng)
    search = _Search(problem, noise, slack, options)
    start, bounds = search.start, search.bounds
    away = rng.uniform(-math.log(10), math.log(10), (whole_number("restarts", restarts, 0), len(start)))
    for theta in [start, *np.clip(start + away, *bounds.T)]:
        (optimizer or _l_bfgs)(search, theta, bounds)
    if search.best is not None:
        return search.best
    result = fixed_point(problem, **options)
    advice = "EP converged nowhere, so nothing was tuned; try restarts, another start or slack > 0"
    warnings.warn(f"{advice}. At the start: {result.status}", ConvergenceWarning, stacklevel=2)
    return Tuned(problem, result)


def _l_bfgs(objective, start, bounds):
    """scipy's L-BFGS-B, in the form of scikit-learn's optimizers."""
    minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-7, "maxiter": 100})


class _Search:
    """Minus the log evidence and its gradient, as a function of the logs of what is tuned; it remembers the best."""

    def __init__(self, problem, noise, slack, options):
        self.problem, self.options = problem, options
        self.tuned = [name for name, wanted in (("noise", noise), ("slack", slack)) if wanted]
        values = np.append(tunable(problem.kernel), [getattr(problem.term, name) for name in self.tuned])
        if not values.size:
            raise ValueError("there is nothing to tune: the kernel has no parameters, and neither noise nor slack is asked for")
        if not values.min() > 0:
            raise ValueError(f"noise and slack are tuned on a log scale, so they must start above 0: {problem.term!r}")
        self.start = np.log(values)
        self.bounds = self.start[:, None] + math.log(FACTOR) * np.array([-1, 1])
        if noise:
            number_in("noise, where it is tuned,", problem.term.noise, *NOISE)
            self.bounds[-len(self.tuned)] = np.log(NOISE)
        self.best, self.lowest, self.place = None, math.inf, self.start

    def at(self, theta):
        """The problem with these hyperparameters."""
        values = np.exp(theta)
        several = len(values) - len(self.tuned)
        changes = dict(zip(self.tuned, values[several:].tolist(), strict=True))
        if several:
            changes["kernel"] = self.problem.kernel.with_parameters(values[:several])
        return self.problem.replace(**changes)

    def __call__(self, theta, eval_gradient=True):
        theta = np.asarray(theta, dtype=float)
        try:
            problem = self.at(theta)
            result = fixed_point(problem, **self.options)
        except (NotSeparableError, NoMassError):
            result = None
        if result is None or not result.converged:
            value, gradient = self._wall(theta)
        else:
            value, gradient = -result.log_evidence, -self._gradient(problem, result)
            if value < self.lowest:
                self.best, self.lowest, self.place = Tuned(problem, result), value, theta.copy()
        return (value, gradient) if eval_gradient else value

    def _gradient(self, problem, result):
        gradient = problem.log_evidence_gradient(result)
        logs = [getattr(gradient, name) * getattr(problem.term, name) for name in self.tuned]
        return np.concatenate([gradient.log_parameters, logs])

    def _wall(self, theta):
        """Above everything met so far, and rising away from the best place."""
        away = theta - self.place
        level = self.lowest if self.best else len(self.problem.y) * math.log(2)
        return level + 1 + away @ away, 2 * away


def fixed_point(problem: BayesPoint, **options: Any) -> Result:
    """EP's result; with half steps where whole ones do not converge.

    Args:
        problem: a problem with `ep()`, such as a `BayesPoint`.
        options: for `problem.ep`, such as tol, passes or method.

    Example:
        >>> fixed_point(BayesPoint([[1.0], [2.0]], [1, 1])).converged
        True

    Book: section 5.7.
    """
    options = {"tol": 1e-6} | options
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the result tells, and the caller looks
        result = problem.ep(**options)
        return result if result.converged else problem.ep(**(options | {"damping": 0.5}))
