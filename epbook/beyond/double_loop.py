"""EP with a guarantee: descend on its free energy, where plain updates may never settle.

All posteriors here are one: f = m0 + L w with w ~ N(0, I), and term i sees f_i.  Let phi = (-f^2 / 2, f),
mu_i the means of phi_i under q, A the log normaliser of a 1-D Gaussian, A_i that of term i times one, and
star the Legendre transform (negative entropy).  EP's fixed points are the stationary points of

    F(q) = KL(q || prior) + sum_i [A_i*(mu_i) - A*(mu_i)],          -F = log of EP's evidence there.

KL and A_i* are convex in the moments of q; -A* is concave, so its tangent is an upper bound.  With theta_i
the natural parameters of q's marginal, where the tangent touches,

    outer step:  min over q of  KL(q || prior) + sum_i [A_i*(mu_i) - theta_i mu_i]
    inner step:  its dual,  min over cavities nu of  log E_prior[exp sum_i (theta_i - nu_i) phi_i] + sum_i A_i(nu_i),

which is convex and smooth (`inner_loop.py`).  Its gradient is tilted moments minus q's, so at the minimum they agree;
the sites are theta_i - nu_i, and F has decreased.  Where the theta_i repeat, site and cavity make up the marginal: EP.

The bound is loose: with n terms of the same number an outer step goes about 1/n of the way.  So a step goes beyond its
bound's minimum, twice as far each time that F still falls, and falls back to the bound's own where it does not.

What is guaranteed, in exact arithmetic.  F decreases with every outer step, and every cavity is proper on the way.  If
no term exceeds T_i, then F >= KL(q || prior) - sum_i log T_i, so the moments stay bounded; and if each term stays above
a positive constant as well (clutter, noisy labels), A_i is a barrier, the inner minimum exists, and all limits are
fixed points of EP with proper cavities: there is one for every data set.  Not guaranteed: that it is the only one, that
its F is the lowest, or that EP's plain updates would stay there.

Where the inner loop finds no minimum, the descent stalls.  From the prior it does on all noise-free separable labels
that were tried, in weight space: the minimum has cavities of precision zero.  And it does on clutter a hundred
deviations out: the minimum exists, but a tilted distribution jumps from term to clutter within a sliver of the cavities'
range, and Newton's steps do not find through.  Then it begins again after a few passes of `ep`, which on such data
come near a fixed point at once.  Where that stalls too, nothing is guaranteed, and the status says so.

Heskes and Zoeter (2002); Opper and Winther (2005); the longer steps are Salakhutdinov and Roweis's overrelaxation.
"""

import math
import warnings

from ..checks import number_in, whole_number
from ..errors import ConvergenceWarning, ImproperPosteriorError, NoMassError
from ..expectation_propagation import _checked_terms, ep, parallel
from ..result import Result
from .inner_loop import InnerLoop, mismatch

NEARER = 3  # passes of ep before a second descent


def double_loop(posterior, terms, *, passes: int = 2000, tol: float = 1e-7) -> Result:
    """Descend on EP's free energy by convex bounds: every step lowers it, and where it stays EP's moments match.

    Args:
        posterior: `Whole` of a 1-D `Gaussian`, `LinearGaussian` or `KernelGaussian`; sites of an earlier run are where it
            starts.  A step costs O(n^3).
        terms: one term a site, each of one number.
        passes: at most this many outer steps.
        tol: stop when no mismatch of an outer step reaches this (see `Result.mismatch`).

    Returns:
        A `Result` whose log_evidence is -F, which never falls, and whose posterior `ep` can continue.
            If the descent stalled, its history is that of a second one, after three passes of `ep`, and the status says so.
            Unless it converged, a `ConvergenceWarning` tells its status.

    Raises:
        ValueError: on another kind of posterior, options out of range, no terms, or a wrong number of them.
        ArithmeticError: if F rises beyond rounding, as it does only when a term's derivatives are wrong.

    Example:
        >>> from epbook import ClutterProblem, ep
        >>> problem = ClutterProblem.sample(20, rng=0)
        >>> plain, safe = (method(problem.posterior(), problem.terms) for method in (ep, double_loop))
        >>> safe.converged, abs(safe.mean - plain.mean) < 1e-6
        (True, True)

    Book: chapter 6.
    """
    passes, tol = whole_number("passes", passes, 1), number_in("tol", tol, 0, math.inf)
    terms = _checked_terms(posterior, terms, parallel, None)
    result, stalled = _descend(posterior, terms, passes, tol)
    if stalled and (nearer := _nearer(posterior, terms)):
        spent = result.history[-1].flops + nearer.history[-1].flops
        second, stalled = _descend(nearer.posterior, terms, passes, tol, spent)
        if stalled:
            result.status += f"; so it did after {NEARER} passes of ep"
        else:
            second.status += f", from {NEARER} passes of ep, since the given start stalled"
            result = second
    if not result.converged:
        warnings.warn(result.status, ConvergenceWarning, stacklevel=2)
    return result


def _nearer(posterior, terms):
    """A few passes of ep, or None if it meets what it cannot go on from."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            return ep(posterior, terms, passes=NEARER)
        except (ImproperPosteriorError, NoMassError):
            return None


def _descend(posterior, terms, passes, tol, spent=0):
    """The outer loop, after `spent` operations: its result, and whether an inner loop found no minimum."""
    posterior = posterior.copy()
    posterior.prepare(terms)
    inner, result, stride = InnerLoop(posterior, terms), Result(posterior), 1.0
    point, points = inner.minimise(inner.start(posterior), 0.1 * tol)
    for _ in range(passes):
        point.store_in(posterior)
        result.record(-point.free_energy, spent + points * inner.flops, mismatch(point.touching, point.tilted))
        result.converged = max(result.mismatch, point.unmatched) < tol
        if result.converged or point.unmatched > tol:
            break
        spent = 0
        point, points, stride = _outer_step(inner, point, stride, tol)
    result.status = _status(result, point, tol)
    return result, point.unmatched > tol


def _outer_step(inner, point, stride, tol):
    """The next point, how many it took, and the next stride."""
    if stride > 1 and (further := inner.onward(point, stride)):
        further, spent = inner.minimise(further, 0.1 * tol)
        if further.free_energy <= point.free_energy and further.unmatched <= tol:
            return further, spent, 2 * stride
    fresh, spent = inner.minimise(inner.onward(point, 1.0), 0.1 * tol)
    if not fresh.free_energy <= point.free_energy + 1e-10 * max(1.0, abs(point.free_energy)):
        raise ArithmeticError(
            f"the free energy rose from {point.free_energy!r} to {fresh.free_energy!r}: are the terms' derivatives right?"
        )
    return fresh, spent, 2.0


def _status(result, point, tol):
    """One sentence on how it ended."""
    if result.converged:
        return f"converged: moments match to {result.mismatch:.1e} after {result.passes} outer steps"
    if point.unmatched > tol:
        share = (point.cavities[:, 0] / point.marginals[:, 0]).min()
        return (
            f"stalled: in outer step {result.passes} no step was found that lowers the bound, though q and tilted distributions "
            f"differ by {point.unmatched:.1e}; the widest cavity has {share:.1e} of q's precision"
        )
    return f"stopped after {result.passes} outer steps at mismatch {result.mismatch:.1e}; allow more passes to converge"
