"""Several fixed points: those that theory knows, all of those found are fixed, and one where there is one."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq

from epbook import ClutterProblem, Gaussian, MarkovNetwork, ep
from epbook.beyond.fixed_points import fixed_points, random_tables, sites_around


def three_clusters():
    rng = np.random.default_rng(231)
    parts = [(-4, 0.6, 6), (0, 0.8, 5), (4, 0.6, 6), (0, 4, 3)]
    return ClutterProblem(np.concatenate([rng.normal(*part) for part in parts]))


def magnet(coupling):
    """Four spins, each coupled to all others, without a field."""
    return MarkovNetwork.ising([(a, b) for a in range(4) for b in range(a)], coupling, np.zeros(4))


def starts_of(problem, means=range(-8, 9, 2)):
    targets = [Gaussian.from_moments(mean, variance) for mean in means for variance in (0.1, 1.0)]
    return sites_around(problem.prior(), targets, problem.n)


def test_restricted_ep_has_several_on_three_clusters():
    problem = three_clusters()
    found = fixed_points(problem.posterior(), problem.terms, starts_of(problem), restricted=True, passes=500)
    assert len(found.results) == 3 and found.failed == 0
    lows, highs = (-4.5, -1, 3.5), (-3, 1, 5)  # one in each cluster
    assert all(low < mean < high for low, mean, high in zip(lows, sorted(result.mean for result in found.results), highs))


@pytest.mark.parametrize("options", [{}, {"restricted": True}])
def test_what_is_found_is_fixed(options):
    problem = three_clusters()
    found = fixed_points(problem.posterior(), problem.terms, starts_of(problem), passes=500, **options)
    assert len(found.results) > 1 and sum(found.visits) + found.failed == 18
    assert sorted(found.results, key=lambda result: -result.log_evidence) == found.results
    for result in found.results:
        again = ep(result.posterior, problem.terms, **options)
        assert again.passes == 1 and again.mean == pytest.approx(result.mean, abs=1e-5)


@pytest.mark.parametrize("coupling", [0.6, 1.0])
def test_a_magnet_has_the_two_that_theory_gives(coupling):
    """A message u between spins with two more neighbours: u = atanh(tanh(J) tanh(2 u)), all up, and its mirror image."""
    message = brentq(lambda u: math.atanh(math.tanh(coupling) * math.tanh(2 * u)) - u, 0.01, 5)
    up = (1 + math.tanh(3 * message)) / 2
    network = magnet(coupling)
    starts = random_tables(network.posterior(), network.terms, 12, rng=0)
    found = fixed_points(network.posterior(), network.terms, starts, passes=500)
    assert sorted(result.mean[1] for result in found.results) == pytest.approx([1 - up, up], abs=1e-4)
    first, second = found.results
    assert first.log_evidence == pytest.approx(second.log_evidence, abs=1e-6)


def test_below_the_critical_coupling_there_is_one():
    """The slope of that map at 0 is 2 tanh(J), and it is 1 at J = 0.549."""
    network = magnet(0.4)
    found = fixed_points(network.posterior(), network.terms, random_tables(network.posterior(), network.terms, 12, rng=0))
    assert found.visits == [12] and found.results[0].mean == pytest.approx(np.full(8, 0.5), abs=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_a_single_loop_has_one(seed):
    rng = np.random.default_rng(seed)
    network = MarkovNetwork([3] * 5, [((k, (k + 1) % 5), rng.gamma(0.5, size=(3, 3)) + 1e-3) for k in range(5)])
    starts = random_tables(network.posterior(), network.terms, 6, scale=3.0, rng=seed)
    found = fixed_points(network.posterior(), network.terms, starts, passes=2000, damping=0.3)
    assert found.visits == [6]


def test_runs_that_fail_are_counted():
    problem = three_clusters()
    found = fixed_points(problem.posterior(), problem.terms, starts_of(problem), passes=2)
    assert found == ([], [], 18)


def test_improper_starts_fail_and_the_rest_goes_on():
    problem = ClutterProblem.sample(20, rng=0)
    negative = [Gaussian(-1.0, 0.0)] * problem.n
    found = fixed_points(problem.posterior(), problem.terms, [negative, *starts_of(problem, [2.0])])
    assert found.failed == 1 and found.visits == [2]


def test_starts_are_what_they_say():
    problem = ClutterProblem.sample(7, rng=0)
    (sites,) = sites_around(problem.prior(), [Gaussian.from_moments(3.0, 0.5)], problem.n)
    q = problem.posterior()
    q.prepare(problem.terms)
    q.update(range(problem.n), sites)
    assert (q.mean, q.variance) == pytest.approx((3.0, 0.5))
    network = magnet(1.0)
    twice = [list(random_tables(network.posterior(), network.terms, 2, rng=4)) for _ in range(2)]
    for one, other in zip(twice[0][1], twice[1][1]):
        np.testing.assert_array_equal(one.tables[0], other.tables[0])


def test_bad_starts():
    problem = ClutterProblem.sample(5, rng=0)
    with pytest.raises(ValueError, match="a start has 4 sites for 5 terms"):
        fixed_points(problem.posterior(), problem.terms, [[Gaussian(0.0, 0.0)] * 4])
    with pytest.raises(ValueError, match="there are no starts"):
        fixed_points(problem.posterior(), problem.terms, [])
    with pytest.raises(ValueError, match="count"):  # before any start is asked for
        random_tables(problem.posterior(), problem.terms, 0)
    with pytest.raises(ValueError, match="needs a posterior without sites"):
        fixed_points(ep(problem.posterior(), problem.terms, passes=1).posterior, problem.terms, [])
