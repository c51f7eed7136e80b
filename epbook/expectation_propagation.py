"""Expectation propagation: the one loop of the thesis, with two choices plugged in.

    algorithm                    call
    assumed-density filtering    ep(posterior, terms, passes=1)
    EP, clutter problem          ep(Whole(SphericalGaussian.from_moments(m, v)), [Clutter(x), ...])
    EP, Bayes Point Machine      ep(LinearGaussian(X), [Step(), ...])
    the same with a kernel       ep(KernelGaussian(C), [Step(), ...])
    loopy belief propagation     ep(Forest(cardinalities), [Potential((0, 1), table), ...])
    tree EP                      ep(Forest(cardinalities, cliques=edges), potentials)
    power EP, toward VB          ep(..., power=0.5)
    restricted EP                ep(..., restricted=True)

A *term* is a factor of the joint; a *site* is its stand-in from the exponential family; the
*cavity* is the posterior without one site; the *tilted* distribution is cavity times term.
"""

import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from .checks import number_in, whole_number
from .errors import ConvergenceWarning, ImproperPosteriorError
from .protocols import Density, Posterior, Term
from .result import Result


class Refinement(NamedTuple):
    """One step of EP looked at from close by: every curve of figure 3-4.

    Attributes:
        marginal, cavity, tilted, site: members of one family; tilted is None where the cavity is improper.
        log_scale: log s_i of the site (3.39).
        mismatch: square root of the family's `divergence` between marginal and tilted (Jeffreys, or equal to it to second
            order), over power.

    Book: section 3.2.
    """

    marginal: Density
    cavity: Density
    tilted: Density | None
    site: Density
    log_scale: float
    mismatch: float


def refine(
    posterior: Posterior, terms: Sequence[Term], i: int, power: float = 1.0, damping: float = 0.0, restricted: bool = False
) -> Refinement:
    """Refine term i against the posterior, and change nothing.

    Args:
        posterior: prior times sites, as in `ep`.
        terms: the terms.
        i: which of them.
        power, damping, restricted: as in `ep`.

    Returns:
        A `Refinement`; where the cavity is improper its site is the old one.

    Raises:
        ValueError: if terms and sites differ in number.
        NoMassError: if the term has no mass under its cavity.

    Example:
        >>> from epbook import Clutter, Gaussian, Whole
        >>> q = Whole(Gaussian.from_moments(0.0, 1.0))
        >>> step = refine(q, [Clutter(3.5)], 0)
        >>> step.site.precision < 0        # a site may curve upward
        True

    Book: section 3.2.
    """
    if not posterior.sites:
        posterior = posterior.copy()
    posterior.prepare(terms)
    marginal, old = posterior.marginal(i), posterior.sites[i]
    cavity = marginal / old**power  # (3.38)
    if not cavity.is_proper:
        return Refinement(marginal, cavity, None, old, posterior.log_scales[i], 0.0)
    log_z, tilted = cavity.moment_match(terms[i], power, restricted)  # (3.10), (3.11)
    site = (tilted / cavity) ** (1 / power)  # (3.39)
    if damping:
        site = site ** (1 - damping) * old**damping
    log_scale = (log_z + cavity.log_normaliser - (cavity * site**power).log_normaliser) / power
    divergence = marginal.divergence(tilted)
    mismatch = math.sqrt(max(divergence, 0.0)) / power if divergence < math.inf else math.inf  # NaN is no match
    return Refinement(marginal, cavity, tilted, site, log_scale, mismatch)


Batches = Iterable[Sequence[int]]


def sequential(n: int, rng: np.random.Generator) -> Batches:
    """Terms one by one, in the given order.

    Args:
        n: how many terms there are.
        rng: the generator that `ep` hands to every schedule; not used.

    Example:
        >>> [list(batch) for batch in sequential(3, np.random.default_rng(0))]
        [[0], [1], [2]]

    Book: section 3.2.
    """
    return ([i] for i in range(n))


def shuffled(n: int, rng: np.random.Generator) -> Batches:
    """Terms one by one, in a new random order each pass.

    Args:
        n: how many terms there are.
        rng: the generator that `ep` hands to every schedule.

    Example:
        >>> [list(batch) for batch in shuffled(3, np.random.default_rng(0))]
        [[2], [0], [1]]

    Book: section 3.2.
    """
    return ([i] for i in rng.permutation(n).tolist())


