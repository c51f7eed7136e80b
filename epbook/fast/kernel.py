"""Kernel EP by what is fastest and safe: Newton's method, low rank, or the loop's own sweeps."""

import os
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..checks import number_in, symmetric_matrix, whole_number
from ..errors import ConvergenceWarning, NoMassError
from ..expectation_propagation import ep
from ..posteriors import KernelGaussian
from ..protocols import Term
from ..result import Result
from .blocked import BlockedKernelGaussian
from .low_rank import LowRankKernel
from .marginals import DensePrior
from .newton import solve
from .solved import SolvedKernelGaussian

METHODS = ("auto", "newton", "low-rank", "blocked", "sequential")
ARRAYS, SWEPT_ARRAYS = 2, 4  # n x n, float64, that Newton's method and the loop hold beside C
MODEST = 10**8  # bytes, which are taken without a look at what is free
MANY = 300  # points, from which a search for low rank, and delayed updates, are worth their overhead
NEGLIGIBLE = 0.04  # error of the log evidence over the mismatch, which a mismatch of 1e-5 has without low rank
FALLBACK = "; by the loop's sweeps, for Newton's method found no fixed point"


def kernel_ep(
    C: ArrayLike | LowRankKernel,
    terms: Sequence[Term],
    *,
    tol: float = 1e-5,
    passes: int = 100,
    method: str = "auto",
    **options: Any,
) -> Result:
    """EP over latent values f with prior N(0, C), where term i sees f_i: the fixed point of `ep(KernelGaussian(C), terms)`.

    "newton" finds the fixed point for all sites at once by a few Cholesky factorisations; it needs sites of
    non-negative precision, as log-concave terms have.  "low-rank" does so for C to a tolerance of tol / 1,000, and its
    status and `result.posterior.error` tell by how much the log evidence may be off.  "blocked" and "sequential" are the
    loop's own sweeps.  "auto" takes low rank if the rank is below n / 8 and that error negligible, else Newton.
    Where these find no fixed point, the loop's sweeps take over, and the status says so.

    Args:
        C: signed kernel matrix y_i y_j k(x_i, x_j), shape (n, n), symmetric, positive semidefinite, the latter not
            checked by Newton; a float64 array is not copied, and must stay as it is.  Or a `LowRankKernel`.
        terms: one for each row of C.
        tol: stop when no moment mismatch reaches this (see `Result.mismatch`).
        passes: at most this many evaluations of all sites, and of sweeps.
        method: "auto", "newton", "low-rank", "blocked" or "sequential".
        **options: for `ep`, such as damping, schedule or watch; with any of them the sweeps are used.

    Returns:
        A `Result`, with one snapshot an evaluation or a sweep; its posterior goes on in `ep`.  Unless it converged, a
        `ConvergenceWarning` tells its status.

    Raises:
        ValueError: on wrong shapes, NaN, an asymmetric C, an unknown method, or if memory will not do.
        NoMassError: by the sweeps that were asked for, if a term has no mass under its cavity.

    Example:
        >>> from epbook import Step
        >>> result = kernel_ep([[1.0, 0.5], [0.5, 1.0]], [Step()] * 2)
        >>> result.converged, round(result.log_evidence, 4)    # exactly log(1/3) = -1.0986
        (True, -1.1004)

    Book: section 8.1.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
    tol, passes = number_in("tol", tol, 0, np.inf), whole_number("passes", passes, 1)
    terms, kernel = list(terms), C if isinstance(C, LowRankKernel) else DensePrior(_checked(C))
    if len(terms) != len(kernel.variance):
        raise ValueError(f"{len(terms)} terms were given for {len(kernel.variance)} latent values")
    result, note = None, ""
    if not options and passes > 1 and method not in ("blocked", "sequential"):
        note = FALLBACK
        with np.errstate(all="ignore"), suppress(ArithmeticError):  # what is not finite, or not computable, is no fixed point
            result = _solved(kernel, terms, method, tol, passes)
    return result or _swept(kernel.C, terms, method, note, {"tol": tol, "passes": passes, **options})


def _solved(kernel, terms, method, tol, passes):
    """Newton's answer, or None."""
    if isinstance(kernel, LowRankKernel):
        return _low_rank(kernel, kernel, terms, tol, passes)
    if method == "low-rank":
        return _low_rank(_pivoted(kernel, 1e-3 * tol, len(terms)), kernel, terms, tol, passes)
    if method == "auto" and len(terms) >= MANY:
        low = _pivoted(kernel, 1e-5 * tol, len(terms) // 8)
        result = _low_rank(low, kernel, terms, tol, passes) if low.complete else None
        if result and result.posterior.error < NEGLIGIBLE * tol:
            return result
    _require_memory(len(terms), ARRAYS)
    watch = _Watch(len(terms))
    point = solve(kernel, terms, tol, watch, passes)
    return point and watch.finish(SolvedKernelGaussian(kernel, point.marginals, point.log_scales), tol)


def _pivoted(kernel, tol, most):
    return LowRankKernel(lambda i: kernel.C[i], kernel.variance, min(max(tol, 1e-12), 1e-6), most)


def _low_rank(low, kernel, terms, tol, passes):
    watch, (n, rank) = _Watch(len(terms)), low.factor.shape
    point = solve(low, terms, tol, watch, passes)
    if point is None:
        return None
    error = low.error(point.marginals, None if kernel is low else kernel.C)
    result = watch.finish(SolvedKernelGaussian(kernel, point.marginals, point.log_scales, error), tol)
    result.status += f"; C taken to have rank {rank} of {n}, by which the log evidence may be off by {error:.1e}"
    return result


def _checked(C):
    """C as a C-contiguous float64 array, the same one if it is such; raise ValueError if it is no kernel matrix, or too large."""
    sound = isinstance(C, np.ndarray) and C.dtype == np.float64 and C.ndim == 2 and C.flags.c_contiguous
    if not (sound and C.shape[0] == C.shape[1] and np.isfinite(C).all() and _symmetric(C)):
        C = np.ascontiguousarray(symmetric_matrix("C", C))  # says what is wrong, if anything
    diagonal = C.diagonal()
    if not (diagonal > 0).all():
        raise ValueError(f"C must have a positive diagonal, but entry {diagonal.argmin()} is {diagonal.min():g}")
    return C


def _require_memory(n, arrays):
    """Raise ValueError before n x n arrays of float64 are asked for that will not fit."""
    needed = arrays * 8 * n * n
    if needed > MODEST and needed > (free := _free_memory()):
        raise ValueError(
            f"kernel EP of {n} points needs {needed / 2**30:.1f} GiB beside C, and {free / 2**30:.1f} GiB are free; "
            "take fewer points, or epbook.fast.InducingBayesPoint, whose memory grows with n only"
        )


def _symmetric(C, strip=128):
    """Whether C equals its transpose, strip by strip so that both stay in cache."""
    return all(np.array_equal(C[k : k + strip, k:], C[k:, k : k + strip].T) for k in range(0, len(C), strip))


def _free_memory():
    """Bytes that a process may still take, as far as the system tells."""
    try:
        lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        return 1024 * int(lines["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else np.inf


class _Watch:
    """Records every evaluation of all points as a pass."""

    def __init__(self, n):
        self.n, self.flops, self.result = n, 0, Result(None)

    def __call__(self, point):
        self.flops += point.marginals.flops
        if len(point.marginals.mean) == self.n:
            self.result.posterior = SimpleNamespace(mean=point.marginals.mean)
            self.result.record(point.log_evidence, self.flops, point.mismatch)
            self.flops = 0

    def finish(self, posterior, tol):
        self.result.posterior = posterior
        self.result.diagnose(tol)
        self.result.status += " of Newton's method"
        return self.result


def _swept(C, terms, method, note, options):
    """The loop itself."""
    _require_memory(len(terms), SWEPT_ARRAYS)
    blocked = method == "blocked" or (method != "sequential" and len(C) >= MANY)
    prior = (BlockedKernelGaussian if blocked else KernelGaussian)(C)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            result = ep(prior, terms, **options)
        except NoMassError as error:
            if not note:
                raise
            result = Result(prior, f"no mass: {error}; perhaps nothing fits all terms, and noise or slack would help")
            result.record(np.nan, 0)
    result.status += note
    if not result.converged and options["passes"] > 1:
        warnings.warn(result.status, ConvergenceWarning, stacklevel=3)
    return result
