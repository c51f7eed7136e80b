"""EP whose memory does not grow with the data: one shared site in place of n.

EP stores q = prior * site_1 ... site_n.  Stochastic EP keeps their geometric mean alone, q = prior * site^n.  The
cavity takes one copy out, the tilted distribution is matched as in EP, and the site that EP would have stored moves
the shared one by an n-th of the way: site <- site^(1 - 1/n) * fresh^(1/n).  Averaged EP makes all n fresh sites from
the same q first, and takes their geometric mean.  These are the two ends of one loop over batches.

The cavity is prior^(1/n) q^(1 - 1/n), so it is proper whenever q is: EP's improper cavities cannot happen.  A step
that would leave q improper is halved until it does not.

Where it stays, each term's own site is replaced by the average: right if many terms pull alike, as in large data.
A share of 1/n is also a memory of n visits, one pass, in which late terms weigh e times as much as early ones: q stays
a fraction of its own width away from averaged EP however large n is.  With `decay` the shares shrink from pass to
pass, the memory grows, and stochastic EP goes where averaged EP is.

Li, Hernandez-Lobato and Turner (2015).
"""

import copy
import math
import warnings

import numpy as np

from ..checks import number_in, whole_number
from ..errors import ConvergenceWarning
from ..expectation_propagation import _checked_terms, sequential
from ..families import FullGaussian
from ..posteriors import LinearGaussian, Whole
from ..result import Result


class SharedSite:
    """q = prior * site ** count: the same memory for any count.

    Args:
        prior: a proper member of a family.
        count: of how many terms `site` is the geometric mean.

    Example:
        >>> from epbook import Gaussian
        >>> SharedSite(Gaussian.from_moments(0.0, 4.0), 1000).mean
        0.0

    Book: chapter 6.
    """

    def __init__(self, prior, count: int):
        self.prior, self.count, self.site = prior, count, prior**0.0

    @property
    def density(self):
        """q, a member of the family."""
        return self.prior * self.site**self.count

    @property
    def mean(self):
        """The mean of q, in the family's shape."""
        return self.density.mean

    @property
    def variance(self):
        """The variance of q, in the family's shape."""
        return self.density.variance

    @property
    def covariance(self):
        """The covariance matrix of q, or the variance in 1-D."""
        return self.density.covariance


class Along:
    """A term of the number w.x as a term of the vector w.

    Args:
        term: a term of one number, such as `Step`.
        x: the direction, shape (d,).

    Example:
        >>> from epbook import Step
        >>> log_z, gradient, curvature = Along(Step(), np.array([1.0, 0.0])).log_z(np.zeros(2), np.eye(2))
        >>> gradient.round(3).tolist()
        [0.798, 0.0]

    Book: chapter 6.
    """

    def __init__(self, term, x: np.ndarray):
        self.term, self.x = term, x

    def log_z(self, mean, covariance, power=1.0):
        """The term's own, by the chain rule."""
        log_z, gradient, curvature = self.term.log_z(float(self.x @ mean), float(self.x @ covariance @ self.x), power)
        return log_z, gradient * self.x, curvature * np.outer(self.x, self.x)

    @property
    def flops(self):
        """Operations of one `log_z`."""
        return self.term.flops + 4 * self.x.size**2 + 4 * self.x.size


