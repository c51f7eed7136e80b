"""Jensen's bound: the best Gaussian by the reverse divergence (2.10)-(2.14)."""

import math
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from ..checks import number_in
from ..families import Gaussian
from ..models.mixture import MixtureProblem
from ..result import Result
from .arguments import require_one_dimension
from .normal_grid import KNOTS, WEIGHTS
from .variational_bayes import variational_bayes

SCORES = np.stack([WEIGHTS, WEIGHTS * KNOTS, WEIGHTS * (KNOTS**2 - 1)])
KNOT_FLOPS = 8  # beside log_joint: the knot's place and three sums


def jensen(problem: Any, start: tuple[float, float] | None = None, tol: float = 1e-5) -> Result:
    """Maximise log I >= integral of q log(f / q)  (2.13) over all Gaussians q, in one dimension.

    This minimises KL(q || f), which is what power EP does as its power goes to 0.
    Bends of log f narrower than a hundredth of q's width fall between the knots; the slopes then stay above tol.
    Where f vanishes on an interval no Gaussian has a finite bound: `log_evidence` is then -inf.

    Args:
        problem: one-dimensional, with `log_joint`.
        start: mean and variance of the first q; by default those of variational Bayes after a pass, where the problem
            is a mixture, else the prior's. Of several maxima one near the start is found.
        tol: converged when neither slope of the bound, by mean / sd and by log sd of q, is larger.

    Returns:
        A `Result` with one snapshot an iteration; its posterior is q.

    Raises:
        ValueError: if theta is not one number, or start is not a mean and a variance.

    Example:
        >>> from epbook import LogisticIntegrand
        >>> problem = LogisticIntegrand()
        >>> jensen(problem).log_evidence < problem.exact().log_evidence
        True

    Book: section 2.4.
    """
    require_one_dimension(problem, "jensen")
    (mean, variance), spent = _default_start(problem) if start is None else (_checked(start), [])
    q = Gaussian.from_moments(mean, variance)
    result, tol = Result(q), number_in("tol", tol, 0, math.inf, open_low=True)

    def loss(parameters):
        spent.append(len(KNOTS) * (problem.flops + KNOT_FLOPS))
        bound, slopes = bound_and_slopes(problem, *parameters)
        return -bound, -slopes

    def note(intermediate_result):
        mean, log_sd = intermediate_result.x
        result.posterior = Gaussian.from_moments(mean, math.exp(2 * log_sd))
        result.record(-float(intermediate_result.fun), sum(spent))
        spent.clear()

    begin = OptimizeResult(x=np.array([mean, 0.5 * math.log(variance)]))
    begin.fun, slopes = loss(begin.x)
    note(begin)
    if begin.fun < math.inf:
        slopes = minimize(loss, begin.x, jac=True, method="BFGS", callback=note, options={"gtol": 1e-3 * tol}).jac
    steepest = max(abs(slopes[0]) * math.sqrt(result.variance), abs(slopes[1]))
    result.converged = bool(steepest < tol)
    remedy = "" if result.converged else "; try another start"
    result.status = f"slope of the bound {steepest:.1e} after {result.passes - 1} iterations{remedy}"
    if begin.fun == math.inf:
        result.status = "the bound is minus infinity: the integrand vanishes where every Gaussian has mass"
    return result


def _default_start(problem):
    """A first mean and variance, and what they cost: a prior may be too wide for the slopes to show where the data are."""
    if isinstance(problem, MixtureProblem):
        first = variational_bayes(problem, passes=1)
        return (first.mean, first.variance), [first.history[0].flops]
    prior = problem.posterior()
    return (prior.mean, prior.variance), []


def _checked(start):
    if np.shape(start) != (2,):
        raise ValueError(f"start must be a mean and a variance, not {start!r}")
    return start


def bound_and_slopes(problem: Any, mean: float, log_sd: float) -> tuple[float, np.ndarray]:
    """Jensen's bound (2.13) for q = N(mean, exp(2 log_sd)), and its slopes by mean and log_sd, shape (2,).

    A slope of an expectation is an expectation: d/dmean is that of log f times the score (theta - mean) / variance.

    Example:
        >>> from epbook import LogisticIntegrand
        >>> bound, slopes = bound_and_slopes(LogisticIntegrand(a=0, b=0), 0.0, 0.0)
        >>> round(math.exp(bound), 9), bool((abs(slopes) < 1e-9).all())
        (0.5, True)
    """
    sd = math.exp(log_sd)
    log_f = problem.log_joint(mean + sd * KNOTS)
    if not np.isfinite(log_f).all():
        return -math.inf, np.full(2, math.nan)
    expected, by_mean, by_log_sd = SCORES @ log_f
    entropy = log_sd + 0.5 * (math.log(2 * math.pi) + 1)
    return float(expected + entropy), np.array([by_mean / sd, by_log_sd + 1])
