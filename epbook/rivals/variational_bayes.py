"""Variational Bayes: a bound on every term, the tightest that keeps the posterior conjugate."""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import entr, softmax

from ..checks import finite_array, number_in, whole_number
from ..result import Result
from .arguments import require


def variational_bayes(problem, shares: ArrayLike | None = None, passes: int = 1000, tol: float = 1e-12) -> Result:
    """A lower bound on the evidence from q(theta) q(labels)  (2.17)-(2.23), (3.67)-(3.76).

    Each pass takes the best q(theta) for the shares, records the bound, and takes the best shares
    for that q(theta).  The bound never falls.

    Args:
        problem: a `MixtureProblem`.
        shares: where to begin, each row the probabilities that datum i came from part k, shape (n, K); equal if None.
        passes: at most this many.
        tol: stop when no share changes by more than this.

    Returns:
        A `Result`; log_evidence is the bound, the posterior q(theta).

    Raises:
        ValueError: on a problem of another kind, shares of another shape or that are no probabilities, or options out of range.

    Example:
        >>> from epbook import ClutterProblem
        >>> problem = ClutterProblem([0.5, 2.1, 1.9, -4.0])
        >>> result = variational_bayes(problem)
        >>> result.converged, result.log_evidence < problem.exact().log_evidence
        (True, True)

    Book: sections 2.4 and 3.2.2.
    """
    passes, tol = whole_number("passes", passes, 1), number_in("tol", tol, 0, math.inf)
    require("variational_bayes", problem, "given", "expected_log_parts")
    labels = _equal_shares(problem) if shares is None else _checked(shares, problem.n, problem.parts)
    result = Result(problem.prior())
    for _ in range(passes):
        result.posterior, log_weight = problem.given(labels)
        result.record(log_weight + float(entr(labels).sum()), flops(problem))
        before, labels = labels, softmax(problem.expected_log_parts(result.posterior), axis=1)
        change = float(np.abs(labels - before).max())
        if change <= tol:
            break
    result.converged = change <= tol
    end = "" if result.converged else "; allow more passes to converge"
    result.status = (
        f"{'converged' if result.converged else 'stopped'}: shares changed by {change:.1e} in pass {result.passes}{end}"
    )
    return result


def flops(problem) -> int:
    """Operations of one pass: q(theta), the bound with its entropy, and the next shares."""
    return problem.given_flops + problem.expected_flops + 7 * problem.n * problem.parts


def _equal_shares(problem) -> np.ndarray:
    """The same share for every part that is possible at all."""
    possible = problem.expected_log_parts(problem.prior()) > -math.inf
    return possible / possible.sum(axis=1, keepdims=True)


def _checked(shares, n, parts) -> np.ndarray:
    """The shares, if they are what their name says."""
    shares = finite_array("shares", shares, 2)
    if shares.shape != (n, parts):
        raise ValueError(f"shares must have shape ({n}, {parts}), not {shares.shape}")
    if (shares < 0).any() or np.abs(shares.sum(axis=1) - 1).max() > 1e-8:
        raise ValueError("each row of shares must hold probabilities that sum to 1")
    return shares