def stochastic_ep(
    posterior,
    terms,
    *,
    passes: int = 200,
    tol: float = 1e-6,
    schedule=sequential,
    decay: float = 0.0,
    rng: int | np.random.Generator | None = None,
) -> Result:
    """EP with one shared site: `schedule=sequential` or `shuffled` is stochastic EP, `parallel` averaged EP.

    Args:
        posterior: `Whole` of any family, or `LinearGaussian`; only its prior is used.
        terms: the terms.
        passes: at most this many passes over them.
        tol: stop when q moves by less than this in a pass, as a mismatch (see `Result.mismatch`); with `shuffled`
            it never stands quite still.  With `decay` the moves shrink by themselves: q may be several tol from its limit.
        schedule: as in `ep`: how the terms come in batches.  A full step of `parallel` may overshoot: with noisy labels q
            swings to and fro for good unless decay > 0.
        decay: a fresh site's share in pass k is 1 / (n k^decay); 0 is the published method, and up to 1 it may settle.
        rng: seed or numpy Generator, for schedules that draw.

    Returns:
        A `Result` whose posterior is a `SharedSite`.  Unless it converged, a `ConvergenceWarning` tells its status.

    Raises:
        ValueError: on another kind of posterior, options out of range, or no terms.
        NoMassError: if a term has no mass under its cavity.

    Example:
        >>> from epbook import ClutterProblem, ep
        >>> problem = ClutterProblem.sample(200, rng=0)
        >>> shared, own = (method(problem.posterior(), problem.terms) for method in (stochastic_ep, ep))
        >>> abs(shared.mean - own.mean) < 0.1 * own.variance**0.5
        True

    Book: chapter 6.
    """
    passes, tol = whole_number("passes", passes, 1), number_in("tol", tol, 0, math.inf)
    decay = number_in("decay", decay, 0, 1)
    terms = _checked_terms(posterior, terms, schedule, None)
    prior, terms = _whole(posterior, terms)
    rng, n = np.random.default_rng(rng), len(terms)
    result = Result(SharedSite(prior, n))
    price = n * prior.flops + 2 * sum(term.flops for term in terms)
    for k in range(1, passes + 1):
        before = result.posterior.density
        result.posterior = copy.copy(result.posterior)
        _one_pass(result.posterior, terms, schedule(n, rng), 1 / (n * k**decay))
        mismatch = math.sqrt(max(before.divergence(result.posterior.density), 0.0))
        result.record(_log_evidence(result.posterior, terms), price, mismatch)
        result.converged = mismatch < tol
        if result.converged:
            break
    result.status = _status(result)
    if not result.converged:
        warnings.warn(result.status, ConvergenceWarning, stacklevel=2)
    return result


def _one_pass(q, terms, batches, share):
    """Move the shared site through all batches, each toward the geometric mean of its fresh sites."""
    for batch in batches:
        cavity, mean = q.density / q.site, q.site**0.0
        for i in batch:
            mean = mean * (cavity.moment_match(terms[i])[1] / cavity) ** (1 / len(batch))
        q.site = _toward(q, mean, share * len(batch))


def _toward(q, mean, share):
    """The site this share of the way to `mean`, or the first of a half, a quarter, ... of it that leaves q proper."""
    while True:  # ends: all precisions are finite, and q is proper as it is
        site = q.site ** (1 - share) * mean**share
        if (q.prior * site**q.count).is_proper:
            return site
        share /= 2


def _log_evidence(q, terms):
    """log of the integral of prior times sites as tall as their terms (3.40)."""
    density = q.density
    cavity = density / q.site
    log_scales = sum(cavity.moment_match(term)[0] for term in terms) + len(terms) * cavity.log_normaliser
    return log_scales - (len(terms) - 1) * density.log_normaliser - q.prior.log_normaliser


def _whole(posterior, terms):
    """The prior as one density, and the terms as functions of all that it holds."""
    if isinstance(posterior, Whole):
        return posterior.prior, terms
    if not isinstance(posterior, LinearGaussian):
        raise ValueError(f"posterior must be a Whole or a LinearGaussian, not {type(posterior).__name__}")
    n, d = posterior.X.shape
    if len(terms) != n:
        raise ValueError(f"{len(terms)} terms were given for {n} rows of X")
    return FullGaussian(np.eye(d), np.zeros(d)), [Along(term, x) for term, x in zip(terms, posterior.X, strict=True)]


def _status(result):
    """One sentence on how it ended."""
    if result.converged:
        return f"converged: q moved by {result.mismatch:.1e} in pass {result.passes}"
    return f"stopped after {result.passes} passes, the last moved q by {result.mismatch:.1e}; try decay > 0 or more passes"
