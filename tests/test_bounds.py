"""Jensen's bound and the bound on the integrand: below the evidence, and the best of their kind."""

import math

import numpy as np
import pytest

from epbook import ClutterProblem, LogisticIntegrand, ep
from epbook.rivals import integrand_bound, jensen, laplace, variational_bayes
from epbook.rivals.integrand_bound import curve_below
from epbook.rivals.jensen import bound_and_slopes

GROUPED = np.concatenate([np.full(3, -4.0), np.zeros(3), np.full(3, 4.0)]) + np.linspace(-0.5, 0.5, 9)


def test_slopes_of_jensens_bound_by_differences():
    problem = ClutterProblem(GROUPED)
    _, slopes = bound_and_slopes(problem, 0.7, 0.2)
    for k, step in enumerate(1e-5 * np.eye(2)):
        up, down = (bound_and_slopes(problem, 0.7 + s * step[0], 0.2 + s * step[1])[0] for s in (1, -1))
        assert slopes[k] == pytest.approx((up - down) / 2e-5, rel=1e-7)


@pytest.mark.parametrize("n", [20, 200])
def test_jensens_bound_lies_between_variational_bayes_and_the_evidence(n):
    for seed in range(5):
        problem = ClutterProblem.sample(n, rng=seed)
        result = jensen(problem)
        assert result.converged, result.status
        assert variational_bayes(problem).log_evidence <= result.log_evidence <= problem.exact().log_evidence


@pytest.mark.parametrize("prior_variance", [1e4, 1e6, 1e8])
def test_jensen_finds_the_data_under_a_wide_prior(prior_variance):
    for seed in range(5):
        problem = ClutterProblem.sample(20, prior_variance=prior_variance, rng=seed)
        result = jensen(problem)
        assert result.converged and result.log_evidence >= variational_bayes(problem).log_evidence


def test_jensen_starts_before_variational_bayes_has_chosen_a_mode():
    problem = ClutterProblem.sample(20, rng=20)
    chosen = variational_bayes(problem)
    assert jensen(problem).log_evidence > jensen(problem, (chosen.mean, chosen.variance)).log_evidence + 1


def test_jensen_that_lost_the_data_says_what_to_do():
    problem = ClutterProblem.sample(20, prior_variance=1e8, rng=0)
    result = jensen(problem, start=(0.0, 1e8))
    assert not result.converged and result.status.endswith("iterations; try another start")


def test_jensen_takes_one_mode_or_the_other_by_its_start():
    problem = ClutterProblem(GROUPED * 3)
    left, right = jensen(problem, (-12.0, 1.0)), jensen(problem, (12.0, 1.0))
    assert left.mean < -10 and right.mean > 10
    assert max(left.log_evidence, right.log_evidence) < problem.exact().log_evidence


def test_jensens_bound_is_the_limit_of_power_ep():
    problem = ClutterProblem.sample(20, rng=0)
    near = ep(problem.posterior(), problem.terms, power=0.01, damping=0.5, tol=1e-6, passes=1000)
    assert near.converged
    best = jensen(problem)
    assert [near.mean, near.variance] == pytest.approx([best.mean, best.variance], rel=2e-3)


def test_jensens_bound_of_a_hard_step_is_minus_infinity():
    class HardStep(LogisticIntegrand):
        def log_likelihood(self, theta):
            return np.where(np.asarray(theta) > 0, 0.0, -math.inf)

    result = jensen(HardStep())
    assert result.log_evidence == -math.inf and not result.converged and "minus infinity" in result.status


@pytest.mark.parametrize("xi", [0.0, 0.5, 16.5, -16.5])
def test_the_curve_lies_below_the_integrand_and_touches_it(xi):
    problem = LogisticIntegrand()
    log_integral, q = curve_below(problem, xi)
    gap = lambda x: problem.log_joint(x) - log_integral - q.log_density(x)
    assert (gap(np.linspace(-6, 6, 2001)) > -1e-12).all()
    touching = (np.array([xi, -xi]) - problem.b) / problem.a
    np.testing.assert_allclose(gap(touching), 0, atol=1e-11)


@pytest.mark.parametrize("shape", [(20.0, 4.0), (-3.0, 1.0), (0.0, 0.7)])
def test_no_curve_below_beats_the_one_found(shape):
    problem = LogisticIntegrand(*shape)
    result = integrand_bound(problem)
    assert result.converged
    assert max(curve_below(problem, xi)[0] for xi in np.linspace(0, 40, 801)) <= result.log_evidence + 1e-12
    bounds = [snapshot.log_evidence for snapshot in result.history]
    assert (np.diff(bounds) >= -1e-12).all()
    assert result.log_evidence <= jensen(problem).log_evidence + 1e-12 <= problem.exact().log_evidence + 2e-12


def test_laplace_is_no_bound():
    """It errs above here, where the two bounds err below."""
    problem = LogisticIntegrand()
    assert laplace(problem).log_evidence > problem.exact().log_evidence
