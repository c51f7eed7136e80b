"""EP at inducing points: full EP where all data are inducing points, closed forms, central differences."""

import numpy as np
import pytest

from epbook import BayesPoint, Clutter, GaussianKernel, Step, ep
from epbook.fast.inducing import InducingGaussian, SpreadGaussian
from epbook.fast.inducing_bayes_point import InducingBayesPoint
from epbook.fast.moments import moments
from epbook.fast.sweeps import chunked_ep
from epbook.kernels import PolynomialKernel


def data(n=60, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 2))
    return X, np.where(X[:, 0] * X[:, 1] + 0.3 * rng.standard_normal(n) > 0, 1.0, -1.0)


class Scaled:
    """variance times (1 + x.y) squared: a kernel whose diagonal changes with its parameter."""

    def __init__(self, variance):
        self.parameters = np.array([variance])

    def __call__(self, X, Y):
        return self.parameters[0] * PolynomialKernel(2)(X, Y)

    def with_parameters(self, values):
        return Scaled(values[0])

    def gradient(self, X, weights):
        return np.array([np.sum(weights * self(X, X))])


SETTINGS = [
    {"kernel": GaussianKernel(0.8), "slack": 1.0},
    {"kernel": GaussianKernel([0.8, 1.5]), "noise": 0.05, "slack": 0.3, "bias": True},
    {"kernel": Scaled(0.5), "noise": 0.05, "slack": 0.5},
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_all_data_as_inducing_points_give_full_ep(settings):
    X, y = data()
    full, ours = BayesPoint(X, y, **settings), InducingBayesPoint(X, y, inducing=X, **settings)
    plain, result = ep(full.posterior(), full.terms, tol=1e-10), ours.ep(tol=1e-10)
    assert result.log_evidence == pytest.approx(plain.log_evidence, abs=1e-8)
    np.testing.assert_allclose(result.posterior.X @ result.mean, plain.mean, atol=1e-7)
    np.testing.assert_allclose(ours.leave_one_out(result), full.leave_one_out(plain), atol=1e-8)
    new = np.random.default_rng(1).standard_normal((9, 2))
    np.testing.assert_allclose(ours.latent(result, new), full.latent(plain, new), atol=1e-6)
    np.testing.assert_allclose(ours.predict_proba(result, new), full.predict_proba(plain, new), atol=1e-7)
    for a, b in zip(ours.log_evidence_gradient(result), full.log_evidence_gradient(plain), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("power", [1.0, 0.5])
def test_one_site_at_a_time_gives_the_same(power):
    X, y = data(40)
    problem = InducingBayesPoint(X, y, GaussianKernel(0.8), X[:7], noise=0.1)
    slow, fast = (problem.ep(method, tol=1e-10, power=power) for method in ("sequential", "auto"))
    assert slow.converged and fast.converged
    assert fast.log_evidence == pytest.approx(slow.log_evidence, abs=1e-9)
    np.testing.assert_allclose(fast.mean, slow.mean, atol=1e-8)
    np.testing.assert_allclose(fast.covariance, slow.covariance, atol=1e-8)
    again = ep(fast.posterior, problem.terms, tol=1e-8, power=power)
    assert again.converged and again.passes == 1


def test_the_evidence_nears_that_of_full_ep():
    X, y = data(120)
    full = BayesPoint(X, y, GaussianKernel(1.0), slack=0.5)
    evidence = ep(full.posterior(), full.terms, tol=1e-8).log_evidence
    order = np.random.default_rng(0).permutation(120)
    gaps = [abs(_run(X, y, X[order[:m]]).log_evidence - evidence) for m in (3, 12, 40, 80)]
    assert gaps[0] > 10 and gaps[3] < 0.05
    assert gaps[0] > 2 * gaps[1] > 4 * gaps[2] > 8 * gaps[3]


def _run(X, y, points):
    return InducingBayesPoint(X, y, GaussianKernel(1.0), points, slack=0.5).ep(tol=1e-8)


@pytest.mark.parametrize("power", [1.0, 0.5, 0.1])
def test_gaussian_terms_have_the_closed_form_from_fitc_to_the_bound(power):
    """Bui, Yan and Turner (2017): log N(y; 0, Q + power diag(K - Q) + I) and a correction that is 0 at power 1."""
    rng = np.random.default_rng(2)
    X, values, kernel = rng.standard_normal((25, 1)), rng.standard_normal(25), GaussianKernel(0.5)
    Z = X[:6]
    q = InducingGaussian(kernel(Z, Z), kernel(Z, X), np.ones(25))
    result = chunked_ep(q, [Clutter(value, w=0.0) for value in values.tolist()], power=power, tol=1e-9)
    Q = kernel(X, Z) @ np.linalg.solve(kernel(Z, Z), kernel(Z, X))
    left = 1 - np.diag(Q)
    covariance = Q + np.diag(power * left + 1)
    sign, log_det = np.linalg.slogdet(2 * np.pi * covariance)
    expected = -0.5 * (log_det + values @ np.linalg.solve(covariance, values))
    expected -= 0.5 * (1 - power) / power * np.log1p(power * left).sum()
    assert sign == 1 and result.log_evidence == pytest.approx(expected, abs=1e-7)
    np.testing.assert_allclose(q.X @ result.mean, Q @ np.linalg.solve(covariance, values), atol=1e-6)


def test_toward_power_zero_it_is_a_bound_that_more_points_raise():
    X, y = data(40)
    full = BayesPoint(X, y, GaussianKernel(1.0), noise=0.1)
    exact = ep(full.posterior(), full.terms, tol=1e-8).log_evidence
    problems = [InducingBayesPoint(X, y, GaussianKernel(1.0), X[:m], noise=0.1) for m in (3, 10, 25)]
    bounds = [problem.ep(power=1e-3, damping=0.0, tol=1e-5).log_evidence for problem in problems]
    assert bounds[0] < bounds[1] < bounds[2] < exact


@pytest.mark.parametrize("settings", SETTINGS)
def test_gradients_are_central_differences(settings):
    X, y = data()
    problem = InducingBayesPoint(X, y, inducing=X[:9], jitter=1e-4, **settings)
    gradient, h = problem.log_evidence_gradient(problem.ep(tol=1e-11)), 1e-4

    def evidence(**changes):
        return problem.replace(**changes).ep(tol=1e-11).log_evidence

    def slope(name):
        value = getattr(problem.term, name)
        return (evidence(**{name: value + h}) - evidence(**{name: value - h})) / (2 * h)

    kernel = settings["kernel"]
    for k, found in enumerate(gradient.log_parameters):
        along = h * (np.arange(len(kernel.parameters)) == k)
        ends = [evidence(kernel=kernel.with_parameters(kernel.parameters * np.exp(step))) for step in (along, -along)]
        assert found == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-6, abs=1e-6)
    assert len(gradient.log_parameters) == len(kernel.parameters)
    assert gradient.slack == pytest.approx(slope("slack"), rel=1e-5)
    if problem.term.noise:
        assert gradient.noise == pytest.approx(slope("noise"), rel=1e-5)


@pytest.mark.parametrize("power", [1.0, 0.4])
def test_the_weights_of_every_kernel_value_hold_at_any_power(power):
    rng = np.random.default_rng(5)
    X, y = data(20)
    kernel, Z, terms = GaussianKernel(1.0), X[:5] + 0.1, [Step(noise=0.1)] * 20
    whole = kernel(np.vstack([Z, X]), np.vstack([Z, X])) + 0.05 * np.eye(25)
    noise = rng.standard_normal((25, 25))
    change = 1e-4 * (noise + noise.T)

    def run(s):
        K = whole + s * change
        q = InducingGaussian(K[:5, :5], K[:5, 5:] * y, np.diag(K)[5:].copy(), jitter=1e-3)
        return chunked_ep(q, terms, power=power, tol=1e-12)

    q = run(0.0).posterior
    mean, variance = q.marginals()
    left = 1 - power * variance * q.sites.precision
    cavity = (mean - power * variance * q.sites.shift) / left, variance / left + q.spread
    _, gradient, curvature = moments(terms)(*cavity, power)
    weights = q.evidence_weights((gradient**2 - curvature) / (2 * power))
    expected = np.sum(weights.Kuu * change[:5, :5]) + np.sum(weights.Kuf * change[:5, 5:] * y)
    expected += weights.diagonal @ np.diag(change)[5:]
    assert run(1.0).log_evidence - run(-1.0).log_evidence == pytest.approx(2 * expected, rel=1e-5)


def test_a_spread_stays_through_the_algebra():
    q = SpreadGaussian(2.0, 1.0)
    q.spread = 3.0
    cavity = q / SpreadGaussian(0.5, 0.0)
    assert cavity.spread == 3.0 and cavity.precision == 1.5
    log_z, tilted = cavity.moment_match(Step(slack=1.0))
    expected, wider = SpreadGaussian(1.5, 1.0).moment_match(Step(slack=2.0))
    assert log_z == pytest.approx(expected) and tilted.mean == pytest.approx(wider.mean)


def test_parts_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="Kuf needs a row"):
        InducingGaussian(np.eye(2), np.ones((3, 4)), np.ones(4))
    with pytest.raises(ValueError, match="point 1 has more covariance"):
        InducingGaussian(np.eye(2), [[0.1, 2.0], [0.1, 0.0]], np.ones(2))
    with pytest.raises(ValueError, match="entry 1 is 0"):
        InducingGaussian(np.eye(2), np.full((2, 2), 0.1), [1.0, 0.0])
