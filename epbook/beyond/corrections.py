"""How wrong is EP's evidence?  The first terms of the expansion whose zeroth is EP.

At a fixed point the joint is Z_EP q prod_i (tilted_i / q): each site left out exactly what its tilted distribution has
beyond q.  With eps_i = tilted_i / q - 1,

    Z / Z_EP = E_q[prod_i (1 + eps_i)] = 1 + sum over pairs of E_q[eps_i eps_j] + ...,

because E_q[eps_i] = 0.  For two terms the pair is all there is.  If term i sees only f_i, expand eps_i in Hermite
polynomials of the standardised f_i: matched moments leave those of degree 3 and up, whose coefficients begin with the
standardised cumulants g3 and g4 of the tilted distribution, and with r_ij the correlation of f_i and f_j under q

    E_q[eps_i eps_j] = r_ij^3 g3_i g3_j / 3! + r_ij^4 g4_i g4_j / 4! + ...

It looks at the joint through q: where q has no mass it sees nothing, so a fixed point that settled on one of two
modes gets a small correction and a large error.

Paquet, Winther and Opper (2009) for mixtures; Opper, Paquet and Winther (2013) for Gaussian processes.
"""

import math

import numpy as np

from ..families import Gaussian
from ..posteriors import KernelGaussian, LinearGaussian, Whole
from ..result import Result
from .inner_loop import mismatch
from .tilted import tilted_cumulants

POINTS = 20001
MATCHED = 1e-4  # mismatch of tilted distributions and q that still counts as a fixed point


def evidence_correction(result: Result, terms) -> float:
    """What to add to EP's log evidence: the sum over all pairs of terms of E_q[eps_i eps_j].

    For a `Whole` 1-D Gaussian each pair is integrated on a grid; for `LinearGaussian` and `KernelGaussian` it
    stops at the fourth cumulants.  Trust it where it is small; where it is large the expansion fails.

    Args:
        result: what `ep` or `double_loop` returned.
        terms: the terms of that run.

    Returns:
        Nats.  Infinity if two terms together hold up q, so that without both sites it is improper: the pair's
        integral diverges, and the expansion with it.

    Raises:
        ValueError: if the result did not converge, is of another kind, or has another number of terms; if its moments
            do not match, as with power != 1, restricted=True, or other terms; or if the grid is too coarse.

    Example:
        >>> from epbook import ClutterProblem, ep
        >>> problem = ClutterProblem.sample(20, rng=0)
        >>> result = ep(problem.posterior(), problem.terms)
        >>> error = problem.exact().log_evidence - result.log_evidence
        >>> abs(error - evidence_correction(result, problem.terms)) < 0.5 * abs(error)
        True

    Book: chapter 6.
    """
    posterior, terms = result.posterior, list(terms)
    kinds = (LinearGaussian, KernelGaussian)
    if not isinstance(posterior, kinds) and not (isinstance(posterior, Whole) and isinstance(posterior.prior, Gaussian)):
        raise ValueError(f"a correction needs q on one number a term, and {type(posterior).__name__} does not give it")
    if len(terms) != len(posterior.sites):
        raise ValueError(f"{len(terms)} terms were given for {len(posterior.sites)} sites")
    if not result.converged:
        raise ValueError(f"the expansion is about a fixed point, and this run did not reach one: {result.status}")
    _check_moments(posterior, terms)
    pairs = _by_cumulants(posterior, terms) if isinstance(posterior, kinds) else _by_quadrature(posterior, terms)
    return float(pairs[np.triu_indices(len(terms), 1)].sum())


def _check_moments(posterior, terms):
    """Raise ValueError unless every tilted distribution has the moments of q, without which E_q[eps_i] is not 0."""
    q = [posterior.marginal(i) for i in range(len(terms))]
    tilted = [(a / site).moment_match(term)[1] for a, site, term in zip(q, posterior.sites, terms, strict=True)]
    gap = mismatch(*(np.array([(a.precision, a.shift) for a in densities]) for densities in (q, tilted)))
    if not gap < MATCHED:
        raise ValueError(
            f"the expansion is about a fixed point of plain EP, and here tilted moments differ from q's by {gap:.1e}: "
            "run ep with these terms, power=1, restricted=False and a small tol"
        )


def _by_quadrature(posterior, terms):
    """E_q[eps_i eps_j] for all pairs, shape (n, n): the ratios on a grid that spans q without any two of its sites.

    Its steps grow with the distance from q, so that they follow both the width of q and that of the widest pair.
    """
    q, sites = posterior.density, posterior.sites
    strongest = sorted(site.precision for site in sites)[-2:]
    if q.precision <= sum(strongest) and len(sites) > 1:
        return np.full((len(sites), len(sites)), math.inf)
    pairs = [q / a / b for i, a in enumerate(sites) for b in sites[:i]] or [q]
    low = min(pair.mean - 12 * math.sqrt(pair.variance) for pair in pairs)
    high = max(pair.mean + 12 * math.sqrt(pair.variance) for pair in pairs)
    width = 1e-3 * math.sqrt(q.variance)  # of the finest steps: a tilted distribution may have a spike inside q
    u = np.linspace(*(math.asinh((end - q.mean) / width) for end in (low, high)), POINTS)
    theta, step = q.mean + width * np.sinh(u), width * np.cosh(u) * (u[1] - u[0])
    log_q, rows = q.log_density(theta), []
    for term, site in zip(terms, sites, strict=True):
        cavity = q / site
        log_tilted = cavity.log_density(theta) + term.log_value(theta) - cavity.moment_match(term)[0]
        rows.append(np.exp(log_tilted - 0.5 * log_q) - np.exp(0.5 * log_q))  # eps_i times the root of q
    pairs, halved = ((np.array(rows)[:, ::k] * k * step[::k]) @ np.transpose(rows)[::k] for k in (1, 2))
    if not np.abs(pairs - halved).max() <= 1e-6 + 1e-3 * np.abs(pairs).max():
        raise ValueError(f"the terms are narrower than the grid of {POINTS} points that spans q without two of its sites")
    return pairs


def _by_cumulants(posterior, terms):
    """The same to fourth order in the correlations, from each term's own cumulants."""
    n = len(terms)
    marginals = [posterior.marginal(i) for i in range(n)]
    cavities = [q / site for q, site in zip(marginals, posterior.sites, strict=True)]
    _, variance, third, fourth = np.transpose([tilted_cumulants(*pair) for pair in zip(terms, cavities, strict=True)])
    covariance = posterior.covariance
    if isinstance(posterior, LinearGaussian):
        covariance = posterior.X @ covariance @ posterior.X.T
    spread = np.sqrt(np.diag(covariance))
    r, g3, g4 = covariance / np.outer(spread, spread), third / variance**1.5, fourth / variance**2
    return r**3 * np.outer(g3, g3) / 6 + r**4 * np.outer(g4, g4) / 24
