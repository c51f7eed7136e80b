"""The support vector machine, least distances and TAP: optimality conditions, closed forms, other people's programs."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.svm import SVC

from epbook import BayesPoint, ConvergenceWarning, GaussianKernel, LinearKernel, NotSeparableError, PolynomialKernel, Step, ep
from epbook.model_selection import radius_margin, span_bound
from epbook.rivals import billiard, support_vector_machine, tap
from epbook.rivals.least_distance import least_distance
from epbook.rivals.separator import Coordinates

X3, Y3 = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]], [-1, -1, 1]


def disc(n=40, rng=0, **options):
    """Points in a square, and whether they lie in the disc."""
    X = np.random.default_rng(rng).uniform(-1, 1, (n, 2))
    return BayesPoint(X, np.where((X**2).sum(axis=1) < 0.5, 1, -1), **options)


def halfplane(n=12, d=3, rng=0, **options):
    X = np.random.default_rng(rng).standard_normal((n, d))
    return BayesPoint(X, np.where(X[:, 0] + 0.3 > 0, 1, -1), bias=True, **options)


PROBLEMS = {
    "3 points": BayesPoint(X3, Y3, bias=True),
    "weights, n > d": halfplane(),
    "weights, n < d": halfplane(5, 9),
    "narrow kernel": disc(kernel=GaussianKernel(0.2)),
    "wide kernel": disc(kernel=GaussianKernel(1.0)),
    "singular kernel": disc(kernel=PolynomialKernel(2)),
    "repeated points": BayesPoint(X3 * 4, Y3 * 4, LinearKernel(), bias=True),
}
EVERY = pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS.keys())


@EVERY
def test_coordinates_have_the_inner_products(problem):
    points = Coordinates(problem)
    C = problem.signed if problem.kernel else problem.signed @ problem.signed.T
    np.testing.assert_allclose(points.rows @ points.rows.T, C, atol=1e-12 * C.max())
    assert points.rows.shape[1] == (np.linalg.matrix_rank(C) if problem.kernel else problem.signed.shape[1])
    if problem.kernel:
        w = np.random.default_rng(0).standard_normal(points.rows.shape[1])
        np.testing.assert_allclose(C @ points.coefficients(w), points.mean(w), rtol=1e-5, atol=1e-6)


@EVERY
@pytest.mark.parametrize("free_bias", [False, True])
def test_optimality_of_the_machine(problem, free_bias):
    """Karush, Kuhn and Tucker: every point beyond the margin, those that press on it at it, and nothing left over."""
    result = support_vector_machine(problem, free_bias)
    alpha, offset = result.posterior.coefficients, result.posterior.offset
    C = problem.signed if problem.kernel else problem.signed @ problem.signed.T
    reached = C @ alpha + problem.y * offset
    assert result.converged and (alpha >= 0).all()
    assert reached.min() == pytest.approx(1, abs=1e-7)
    np.testing.assert_allclose(reached[alpha > 0], 1, atol=1e-7)
    assert (abs(problem.y @ alpha) < 1e-8 * alpha.sum()) if free_bias else (offset == 0)
    assert result.posterior.margin == pytest.approx((alpha @ C @ alpha) ** -0.5)
    latent = C @ alpha if problem.kernel else alpha @ problem.signed
    np.testing.assert_allclose(result.mean, latent, atol=1e-7)
    np.testing.assert_array_equal(problem.predict(result, problem.X), problem.y)


def test_three_points():
    result = support_vector_machine(PROBLEMS["3 points"])
    np.testing.assert_allclose(result.mean, [2, 0, -1], atol=1e-12)
    assert result.status == "2 of 3 points support the margin 0.447"
    assert len(result.history) == 1 and np.isnan(result.log_evidence)


@pytest.mark.parametrize("name", ["3 points", "weights, n > d", "narrow kernel", "wide kernel", "singular kernel"])
def test_the_free_bias_is_that_of_libsvm(name):
    problem = PROBLEMS[name]
    kernel = problem.kernel or LinearKernel()
    new = np.random.default_rng(1).uniform(-2, 2, (30, problem.X.shape[1]))
    theirs = SVC(C=1e10, kernel=kernel, tol=1e-9).fit(problem.X, problem.y).decision_function(new)
    ours = problem.predictor(support_vector_machine(problem, free_bias=True)).mean(new)
    np.testing.assert_allclose(ours, theirs, atol=2e-4 * np.abs(theirs).max())


def test_the_free_bias_takes_over_from_a_bias_feature():
    plain = BayesPoint(*_one_side(), kernel=GaussianKernel(1.0))
    biased = plain.replace(bias=True)
    one, other = (support_vector_machine(problem, free_bias=True) for problem in (plain, biased))
    np.testing.assert_allclose(one.posterior.coefficients, other.posterior.coefficients, rtol=1e-6, atol=1e-9)
    assert support_vector_machine(plain).posterior.margin < one.posterior.margin


def _one_side():
    X = np.random.default_rng(2).uniform(0, 1, (15, 2))
    return X, np.where(X[:, 0] > 0.4, 1, -1)


def test_units_of_the_points_do_not_matter():
    X, y = _one_side()
    X = np.column_stack([X, np.ones(len(X))])
    for free_bias in (False, True):
        near, far = (support_vector_machine(BayesPoint(scale * X, y), free_bias).posterior for scale in (1.0, 1e8))
        np.testing.assert_allclose(far.coefficients, near.coefficients * 1e-16, rtol=1e-6)
        assert far.margin == pytest.approx(1e8 * near.margin) and far.offset == pytest.approx(near.offset, rel=1e-6)


def test_a_margin_lost_in_rounding_is_told():
    problem = BayesPoint([[1.0, 0.0], [1.0, 1e-7]], [1, -1])
    with pytest.warns(ConvergenceWarning, match="imprecise: .* centre and scale the features"):
        result = support_vector_machine(problem)
    assert not result.converged and result.status.startswith("imprecise: the nearest point has")
    nearer = SimpleNamespace(signed=np.array([[1.0, 0.0], [-1.0, -1e-16]]), y=np.array([1, -1]), kernel=None, term=Step())
    with pytest.raises(NotSeparableError, match="margin is lost in rounding"):
        support_vector_machine(nearer)


@pytest.mark.parametrize("gap", [1e-1, 1e-3, 1e-5])
def test_a_narrow_margin_keeps_its_digits(gap):
    """w = (1, -2 / gap), whose length is far beyond that of the points'."""
    result = support_vector_machine(BayesPoint([[1.0, 0.0], [1.0, gap]], [1, -1]))
    np.testing.assert_allclose(result.mean, [1, -2 / gap], rtol=0, atol=1e-8 / gap)
    np.testing.assert_allclose(result.posterior.coefficients, [1 + 2 / gap**2, 2 / gap**2], rtol=1e-6)


