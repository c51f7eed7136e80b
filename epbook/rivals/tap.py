"""Opper and Winther's TAP equations: the fixed point of EP, reached by small steps of coefficients."""

import math
import warnings
from typing import Any

import numpy as np

from ..checks import number_in, whole_number
from ..errors import ConvergenceWarning, ImproperPosteriorError, NoMassError
from ..families import Gaussian
from ..result import Result
from .arguments import require


def tap(problem: Any, rate: float = 0.1, passes: int = 1000, tol: float = 1e-10) -> Result:
    """Move alpha_1, alpha_2, ... a little toward what their cavities ask, then take lambda from all sites  (5.85), (5.88).

    EP keeps a precision and a shift for each site, and the whole posterior up to date with each.  TAP keeps alpha,
    has h = C alpha up to date, and lambda once a pass.  A fixed point of one is a fixed point of the other (thesis 5.4).

    Args:
        problem: a `BayesPoint`.
        rate: the share of each step that is made, in (0, 1].  With a kernel 0.1 may diverge, and a smaller one too,
            where EP converges.
        passes: at most this many.
        tol: stop when no moment mismatch of a pass reaches this (see `Result.mismatch`).

    Returns:
        A `Result` like EP's, with EP's log evidence, of which TAP knows nothing.
            Unless it converged, a `ConvergenceWarning` tells its status.

    Raises:
        ValueError: on a problem of another kind, or options out of range.

    Example:
        >>> from epbook import BayesPoint
        >>> problem = BayesPoint([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]], [-1, -1, 1], bias=True)
        >>> tap(problem).mean.round(3).tolist()
        [1.178, -0.514, -0.533]

    Book: section 5.4.
    """
    require("tap", problem, "signed", "terms", "posterior")
    rate = number_in("rate", rate, 0, 1, open_low=True)
    passes, tol = whole_number("passes", passes, 1), number_in("tol", tol, 0, math.inf)
    q, alpha = problem.posterior(), np.zeros(len(problem.terms))
    result = Result(q)
    for _ in range(passes):
        try:
            mismatch, skipped = _pass(problem, q, alpha, rate)
        except (ImproperPosteriorError, NoMassError):
            mismatch, skipped = math.inf, 0
        result.record(q.log_evidence() if mismatch < math.inf else math.nan, flops(problem, q), mismatch, skipped)
        result.converged = mismatch < tol and not skipped
        if result.converged or not mismatch < math.inf:
            break
    result.status = _status(result, rate)
    if not result.converged:
        warnings.warn(result.status, ConvergenceWarning, stacklevel=2)
    return result


def _pass(problem, q, alpha, rate):
    """Refine every alpha in turn, give q the sites that follow, and tell the mismatch and how many were skipped."""
    cavities = [q.marginal(i) / site for i, site in enumerate(q.sites)]
    sites, tilted, skipped = list(q.sites), list[Any](cavities), 0
    latent = _Latent(problem, alpha)
    for i, (cavity, term) in enumerate(zip(cavities, problem.terms, strict=True)):
        if not cavity.is_proper:
            skipped += 1
            continue
        spread = cavity.variance  # lambda_i
        cavity = Gaussian(cavity.precision, latent[i] / spread - alpha.item(i))  # mean h_i - lambda_i alpha_i  (5.64)
        log_z, tilted[i] = cavity.moment_match(term)
        sites[i] = tilted[i] / cavity
        q.log_scales[i] = log_z + cavity.log_normaliser - tilted[i].log_normaliser
        latent.move(i, rate * ((tilted[i].mean - cavity.mean) / spread - alpha.item(i)))  # (5.67)
    moved = zip(sites, alpha.tolist(), latent.all().tolist())  # with these shifts, the mean of q is C alpha
    q.update(range(len(sites)), [Gaussian(site.precision, a + site.precision * h) for site, a, h in moved])
    gaps = [q.marginal(i).divergence(t) for i, t in enumerate(tilted) if t.is_proper]
    return math.sqrt(max(0.0, *gaps)), skipped


class _Latent:
    """h = C alpha  (5.85), entry by entry while alpha moves; in weight space by w = X' alpha."""

    def __init__(self, problem, alpha):
        self.signed, self.alpha, self.kernel = problem.signed, alpha, problem.kernel is not None
        self.w = alpha if self.kernel else alpha @ self.signed

    def __getitem__(self, i):
        return float(self.signed[i] @ self.w)

    def move(self, i, step):
        self.alpha[i] += step
        if not self.kernel:
            self.w = self.w + step * self.signed[i]

    def all(self):
        return self.signed @ self.w


def _status(result, rate):
    """One sentence on how it ended."""
    last, made = result.history[-1], result.passes
    if result.converged:
        return f"converged: moments match to {last.mismatch:.1e} after {made} passes"
    if not last.mismatch < math.inf:
        return f"diverged in pass {made} at rate {rate:g}; try a smaller rate, or ep, which needs none"
    if last.skipped:
        return f"improper: {last.skipped} cavities had no normaliser in pass {made}; try a smaller rate"
    return f"stopped after {made} passes at mismatch {last.mismatch:.1e}; allow more passes, or another rate"


def flops(problem: Any, posterior: Any) -> int:
    """Operations of one pass: all terms, h entry by entry and at last whole, and a rebuild of the posterior."""
    n, d = problem.signed.shape
    visits = n * (posterior.one.flops + 30) + sum(term.flops for term in problem.terms) + 4 * n * d
    if problem.kernel is None:
        return visits + 4 * n * d + n * (2 * d * d + 5 * d) + n * (2 * d * d + 3 * d) + 7 * d**3 // 3 + 5 * d * d
    return visits + 8 * n**3 // 3 + 6 * n * n
