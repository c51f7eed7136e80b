"""The criteria of section 5.7 against geometry by hand and machines trained again."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from epbook import BayesPoint, GaussianKernel, LinearKernel, PolynomialKernel
from epbook.model_selection import radius, radius_margin, span_bound
from epbook.rivals import support_vector_machine


def smallest_ball(points):
    """The least radius over the balls through two or more points that hold all."""
    best = math.inf
    for size in range(2, points.shape[1] + 2):
        for some in map(list, itertools.combinations(range(len(points)), size)):
            first, rest = points[some[0]], points[some[1:]] - points[some[0]]
            centre = first + np.linalg.lstsq(2 * rest, (rest**2).sum(axis=1), rcond=None)[0]
            distance = np.linalg.norm(points - centre, axis=1)
            if np.ptp(distance[some]) < 1e-9 and distance.max() < distance[some].max() + 1e-9:
                best = min(best, distance.max())
    return best


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("n", "d"), [(3, 2), (8, 2), (8, 3), (4, 5)])
def test_radius_by_trying_every_ball(seed, n, d):
    rng = np.random.default_rng(seed)
    X, y = 5 + rng.standard_normal((n, d)), rng.choice([-1, 1], n)
    want = smallest_ball(X)
    assert radius(BayesPoint(X, y, noise=0.1)) == pytest.approx(want, rel=1e-9)
    assert radius(BayesPoint(X, y, LinearKernel(), noise=0.1, bias=True)) == pytest.approx(want, rel=1e-9)


def test_radius_of_known_sets():
    ring = np.array([[math.cos(t), math.sin(t)] for t in np.linspace(0, 6, 20)])
    assert radius(BayesPoint(1e6 + 3e3 * ring, np.ones(20))) == pytest.approx(3e3)
    far = BayesPoint(10 * np.arange(7.0)[:, None], [1, -1] * 3 + [1], GaussianKernel(0.5))
    assert radius(far) == pytest.approx(math.sqrt(1 - 1 / 7))  # a regular simplex
    assert radius(BayesPoint([[1.0, 2.0]] * 3, [1, 1, 1])) == 0
    with pytest.raises(ValueError, match="radius needs a problem with signed"):
        radius(ring)


def sets():
    for seed in range(8):
        X = np.random.default_rng(seed).uniform(-1, 1, (25, 2))
        yield from (BayesPoint(X, np.where((X**2).sum(axis=1) < 0.5, 1, -1), kernel) for kernel in KERNELS)


KERNELS = GaussianKernel(0.3), GaussianKernel(0.9), PolynomialKernel(3)


def test_left_out_support_vectors_get_what_the_span_says():
    """y f(x_i) = 1 - alpha_i / [C_SV^-1]_ii of a machine trained without i, where it keeps the other support vectors."""
    kept = 0
    for problem in sets():
        alpha = support_vector_machine(problem).posterior.coefficients
        support = np.flatnonzero(alpha)
        inverse = np.linalg.inv(problem.signed[np.ix_(support, support)])
        for place, i in enumerate(support):
            rest = np.arange(len(alpha)) != i
            again = BayesPoint(problem.X[rest], problem.y[rest], problem.kernel)
            result = support_vector_machine(again)
            beta = np.insert(result.posterior.coefficients, i, 0.0)
            if set(np.flatnonzero(beta)) == set(support) - {i}:
                kept += 1
                left_out = problem.y[i] * again.predictor(result).mean(problem.X[[i]])[0]
                assert left_out == pytest.approx(1 - alpha[i] / inverse[place, place], abs=1e-5 * alpha.max())
    assert kept > 50


def left_out_values(C, solve):
    """What each support vector gets from the others, if these stay on the margin."""
    for i in range(len(C)):
        rest = np.delete(np.arange(len(C)), i)
        yield C[i, rest] @ solve(C[np.ix_(rest, rest)], np.ones(len(rest)))


def test_span_counts_the_errors_that_the_rule_predicts():
    for problem in sets():
        alpha = support_vector_machine(problem).posterior.coefficients
        support = np.flatnonzero(alpha)
        C = problem.signed[np.ix_(support, support)]
        assert span_bound(problem) == sum(value <= 0 for value in left_out_values(C, np.linalg.solve))


def test_narrow_kernels():
    """A point whose neighbours are of the other class is lost without itself; however faintly it sees them."""
    X, y = np.arange(6.0)[:, None], [1, -1] * 3
    near, far = (BayesPoint(X * spacing, y, GaussianKernel(0.5)) for spacing in (1, 10))
    assert (span_bound(near), span_bound(far)) == (6, 6)
    blind = BayesPoint(X * 1000, y, GaussianKernel(0.5))
    np.testing.assert_array_equal(blind.signed, np.eye(6))
    assert span_bound(blind) == 6
    assert radius_margin(far) == pytest.approx((1 - 1 / 6) * 6)


@pytest.mark.parametrize("width", [0.01, 0.02, 0.04])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_narrow_kernels_in_exact_arithmetic(width, seed):
    """Where alpha_i and [C_SV^-1]_ii agree in all digits of a float, their difference still tells the errors."""
    X = np.random.default_rng(seed).uniform(-1, 1, (8, 2))
    problem = BayesPoint(X, np.where((X**2).sum(axis=1) < 0.5, 1, -1), GaussianKernel(width))
    assert support_vector_machine(problem).posterior.coefficients.all()
    values = list(left_out_values(np.vectorize(Fraction, otypes=[object])(problem.signed), solve_exactly))
    assert min(abs(value) for value in values) < 1e-16
    assert span_bound(problem) == sum(value <= 0 for value in values)
    assert 0 < span_bound(problem) < 8


def solve_exactly(A, b):
    """Gauss and Jordan on fractions."""
    rows = np.column_stack([A, [Fraction(value) for value in b]])
    for i in range(len(rows)):
        rows[i] = rows[i] / rows[i, i]
        for j in range(len(rows)):
            if j != i and rows[j, i]:
                rows[j] = rows[j] - rows[j, i] * rows[i]
    return rows[:, -1]


def test_a_tie_is_an_error():
    """alpha_i >= [C_SV^-1]_ii: what no other support vector sees is undecided without itself."""
    assert span_bound(BayesPoint([[3.0]], [1])) == 1
    assert span_bound(BayesPoint([[1.0, 1.0], [30.0, -30.0]], [1, 1])) == 2


def test_radius_margin_does_not_know_units():
    X = np.random.default_rng(0).uniform(-1, 1, (20, 2))
    y = np.where(X[:, 0] > 0.1, 1, -1)
    one, other = (BayesPoint(scale * np.column_stack([X, np.ones(20)]), y) for scale in (1.0, 1e6))
    assert radius_margin(one) == pytest.approx(radius_margin(other), rel=1e-7)
    assert span_bound(one) == span_bound(other)


@pytest.mark.parametrize("criterion", [radius_margin, span_bound])
def test_noise_is_refused(criterion):
    with pytest.raises(ValueError, match=r"problem.replace\(noise=0, slack=0\)"):
        criterion(BayesPoint([[1.0]], [1], noise=0.1))