@pytest.mark.parametrize("method", [support_vector_machine, billiard, radius_margin, span_bound])
@pytest.mark.parametrize("scale", [1e200, 1e-170])
def test_squares_that_overflow_are_told(method, scale):
    with pytest.raises(ValueError, match="squared length of point 0 overflows or underflows: centre and scale"):
        method(BayesPoint(np.eye(2) * scale, [1, 1]))


@pytest.mark.parametrize("method", [radius_margin, span_bound, lambda problem: billiard(problem, 10, rng=0)])
def test_what_builds_on_an_imprecise_machine_warns(method):
    rng = np.random.default_rng(0)
    X = rng.uniform(0, 1, (40, 2))
    problem = BayesPoint(X + 500, np.where(X[:, 0] > 0.5, 1, -1), bias=True)
    with pytest.warns(ConvergenceWarning, match="imprecise: the nearest point has"):
        method(problem)


@pytest.mark.parametrize("price", [None, 0.0, 1.0])
def test_least_distance_by_trying_every_active_set(price):
    rng = np.random.default_rng(0)
    A, b, free = rng.standard_normal((6, 3)), rng.uniform(0.5, 1.5, 6), np.abs(rng.standard_normal(6))
    A *= np.sign(A[:, :1])  # so that a z exists
    free = None if price is None else free * [1, -1, 1, 1, -1, 1] if price == 0 else free
    answer = least_distance(A, b, free, price or 0.0)
    assert (_slack(A, b, free, answer.z, answer.t) > -1e-8).all()
    assert answer.z @ answer.z + (price or 0) * answer.t == pytest.approx(_brute(A, b, free, price or 0.0), rel=1e-7)
    np.testing.assert_allclose(answer.z, answer.multipliers @ A, atol=1e-8)


