"""The integration methods of chapter 2, each against an answer found another way."""

import math

import mpmath
import numpy as np
import pytest
from scipy import stats

from epbook import ClutterProblem, Gaussian, Logistic, LogisticIntegrand, MixtureWeights, ep
from epbook.models.exact import grid_moments
from epbook.rivals import (
    Samples,
    importance,
    integrand_bound,
    jensen,
    metropolis,
    quadrature,
    uniform,
)

SHAPES = [(20.0, 4.0), (-3.0, 1.0), (0.0, 0.7), (1000.0, -2000.0), (20.0, -500.0), (-20.0, -500.0), (2.0, 300.0)]
GROUPED = np.concatenate([np.full(3, -4.0), np.zeros(3), np.full(3, 4.0)]) + np.linspace(-0.5, 0.5, 9)


def agrees(result, exact, evidence, mean, variance):
    """Whether evidence (relative), mean and variance are as near to the exact ones as told."""
    errors = exact.errors(result)
    return errors[0] < evidence and errors[1] < mean and np.max(np.abs(result.covariance - exact.covariance)) < variance


@pytest.mark.parametrize("shape", SHAPES)
def test_the_integrand_is_integrated_wherever_its_step_is(shape):
    a, b = shape
    problem = LogisticIntegrand(a, b)
    low, high = problem.range
    middle = (low + high) / 2
    with mpmath.workdps(20):
        log_f = lambda x: -x * x / 2 - mpmath.log1p(mpmath.exp(-a * x - b)) - mpmath.log(2 * mpmath.pi) / 2
        top = log_f(mpmath.mpf(middle))
        places = sorted({low - 3, middle, high + 3} | ({-b / a} if a and low < -b / a < high else set()))
        moments = [mpmath.quad(lambda x, k=k: x**k * mpmath.exp(log_f(x) - top), places) for k in range(3)]
        mean = moments[1] / moments[0]
        want = [float(v) for v in (mpmath.log(moments[0]) + top, mean, moments[2] / moments[0] - mean**2)]
    exact = problem.exact()
    np.testing.assert_allclose([exact.log_evidence, exact.mean, exact.covariance], want, rtol=1e-9, atol=1e-9)
    one_term = ep(problem.posterior(), problem.terms)
    assert one_term.converged and agrees(one_term, exact, 1e-8, 1e-8, 1e-8)


@pytest.mark.parametrize("term", [Logistic(20, 4), Logistic(-2, 3), Logistic(0, 1), Logistic(300, -900)], ids=repr)
@pytest.mark.parametrize("cavity", [(0.3, 0.5), (-2.0, 40.0)])
@pytest.mark.parametrize("power", [1.0, 0.3, 2.5])
def test_logistic_moments_by_a_finer_sum(term, cavity, power):
    mean, variance = cavity
    q, sd = Gaussian.from_moments(mean, variance), math.sqrt(variance)
    exact = grid_moments(lambda t: power * term.log_value(t) + q.log_density(t), mean - 15 * sd, mean + 15 * sd, 1e-3)
    log_z, gradient, curvature = term.log_z(mean, variance, power)
    matched = mean + variance * gradient, variance - variance**2 * curvature
    np.testing.assert_allclose([log_z, *matched], [exact.log_evidence, exact.mean, exact.covariance], rtol=1e-9)


def test_a_climb_never_falls_even_from_far_on_a_steep_step():
    problem = LogisticIntegrand(1000.0, -2000.0)
    theta, heights = 40.0, []
    for _ in range(60):
        heights.append(float(problem.log_joint(theta)))
        theta = problem.climb(theta)
    assert (np.diff(heights) >= 0).all()
    assert problem._derivatives(theta)[0] == pytest.approx(0, abs=1e-6)


def test_weighted_samples_are_their_weighted_moments():
    rng = np.random.default_rng(0)
    values, weights = rng.standard_normal((50, 3)), rng.random(50)
    samples = Samples(values, np.log(weights) - 800)
    np.testing.assert_allclose(samples.mean, np.average(values, axis=0, weights=weights))
    np.testing.assert_allclose(samples.covariance, np.cov(values.T, aweights=weights, ddof=0))
    np.testing.assert_allclose(samples.variance, np.diag(samples.covariance))
    assert samples.effective_size == pytest.approx(weights.sum() ** 2 / (weights**2).sum())
    assert Samples(values).effective_size == pytest.approx(50)
    with pytest.raises(ValueError, match="50 points need as many log weights"):
        Samples(values, [0.0])


