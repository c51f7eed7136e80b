"""Mixture problems: their parts, their exact answers, EP on them."""

import math

import numpy as np
import pytest
from mixture_problems import P3, PROBLEMS, problems
from scipy import stats
from scipy.integrate import quad
from scipy.special import expit, softmax

from epbook import ClutterProblem, Dirichlet, DirichletTwoMoments, MixtureWeights, ep
from epbook.models import LogisticNormal
from epbook.rivals import laplace, quadrature


def some_theta(problem, size=7):
    return problem.prior().sample(size, rng=5)


@problems
def test_likelihood_is_the_product_of_terms_and_of_sums_of_parts(problem):
    theta = some_theta(problem)
    want = sum(term.log_value(theta) for term in problem.terms)
    np.testing.assert_allclose(problem.log_likelihood(theta), want, rtol=1e-12)
    np.testing.assert_allclose(np.logaddexp.reduce(problem.log_parts(theta), axis=-1).sum(axis=-1), want, rtol=1e-12)
    np.testing.assert_allclose(problem.log_joint(theta), want + problem.prior().log_density(theta), rtol=1e-12)
    assert problem.log_likelihood(theta[0]) == pytest.approx(want[0])


@problems
def test_blocks_do_not_show(problem):
    theta = some_theta(problem, 4001)
    whole, piece = problem.log_likelihood(theta), problem.log_likelihood(theta[3000:3003])
    np.testing.assert_array_equal(whole[3000:3003], piece)
    assert problem.log_likelihood(theta[:4000].reshape(40, 100, *np.shape(problem.start))).shape == (40, 100)
    assert problem.log_likelihood(theta[:0].reshape(0, 3, *np.shape(problem.start))).shape == (0, 3)


def test_an_impossible_theta_has_probability_zero():
    assert MixtureWeights([[0.0, 0.2], [0.1, 0.1]]).log_likelihood([1.0, 0.0]) == -math.inf


@problems
def test_responsibilities_are_bayes_rule(problem):
    theta = some_theta(problem)[0]
    parts = np.exp(problem.log_parts(theta))
    np.testing.assert_allclose(problem.responsibilities(theta), parts / parts.sum(axis=1, keepdims=True), rtol=1e-12)


@problems
def test_given_is_prior_times_parts_to_the_power_of_shares(problem):
    shares = np.random.default_rng(2).dirichlet(np.ones(problem.parts), problem.n) * (problem.log_parts(problem.start) > -np.inf)
    density, log_weight = problem.given(shares)
    theta = some_theta(problem)
    parts = problem.log_parts(theta)
    powers = np.where(shares > 0, shares * np.where(parts > -np.inf, parts, 0), 0).sum(axis=(-2, -1))
    np.testing.assert_allclose(problem.prior().log_density(theta) + powers, log_weight + density.log_density(theta), rtol=1e-11)


@problems
def test_expected_parts_against_draws(problem):
    q = problem.given(np.full((problem.n, problem.parts), 0.5))[0]
    parts = problem.log_parts(q.sample(100_000, rng=1))
    want = problem.expected_log_parts(q)
    possible = want > -np.inf
    np.testing.assert_allclose(parts[:, possible].mean(axis=0), want[possible], atol=0.1)
    assert (parts[:, ~possible] == -np.inf).all()


@problems
def test_em_climbs_to_a_stationary_point(problem):
    """Of the joint in theta, and for weights in the softmax basis."""
    theta = problem.start
    simplex = isinstance(problem, MixtureWeights)

    def height(theta):
        return problem.log_joint(theta) + (np.log(theta).sum() if simplex else 0.0)

    for _ in range(2000):
        before, theta = theta, problem.climb(theta)
        assert height(theta) >= height(before) - 1e-12
    for unit in 1e-5 * np.eye(max(1, np.size(theta))):
        move = (lambda t, h: softmax(np.log(t) + h)) if simplex else (lambda t, h: t + h)
        unit = unit if np.ndim(theta) else unit[0]
        assert (height(move(theta, unit)) - height(move(theta, -unit))) / 2e-5 == pytest.approx(0, abs=1e-8)