def _slack(A, b, free, z, t):
    return A @ z - b + (0 if free is None else t * free)


def _brute(A, b, free, price):
    """The least value over the stationary points of all subsets of equalities that satisfy the other inequalities."""
    best = np.inf
    for size in range(1, len(b) + 1):
        for active in map(list, itertools.combinations(range(len(b)), size)):
            K = np.zeros((size + 1, size + 1))
            K[:size, :size] = A[active] @ A[active].T
            right = np.append(b[active], 0.5 * price)
            if free is None:
                K[-1, -1] = 1.0
            else:
                K[:size, -1] = K[-1, :size] = free[active]
            if np.linalg.matrix_rank(K) == size + 1:
                *u, t = np.linalg.solve(K, right)
                z = np.array(u) @ A[active]
                if (_slack(A, b, free, z, t) > -1e-9).all():
                    best = min(best, z @ z + price * t)
    return best


def test_least_distance_without_an_answer():
    with pytest.raises(ValueError, match="no z satisfies A z >= b"):
        least_distance(np.array([[1.0], [-1.0]]), np.ones(2))


@pytest.mark.parametrize("noise", [0.0, 0.1])
@pytest.mark.parametrize("slack", [0.0, 0.5])
@pytest.mark.parametrize("rate", [0.1, 0.5])
@pytest.mark.parametrize("kernel", [None, GaussianKernel(1.0)])
def test_tap_ends_where_ep_ends(noise, slack, rate, kernel):
    problem = BayesPoint(X3, Y3, kernel, noise, slack, bias=True)
    one, other = tap(problem, rate), ep(problem.posterior(), problem.terms, tol=1e-10)
    assert one.converged and one.mismatch < 1e-10 and one.status.startswith("converged")
    np.testing.assert_allclose(one.mean, other.mean, atol=1e-8)
    np.testing.assert_allclose(one.covariance, other.covariance, atol=1e-8)
    assert one.log_evidence == pytest.approx(other.log_evidence, abs=1e-8)
    np.testing.assert_allclose(problem.predict_proba(one, X3), problem.predict_proba(other, X3), atol=1e-8)


def test_tap_of_a_larger_problem():
    problem = disc(kernel=GaussianKernel(0.5), noise=0.02)
    one, other = tap(problem, 0.2), ep(problem.posterior(), problem.terms, tol=1e-10)
    np.testing.assert_allclose(one.mean, other.mean, atol=1e-8)
    assert one.passes > 4 * other.passes  # the small steps that EP does not need


def test_the_first_small_step_of_tap():
    """From alpha = 0, every cavity is the prior and every pull sqrt(2 / (pi C_ii)), if no step is felt by the next."""
    problem, rate = disc(9, kernel=GaussianKernel(0.5)), 1e-7
    with pytest.warns(ConvergenceWarning, match="stopped after 1 passes"):
        first = tap(problem, rate, passes=1)
    np.testing.assert_allclose(first.posterior.coefficients, rate * np.sqrt(2 / np.pi), rtol=1e-5)
    np.testing.assert_allclose(first.mean, problem.signed @ first.posterior.coefficients, atol=1e-20)


def test_tap_diverges_with_a_warning():
    problem = disc(kernel=GaussianKernel(3.0))
    with pytest.warns(ConvergenceWarning, match="diverged in pass .* try a smaller rate"):
        result = tap(problem, rate=1.0)
    assert not result.converged and result.failed
    assert ep(problem.posterior(), problem.terms).converged


NOISY = BayesPoint(X3, Y3, noise=0.1, bias=True)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: support_vector_machine(NOISY), r"noise is 0.1 and slack 0: give it problem.replace\(noise=0, slack=0\)"),
        (lambda: support_vector_machine(BayesPoint(X3, Y3, slack=1.0, bias=True)), "noise is 0 and slack 1"),
        (lambda: billiard(NOISY), "billiard knows only separators without error"),
        (lambda: support_vector_machine(X3), "support_vector_machine needs a problem with signed"),
        (lambda: support_vector_machine(BayesPoint(X3[:1], [1], bias=True), True), "points of both classes"),
        (lambda: tap(X3), "tap needs a problem with signed"),
        (lambda: tap(NOISY, rate=0), r"rate must lie in \(0, 1\]"),
        (lambda: tap(NOISY, passes=0), "passes must lie in"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()