def test_quadrature_converges_and_pays_for_new_knots_only():
    problem = ClutterProblem(GROUPED)
    result = quadrature(problem, knots=[2**k + 1 for k in range(1, 12)])
    assert agrees(result, problem.exact(), 1e-10, 1e-10, 1e-8)
    again = quadrature(problem, knots=[2049])  # all at once
    assert again.log_evidence == pytest.approx(result.log_evidence, abs=1e-12)
    assert 2049 * problem.flops < again.history[-1].flops < result.history[-1].flops < 1.1 * again.history[-1].flops


SAMPLERS = {
    "prior": importance,
    "wide": lambda problem, n, rng: importance(problem, n, stats.norm(0, 8), rng),
    "uniform": lambda problem, n, rng: uniform(problem, n, -20, 20, rng),
    "default interval": lambda problem, n, rng: uniform(problem, n, rng=rng),
}


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("problem", [LogisticIntegrand(), ClutterProblem(GROUPED)], ids=["logistic", "clutter"])
def test_samplers_find_evidence_and_moments(name, problem):
    result = SAMPLERS[name](problem, 100_000, rng=1)
    assert result.converged and agrees(result, problem.exact(), 0.06, 0.1, 0.3)
    assert [len(result.history), result.history[3].flops] == [18, 8 * result.history[0].flops]


@pytest.mark.parametrize("name", ["wide", "uniform"])
def test_samplers_err_by_what_the_variance_formula_says(name):
    """Relative variance of (2.4) a sample: the integral of f^2 / p over I^2, minus 1."""
    problem, n = LogisticIntegrand(), 512
    exact, proposal = problem.exact(), stats.norm(0, 8) if name == "wide" else stats.uniform(-20, 40)
    with np.errstate(divide="ignore"):
        square = grid_moments(lambda t: 2 * problem.log_joint(t) - proposal.logpdf(t), -20, 20, 1e-3).log_evidence
    want = math.sqrt(math.expm1(square - 2 * exact.log_evidence) / n)
    ratios = np.exp([SAMPLERS[name](problem, n, rng=seed).log_evidence - exact.log_evidence for seed in range(300)])
    assert abs(ratios.mean() - 1) < 4 * want / math.sqrt(300)
    assert ratios.std() == pytest.approx(want, rel=0.15)


def test_importance_and_metropolis_in_two_dimensions():
    problem = ClutterProblem.sample(12, d=2, w=0.2, rng=0)
    exact = problem.exact()
    proposal = stats.multivariate_t(exact.mean, exact.covariance, df=1)  # reaches the prior's tails
    assert agrees(importance(problem, 50_000, proposal, rng=0), exact, 0.03, 0.03, 0.1)
    assert importance(problem, 1, proposal, rng=0).mean.shape == (2,)
    walk = metropolis(problem, 40_000, width=1.2, rng=0)
    assert exact.errors(walk)[1] < 0.05
    np.testing.assert_allclose(walk.covariance, exact.covariance, atol=0.05)
    assert math.isnan(walk.log_evidence)


@pytest.mark.parametrize("problem", [LogisticIntegrand(), ClutterProblem(GROUPED)], ids=["logistic", "clutter"])
def test_metropolis_visits_as_often_as_the_posterior_asks(problem):
    result = metropolis(problem, 40_000, width=4.0, start=1.0, rng=2)
    exact = problem.exact()
    assert exact.errors(result)[1] < 0.15
    assert result.variance == pytest.approx(exact.variance, rel=0.1)
    walk = result.posterior.values
    accepted = np.count_nonzero(np.diff(walk, prepend=1.0)) / len(walk)
    assert f"accepted {accepted:.0%}" in result.status