def simplex_rule(function, knots=24):
    """Integral over three weights by Gauss-Legendre on a square folded to the triangle: exact for polynomials."""
    x, weight = np.polynomial.legendre.leggauss(knots)
    s, t = np.meshgrid((x + 1) / 2, (x + 1) / 2)
    w = np.stack([s, (1 - s) * t, (1 - s) * (1 - t)], axis=-1)
    return np.einsum("ij,i,j,ij...->...", 1 - s, weight / 2, weight / 2, function(w))


def test_exact_weights_against_gauss_legendre():
    exact, problem = PROBLEMS["three weights"].exact(), PROBLEMS["three weights"]

    def moment(function):
        return simplex_rule(lambda w: np.einsum("ij,ij...->ij...", np.exp(problem.log_joint(w)), function(w)))

    evidence = moment(lambda w: np.ones(w.shape[:2]))
    assert math.exp(exact.log_evidence) == pytest.approx(evidence, rel=1e-12)
    np.testing.assert_allclose(exact.mean, moment(lambda w: w) / evidence, rtol=1e-12)
    second = moment(lambda w: w[..., :, None] * w[..., None, :]) / evidence
    np.testing.assert_allclose(exact.covariance, second - np.outer(exact.mean, exact.mean), atol=1e-13)
    x, weight = np.polynomial.legendre.leggauss(40)
    two = 0.5 * weight @ np.exp(PROBLEMS["two weights"].log_joint(np.column_stack([(1 + x) / 2, (1 - x) / 2])))
    assert math.exp(PROBLEMS["two weights"].exact().log_evidence) == pytest.approx(two, rel=1e-12)


@pytest.mark.parametrize("name", ["two weights", "three weights"])
def test_exact_expected_logs_against_draws(name):
    """Draws from the prior, weighted by the likelihood."""
    problem = PROBLEMS[name]
    w = problem.sample_prior(400_000, rng=0)
    weight = softmax(problem.log_likelihood(w))
    np.testing.assert_allclose(problem.exact_expected_logs(), weight @ np.log(w), atol=0.01)


@pytest.mark.parametrize("w", [[3.0, 4.0], [1.5, -0.5], [0.5, 0.5 + 1e-6]])
def test_off_the_simplex_the_joint_is_zero(w):
    assert MixtureWeights([[0.3, 0.1]]).log_joint(w) == -math.inf
    assert Dirichlet([0.5, 1.0]).log_density(w) == -math.inf


def test_three_weights_need_the_prior_s_normaliser():
    """With the thesis's s_0 = 1, (3.101), EP's first pass is off by log Gamma(3) from ADF's product of Z_i, (3.95)."""
    problem = PROBLEMS["three weights"]
    q, log_evidence = Dirichlet([1.0, 1.0, 1.0]), 0.0
    for term in problem.terms:
        log_z, q = q.moment_match(term)
        log_evidence += log_z
    adf = ep(problem.posterior(), problem.terms, passes=1)
    assert adf.log_evidence == pytest.approx(log_evidence, abs=1e-13)
    printed = q.log_normaliser + sum(adf.posterior.log_scales)
    assert log_evidence - printed == pytest.approx(math.lgamma(3), abs=1e-13)


@pytest.mark.parametrize("family", [Dirichlet, DirichletTwoMoments])
def test_the_order_of_components_is_no_matter(family):
    order = [2, 0, 1]
    one, other = MixtureWeights(P3), MixtureWeights(P3[:, order])
    a, b = (ep(problem.posterior(family), problem.terms, tol=1e-10) for problem in (one, other))
    assert a.converged and a.log_evidence == pytest.approx(b.log_evidence, abs=1e-12)
    np.testing.assert_allclose(a.mean[order], b.mean, atol=1e-11)
    np.testing.assert_allclose(one.exact().mean[order], other.exact().mean, atol=1e-13)