def parallel(n: int, rng: np.random.Generator) -> Batches:
    """All terms at once, from the same posterior.

    Args:
        n: how many terms there are.
        rng: the generator that `ep` hands to every schedule; not used.

    Example:
        >>> [list(batch) for batch in parallel(3, np.random.default_rng(0))]
        [[0, 1, 2]]

    Book: section 3.2.
    """
    return [range(n)]


def ep(
    posterior: Posterior,
    terms: Sequence[Term],
    *,
    passes: int = 100,
    tol: float = 1e-6,
    power: float = 1.0,
    damping: float = 0.0,
    restricted: bool = False,
    schedule: Callable[[int, np.random.Generator], Batches] = sequential,
    rng: int | np.random.Generator | None = None,
    watch: Callable[[Result], None] | None = None,
) -> Result:
    """Approximate prior * product of terms by expectation propagation.

    Args:
        posterior: where q starts and how it is stored: `Whole`, `LinearGaussian`, `KernelGaussian`, `Forest`.
            It is copied; a result's posterior continues where that run ended.
        terms: one term a site.
        passes: at most this many passes over the terms; 1 is assumed-density filtering.
        tol: stop when no moment mismatch of a pass reaches this (see `Result.mismatch`).
        power: 1 is EP; toward 0 it becomes variational Bayes.
        damping: share of the old site that is kept, in [0, 1); 0 is plain EP.
        restricted: never let a site lower the precision (the thesis's cure for failures, 3.2.1).
        schedule: `sequential`, `shuffled` or `parallel`, or any function of (n, rng) that yields batches of indices.
        rng: seed or numpy Generator, for schedules that draw.
        watch: called with the `Result` after each pass; `epbook.progress.bar()` shows a progress bar.

    Returns:
        A `Result`. Unless it converged, or `passes` is 1, a `ConvergenceWarning` tells its status.

    Raises:
        ValueError: on options out of range, no terms, or if terms and sites differ in number.
        NoMassError: if a term has no mass under its cavity.

    Example:
        >>> from epbook import ClutterProblem
        >>> problem = ClutterProblem.sample(20, rng=0)
        >>> result = ep(problem.posterior(), problem.terms)
        >>> result.converged, round(result.log_evidence - problem.exact().log_evidence, 3)
        (True, 0.0)

    Book: section 3.2.
    """
    power = number_in("power", power, 0, np.inf, open_low=True)
    damping = number_in("damping", damping, 0, 1, open_high=True)
    passes, tol = whole_number("passes", passes, 1), number_in("tol", tol, 0, np.inf)
    terms = _checked_terms(posterior, terms, schedule, watch)
    posterior, n, rng = posterior.copy(), len(terms), np.random.default_rng(rng)
    posterior.prepare(terms)
    result = Result(posterior)
    price = posterior.flops + sum(term.flops for term in terms)
    for _ in range(passes):
        mismatch, skipped, visited = 0.0, 0, set()
        try:
            for batch in schedule(n, rng):
                steps = [refine(posterior, terms, i, power, damping, restricted) for i in batch]
                posterior.update(batch, [step.site for step in steps])
                visited.update(batch)
                for i, step in zip(batch, steps):
                    posterior.log_scales[i] = step.log_scale
                    mismatch = max(mismatch, step.mismatch)
                    skipped += step.tilted is None
            posterior.refresh()
        except ImproperPosteriorError:
            mismatch = math.inf
        log_evidence = posterior.log_evidence() if mismatch < math.inf else math.nan
        result.record(log_evidence, price, mismatch, skipped)
        result.diagnose(tol, n - len(visited))
        if watch:
            watch(result)
        if result.converged or mismatch == math.inf:
            break
    if not result.converged and passes > 1:
        warnings.warn(result.status, ConvergenceWarning, stacklevel=2)
    return result


def _checked_terms(posterior, terms, schedule, watch) -> list[Term]:
    """The terms as a list; raise ValueError before any work if an argument is not what its name says."""
    if not hasattr(posterior, "marginal"):
        raise ValueError(f"posterior must hold a prior and sites, like problem.posterior(), not {type(posterior).__name__}")
    if not callable(schedule):
        raise ValueError(f"schedule must be sequential, shuffled, parallel or a function like them, not {schedule!r}")
    if watch is not None and not callable(watch):
        raise ValueError(f"watch must be a function of the result, not {watch!r}")
    terms = list(terms) if hasattr(terms, "__iter__") else [None]
    if not terms:
        raise ValueError("there are no terms: without data the posterior is the prior")
    if not all(hasattr(term, "log_z") for term in terms):
        raise ValueError("terms must be a sequence of terms, each with log_z, like Clutter or Potential")
    return terms