def test_metropolis_detailed_balance():
    """Between two halves of the line, the walk crosses as often to the right as to the left, and each as the exact chain."""
    problem, width = LogisticIntegrand(), 1.0
    walk = metropolis(problem, 60_000, width=width, rng=3).posterior.values
    grid = np.linspace(-2, 6, 801)
    density = np.exp(problem.log_joint(grid) - problem.exact().log_evidence)
    move = stats.norm(grid[:, None], width).pdf(grid) * np.minimum(1, density / density[:, None])
    right = grid > 0.6
    want = density[~right] @ move[np.ix_(~right, right)].sum(axis=1) * 0.01**2
    crossed = np.mean((walk[:-1] <= 0.6) & (walk[1:] > 0.6))
    assert crossed == pytest.approx(want, rel=0.06)


def test_one_sample_is_worth_its_weight():
    problem = LogisticIntegrand()
    result = importance(problem, 1, rng=0)
    assert result.log_evidence == pytest.approx(problem.log_likelihood(result.mean), abs=1e-15)


def test_samples_keep_what_they_were_given():
    log_weights = np.zeros(2)
    samples = Samples([1.0, 2.0], log_weights)
    log_weights[0] = -math.inf
    assert samples.log_weights.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("term", [Logistic(20, 4), Logistic(0, 1)], ids=repr)
def test_a_whole_number_is_a_mean_too(term):
    assert term.log_z(1, 0.5) == term.log_z(1.0, 0.5)


def test_a_sampler_that_misses_says_so():
    class Hole(LogisticIntegrand):
        def log_likelihood(self, theta):
            return np.where(np.asarray(theta) > 50, 0.0, -math.inf)

    result = importance(Hole(), 100, rng=0)
    assert not result.converged and "none of 100" in result.status and result.log_evidence == -math.inf
    assert math.isnan(result.mean)
    with pytest.raises(ValueError, match="the joint is zero at start"):
        metropolis(Hole(), 10)


@pytest.mark.parametrize("method", [quadrature, uniform, jensen])
def test_one_dimension_only(method):
    with pytest.raises(ValueError, match=r"one dimension, and theta has shape \(2,\)"):
        method(ClutterProblem([[0.0, 1.0]]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: quadrature(p, 3, 2), "low must lie in"),
        (lambda p: quadrature(p, -math.inf, 2), "low must be finite"),
        (lambda p: quadrature(p, knots=[1]), "knots must lie in"),
        (lambda p: quadrature(p, knots=[]), "knots is empty"),
        (lambda p: uniform(p, 10, 1, 1), "low must lie in"),
        (lambda p: importance(p, 0), "samples must lie in"),
        (lambda p: importance(p, 4, stats.multivariate_normal([0, 0])), "draws of the proposal have shape"),
        (lambda p: metropolis(p, start=[0.0, 1.0]), r"start must have shape \(\) like theta, not \(2,\)"),
        (lambda p: metropolis(p, width=0), "width must lie in"),
        (lambda p: metropolis(MixtureWeights.sample(5, rng=0)), "ranges over the whole space"),
        (lambda p: jensen(p, (0.0, -1.0)), "variance must be positive"),
        (lambda p: jensen(p, 3.0), "start must be a mean and a variance, not 3.0"),
        (lambda p: quadrature(p, knots=257), r"knots must list how many for one grid after the other, like \[257\]"),
        (lambda p: importance(p, proposal=(0, 1)), r"proposal must have rvs and logpdf, like .*, not be \(0, 1\)"),
        (lambda p: Samples([1.0, 2.0], [0.0, math.nan]), "log weights must be below infinity, but that of point 1 is nan"),
        (lambda p: Samples([1.0, 2.0], [math.inf, 0.0]), "log weights must be below infinity, but that of point 0 is inf"),
        (lambda p: Logistic(1.0).log_z(np.zeros(2), 1.0), r"needs one dimension, not shape \(2,\)"),
        (lambda p: Logistic(1e7).log_z(0, 1.0), "the integral needs a million points or fewer"),
        (lambda p: integrand_bound(ClutterProblem([1.0])), "not under ClutterProblem"),
        (lambda p: LogisticIntegrand(a=1e5), "steepness"),
        (lambda p: Logistic(math.nan), "slope must be finite"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(LogisticIntegrand())