def test_sample_follows_the_model():
    problem = MixtureWeights.sample(20_000, weights=(0.2, 0.8), means=(0, 5), variances=(1, 4), rng=0)
    assert problem.x.mean() == pytest.approx(4, abs=0.1)
    assert problem.x.var() == pytest.approx(0.2 + 3.2 + 4, abs=0.2)
    np.testing.assert_allclose(problem.densities, stats.norm([0, 5], [1, 2]).pdf(problem.x[:, None]))
    assert problem.sample_prior(5, rng=0).shape == (5, 2)


def test_range_holds_all_of_the_joint():
    far = ClutterProblem(np.linspace(7, 9, 20), 0.0, 0.05)  # at 4, between data and prior
    for problem in (PROBLEMS["1-D"], ClutterProblem([1.0], w=0.0), ClutterProblem([3.0], 0.5, 1e-3), far):
        low, high = problem.range
        best = problem.log_joint(np.linspace(low, high, 4001)).max()
        assert max(problem.log_joint(low), problem.log_joint(high)) < best - 40


def test_a_tight_prior_shrinks_the_range():
    problem = ClutterProblem([8.0, 1.0, 2.0], prior_variance=1e-6)
    assert problem.range == pytest.approx((-0.012024, 0.012024), rel=1e-2) and type(problem.range[0]) is float
    assert quadrature(problem).log_evidence == pytest.approx(problem.exact().log_evidence, abs=1e-9)


def test_five_weights_have_an_evidence_but_no_mean():
    """Alike densities: the posterior is the prior, whose mode and curvature in the softmax basis are known."""
    result = laplace(MixtureWeights(np.ones((3, 5))))
    blend = np.eye(4) / 5 - 1 / 25  # precision is K times this
    want = math.lgamma(5) + 5 * math.log(0.2) + 0.5 * (4 * math.log(2 * math.pi) - np.linalg.slogdet(5 * blend)[1])
    assert result.converged and result.log_evidence == pytest.approx(want, abs=1e-12)
    assert result.mean.shape == (5,) and np.isnan(result.mean).all() and np.isnan(result.covariance).all()
    np.testing.assert_allclose(result.posterior.gaussian.mean, 0, atol=1e-12)


def test_logistic_normal_against_quadrature():
    q = LogisticNormal([0.7], [[2.0]])
    want = quad(lambda u: expit(u) * np.exp(q.gaussian.log_density(np.array([u]))), -20, 20, epsabs=1e-13)[0]
    assert q.mean[0] == pytest.approx(want, abs=1e-12)
    inside = quad(lambda w: np.exp(q.log_density([w, 1 - w])) * w, 0, 1, epsabs=1e-12)[0]
    assert inside == pytest.approx(want, abs=1e-9)
    three = LogisticNormal([0.7, -0.3], [[2.0, 0.5], [0.5, 1.0]])
    draws = softmax(np.column_stack([three.gaussian.sample(200_000, rng=0), np.zeros(200_000)]), axis=1)
    np.testing.assert_allclose(three.mean, draws.mean(axis=0), atol=3e-3)
    np.testing.assert_allclose(three.covariance, np.cov(draws, rowvar=False), atol=1e-3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MixtureWeights([0.1, 0.2]), "densities needs 2 axes, not 1"),
        (lambda: MixtureWeights([[0.1, 0.2], [np.nan, 0.1]]), "densities must be finite, but row 1"),
        (lambda: MixtureWeights([[0.1, -0.2]]), "densities must be >= 0"),
        (lambda: MixtureWeights([[0.1], [0.2]]), "at least two components"),
        (lambda: MixtureWeights(np.ones((120, 4))).exact(), r"takes n \(n \+ 1\)\^\(K - 1\) = 212587320 sums"),
        (lambda: MixtureWeights(np.ones((20_000, 2))).exact_expected_logs(), "sums, more than 100000000"),
        (lambda: MixtureWeights(P3).log_joint([0.5, 0.5]), "theta needs 3 coordinates"),
        (lambda: MixtureWeights.sample(0), "n must lie in"),
        (lambda: MixtureWeights.sample(3, weights=(0.5, 0.6)), "sum to 1"),
        (lambda: MixtureWeights.sample(3, means=(0, 1, 2)), "must have one shape"),
        (lambda: MixtureWeights.sample(3, variances=(0, 1)), "variances must be positive"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()
