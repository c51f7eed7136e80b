"""EP in weight space for millions of terms: chunks in turn, and all terms of a chunk at once.

A chunk is refined from one posterior by array operations, and absorbed by a matrix product: 2 d^2 operations a point
for the precision matrix, d^2 for the variances, and per chunk one Cholesky factor.  The first pass is already
assumed-density filtering, so that its chunks meet a posterior which knows the data before them: all terms at once
would start from the prior, and oscillate.
"""

import math
import warnings
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from scipy.linalg import cho_solve, solve_triangular

from ..checks import number_in, whole_number
from ..errors import ConvergenceWarning, ImproperPosteriorError
from ..expectation_propagation import _checked_terms, sequential
from ..protocols import Term
from ..result import Result
from .chunked import ChunkedGaussian, cholesky_factor
from .moments import moments
from .refinement import refine_all

PATIENCE = 10  # passes in which the mismatch must halve, or else the steps do


def chunked_ep(
    posterior: ChunkedGaussian,
    terms: Sequence[Term] | Term,
    *,
    passes: int = 100,
    tol: float = 1e-6,
    power: float = 1.0,
    damping: float | None = None,
    chunk: int | None = None,
    watch: Callable[[Result], None] | None = None,
) -> Result:
    """Expectation propagation, a chunk of terms at a time, with the fixed points of `ep(posterior, terms)`.

    Args:
        posterior: a `ChunkedGaussian` or an `InducingGaussian`; it is copied, except for its points.
        terms: one a point, or a single one for all points.
        passes, tol, power, watch: as in `ep`.
        damping: share of the old sites that is kept; None is 0, and 0.5 once 10 passes have not halved the mismatch.
            A chunk that would leave q improper takes a smaller step in any case.
        chunk: how many points are refined at once; None is 1024, or less for few points.

    Returns:
        A `Result`. Unless it converged, or `passes` is 1, a `ConvergenceWarning` tells its status.

    Raises:
        ValueError: on options out of range, or if points and terms differ in number.
        NoMassError: if a term has no mass under its cavity.

    Example:
        >>> from epbook import Step
        >>> chunked_ep(ChunkedGaussian([[1.0], [2.0]]), Step()).mean.round(3).tolist()
        [0.853]

    Book: section 8.2.
    """
    passes, tol = whole_number("passes", passes, 1), number_in("tol", tol, 0, np.inf)
    power = number_in("power", power, 0, np.inf, open_low=True)
    kept = number_in("damping", 0.0 if damping is None else damping, 0, 1, open_high=True)
    size = None if chunk is None else whole_number("chunk", chunk, 1)
    terms = terms if isinstance(terms, Iterable) else [terms] * len(posterior.X)
    terms = _checked_terms(posterior, terms, sequential, watch)
    posterior = posterior.copy()
    posterior.prepare(terms)
    sweep = _Sweep(posterior, terms, size, power)
    result = Result(posterior)
    price = sweep.flops + sum(term.flops for term in terms)
    for _ in range(passes):
        mismatch, skipped = sweep(kept)
        if mismatch < tol:
            posterior.refresh()
        result.record(posterior.log_evidence(), price, mismatch, skipped)
        result.diagnose(tol)
        if watch:
            watch(result)
        if result.converged or not mismatch < math.inf:
            break
        if damping is None and _stuck(result.history):
            kept = 0.5
    if kept and damping is None:
        result.status += " (with damping=0.5, since whole steps did not)"
    if not result.converged and passes > 1:
        warnings.warn(result.status, ConvergenceWarning, stacklevel=2)
    return result


def _stuck(history):
    """Whether at the end of some passes the mismatch is not half of what it was."""
    if len(history) % PATIENCE:
        return False
    trail = [math.inf if snapshot.skipped else snapshot.mismatch for snapshot in history[-PATIENCE:]]
    return not min(trail[PATIENCE // 2 :]) < 0.5 * min(trail[: PATIENCE // 2])


class _Sweep:
    """A pass over all chunks, which changes the posterior."""

    def __init__(self, posterior, terms, size, power):
        self.posterior, self.power = posterior, power
        self.chunks = posterior.chunks(size)
        self.moments = [moments(terms[rows]) for rows in self.chunks]
        self.precision, self.pull = posterior.totals(self.chunks)

    @property
    def flops(self):
        """Operations of one pass beside the terms': variances, the sites' changes, and per chunk two Cholesky factors."""
        n, d = self.posterior.X.shape
        return n * (self.posterior.one.flops + 3 * d * d + 9 * d) + len(self.chunks) * (2 * d**3 // 3 + 4 * d * d)

    def __call__(self, damping):
        """The largest mismatch met, and how many cavities were improper."""
        steps = [self._visit(*visit, damping) for visit in zip(self.chunks, self.moments, strict=True)]
        self.posterior.adopt(self.precision, self.pull)
        return max(mismatch for mismatch, _ in steps), sum(skipped for _, skipped in steps)

    def _visit(self, rows, moments, damping):
        points, sites = np.ascontiguousarray(self.posterior.X[rows]), self.posterior.sites
        tau, nu = sites.precision[rows], sites.shift[rows]
        factor = cholesky_factor(self.precision)
        mean = points @ cho_solve(factor, self.pull, check_finite=False)
        root = solve_triangular(factor[0], points.T, lower=True, check_finite=False)
        variance = np.einsum("ij,ij->j", root, root)
        steps = refine_all(mean, variance, tau, nu, moments, self.power, self.posterior.spread_of(rows))
        share = self._safe(points, steps.precision - tau, steps.shift - nu, 1 - damping)
        sites.precision[rows] = tau = tau + share * (steps.precision - tau)
        sites.shift[rows] = nu = nu + share * (steps.shift - nu)
        scales = self.posterior.log_scales
        scales[rows] = np.where(steps.proper, steps.log_scales(tau, nu), scales[rows])
        return steps.mismatch, int(np.count_nonzero(~steps.proper))

    def _safe(self, points, tau, nu, share):
        """Absorb a share of these changes, halved until q is proper; the share that was."""
        change = (points.T * tau) @ points
        while share > 1e-6:
            try:
                cholesky_factor(self.precision + share * change)
            except ImproperPosteriorError:
                share /= 2
            else:
                self.precision = self.precision + share * change
                self.pull = self.pull + share * (nu @ points)
                return share
        return 0.0
