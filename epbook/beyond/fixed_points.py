"""Several fixed points: EP run from many places, and the distinct ends that it reached."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..checks import number_in, whole_number
from ..errors import ConvergenceWarning, ImproperPosteriorError, NoMassError
from ..expectation_propagation import ep
from ..families.tables import JunctionTables
from ..result import Result


class FixedPoints(NamedTuple):
    """What `fixed_points` found.

    Attributes:
        results: a converged `Result` for each distinct fixed point, that of the largest evidence first.
        visits: how many starts ended in each.
        failed: how many starts did not converge.

    Book: chapter 6.
    """

    results: list[Result]
    visits: list[int]
    failed: int


def fixed_points(
    posterior: Any, terms: Sequence[Any], starts: Iterable[Sequence[Any]], *, apart: float = 1e-3, **options: Any
) -> FixedPoints:
    """Run EP from several starts, and tell the distinct fixed points that it reached.

    Which points are found depends on the starts, and on the algorithm: plain EP cannot end in an unstable one, but damping
    may make it stable.

    Args:
        posterior: as in `ep`, without sites.
        terms: the terms.
        starts: for each run the sites that it starts with, one a term; see `sites_around` and `random_tables`.
        apart: two ends differ if their log evidences, or any entries of their means, differ by more: nats, and units of the data.
        **options: for `ep`.

    Returns:
        A `FixedPoints`.

    Raises:
        ValueError: if the posterior has sites, there are no starts, or a start has not one site a term.

    Example:
        >>> from epbook import MarkovNetwork
        >>> magnet = MarkovNetwork.ising([(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)], 1.0, np.zeros(4))
        >>> starts = random_tables(magnet.posterior(), magnet.terms, 20, rng=0)
        >>> found = fixed_points(magnet.posterior(), magnet.terms, starts)
        >>> sorted(round(float(result.mean[0]), 3) for result in found.results)  # all up, or all down
        [0.004, 0.996]

    Book: chapter 6.
    """
    apart = number_in("apart", apart, 0, np.inf, open_low=True)
    if posterior.sites:
        raise ValueError("fixed_points needs a posterior without sites: each start brings its own")
    terms = list(terms)
    ends = [_run(posterior, terms, sites, options) for sites in starts]
    if not ends:
        raise ValueError("there are no starts, so nothing can be found")
    results, visits = list[Result](), list[int]()
    for result in ends:
        if result is None:
            continue
        known = next((k for k, other in enumerate(results) if _same(result, other, apart)), None)
        if known is None:
            results.append(result)
            visits.append(1)
        else:
            visits[known] += 1
    order = sorted(range(len(results)), key=lambda k: -results[k].log_evidence)
    return FixedPoints([results[k] for k in order], [visits[k] for k in order], ends.count(None))


def _run(posterior, terms, sites, options):
    """Where EP ends from these sites, or None if it does not converge."""
    if len(sites) != len(terms):
        raise ValueError(f"a start has {len(sites)} sites for {len(terms)} terms")
    start = posterior.copy()
    start.prepare(terms)
    try:
        start.update(range(len(terms)), list(sites))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            result = ep(start, terms, **options)
    except (ImproperPosteriorError, NoMassError):
        return None
    return result if result.converged else None


def _same(a, b, apart):
    gap = max(abs(a.log_evidence - b.log_evidence), np.abs(np.subtract(a.mean, b.mean)).max())
    return gap <= apart


def sites_around(prior: Any, targets: Iterable[Any], n: int) -> Iterator[list[Any]]:
    """Starts for a `Whole` posterior: n equal sites that with the prior make q the target, for each target.

    Args:
        prior: of the posterior.
        targets: members of its family.
        n: the number of terms.

    Example:
        >>> from epbook import ClutterProblem, Gaussian
        >>> problem = ClutterProblem.sample(20, rng=0)
        >>> starts = sites_around(problem.prior(), [Gaussian.from_moments(m, 1.0) for m in (-4, 0, 4)], problem.n)
        >>> fixed_points(problem.posterior(), problem.terms, starts).visits
        [3]

    Book: chapter 6.
    """
    n = whole_number("n", n, 1)
    return ([(target / prior) ** (1 / n)] * n for target in targets)


def random_tables(
    posterior: Any, terms: Sequence[Any], count: int, scale: float = 1.0, rng: int | np.random.Generator | None = None
) -> Iterator[list[JunctionTables]]:
    """Starts for a `Forest`: sites whose log tables are Gaussian draws.

    Args:
        posterior: the `Forest`.
        terms: the terms.
        count: how many starts.
        scale: standard deviation of the log entries.
        rng: seed or numpy Generator.

    Example:
        >>> from epbook import MarkovNetwork
        >>> network = MarkovNetwork.grid(2, 2, rng=0)
        >>> [len(sites) for sites in random_tables(network.posterior(), network.terms, 3, rng=0)] == [len(network.terms)] * 3
        True

    Book: chapter 6.
    """
    count, scale = whole_number("count", count, 1), number_in("scale", scale, 0, np.inf)
    rng, prepared = np.random.default_rng(rng), posterior.copy()
    prepared.prepare(terms)

    def tables(site):
        return JunctionTables(site.scope, [rng.normal(scale=scale, size=table.shape) for table in site.tables])

    return ([tables(site) for site in prepared.sites] for _ in range(count))
