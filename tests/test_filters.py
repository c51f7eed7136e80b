"""The filters of chapter 2, against a Gaussian written out whole, a grid, and each other."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from epbook import Gaussian, NoMassError, Whole, ep
from epbook.models import Dynamics
from epbook.rivals import assumed_density, extended_kalman, grid_filter, particle_filter
from epbook.rivals.assumed_density import Observed
from epbook.rivals.particle_filter import resample

LINEAR = Dynamics.linear(0.9, 0.7, process_variance=0.5, observation_variance=0.3, start_mean=1.0, start_variance=2.0)


def joint_gaussian(model, pull, gain, steps):
    """Mean and covariance of all states and of all observations, written out without any recursion of a filter."""
    unroll = np.array([[pull ** (t - s) if s <= t else 0.0 for s in range(steps)] for t in range(steps)])
    noise = np.r_[model.start_variance, np.full(steps - 1, model.process_variance)]
    mean, covariance = unroll[:, 0] * model.start_mean, (unroll * noise) @ unroll.T
    return mean, covariance, gain**2 * covariance + model.observation_variance * np.eye(steps)


@pytest.mark.parametrize("method", [extended_kalman, assumed_density, lambda m, y: grid_filter(m, y, -12, 12, 241)],
                         ids=["EKF", "ADF", "grid"])  # fmt: skip
def test_on_a_linear_model_every_filter_is_exact(method):
    _, y = LINEAR.sample(25, rng=4)
    result = method(LINEAR, y)
    for t in (0, 1, 24):
        mean, states, seen = joint_gaussian(LINEAR, 0.9, 0.7, t + 1)
        gain = np.linalg.solve(seen, 0.7 * states[t])
        assert result.history[t].log_evidence == pytest.approx(stats.multivariate_normal(0.7 * mean, seen).logpdf(y[: t + 1]))
        assert result.posterior.means[t] == pytest.approx(mean[t] + gain @ (y[: t + 1] - 0.7 * mean))
        assert result.posterior.variances[t] == pytest.approx(states[t, t] - 0.7 * gain @ states[t])
    assert result.mean == result.history[-1].mean == result.posterior.means[-1]
    assert result.covariance == result.variance == result.posterior.variances[-1]


def test_particles_approach_the_kalman_filter():
    _, y = LINEAR.sample(25, rng=4)
    exact = extended_kalman(LINEAR, y)
    result = particle_filter(LINEAR, y, 50_000, rng=0)
    assert result.log_evidence == pytest.approx(exact.log_evidence, abs=0.05)
    np.testing.assert_allclose(result.posterior.means, exact.posterior.means, atol=0.02)
    np.testing.assert_allclose(result.posterior.variances, exact.posterior.variances, rtol=0.05)


def test_the_particles_evidence_is_right_on_average():
    _, y = LINEAR.sample(8, rng=5)
    exact = extended_kalman(LINEAR, y).log_evidence
    ratios = np.exp([particle_filter(LINEAR, y, 40, rng=seed).log_evidence - exact for seed in range(1000)])
    error = ratios.std() / math.sqrt(len(ratios))
    assert abs(ratios.mean() - 1) < 4 * error < 0.1
    assert np.log(ratios).mean() < -4 * error  # its log is not


def test_resampling_is_systematic():
    weights = np.random.default_rng(0).dirichlet(np.ones(200))
    counts = np.array([np.bincount(resample(weights, np.random.default_rng(seed)), minlength=200) for seed in range(2000)])
    assert (np.abs(counts - 200 * weights) < 1).all()  # each as often as asked, up to rounding
    np.testing.assert_allclose(counts.mean(axis=0), 200 * weights, atol=0.06)  # and on average exactly


def test_the_growth_models_slopes_and_grid():
    model = Dynamics.growth()
    x = np.linspace(-20, 20, 41)
    for f, slope in [(lambda x: model.transition(x, 3), lambda x: model.transition_slope(x, 3)),
                     (model.observation, model.observation_slope)]:  # fmt: skip
        np.testing.assert_allclose(slope(x), (f(x + 1e-5) - f(x - 1e-5)) / 2e-5, atol=1e-6)
    _, y = model.sample(30, rng=0)
    coarse, fine = grid_filter(model, y), grid_filter(model, y, -55, 55, 1401)
    assert coarse.log_evidence == pytest.approx(fine.log_evidence, abs=1e-5)
    np.testing.assert_allclose(coarse.posterior.means, fine.posterior.means, atol=1e-5)


def test_matching_moments_beats_a_tangent_and_particles_beat_both():
    model, errors = Dynamics.growth(), []
    for seed in range(5):
        _, y = model.sample(30, rng=seed)
        exact = grid_filter(model, y)
        results = [extended_kalman(model, y), assumed_density(model, y), particle_filter(model, y, 5000, rng=seed)]
        errors.append([abs(result.log_evidence - exact.log_evidence) for result in results])
    tangent, matched, particles = np.median(errors, axis=0)
    assert 5 * particles < matched < 0.2 * tangent


def test_a_step_of_the_filter_is_ep_with_one_term():
    model = Dynamics.growth()
    _, y = model.sample(1, rng=6)
    one_term = ep(Whole(Gaussian.from_moments(model.start_mean, model.start_variance)), [Observed(model, y[0])])
    result = assumed_density(model, y)
    assert one_term.converged
    want = [one_term.log_evidence, one_term.mean, one_term.variance]
    assert [result.log_evidence, result.mean, result.variance] == pytest.approx(want, abs=1e-12)


@pytest.mark.parametrize(("y", "observation_variance"), [(20.0, 1.0), (1000.0, 1.0), (14.0, 1.0), (0.3, 1e-6)])
def test_a_posterior_off_the_knots_is_no_answer(y, observation_variance):
    model = Dynamics.linear(observation_variance=observation_variance)
    with pytest.raises(NoMassError, match=r"Observed\(y=.*\) has its mass beyond or between the knots of the grid on N\(0, 1\)"):
        assumed_density(model, [y])


def test_within_the_knots_matching_is_right():
    for y, observation_variance in [(10.0, 1.0), (0.3, 3e-4)]:
        model = Dynamics.linear(observation_variance=observation_variance)
        result, exact = assumed_density(model, [y]), extended_kalman(model, [y])
        assert result.log_evidence == pytest.approx(exact.log_evidence, abs=1e-4)
        assert result.mean == pytest.approx(exact.mean, abs=1e-4)


@pytest.mark.parametrize(
    "model",
    [
        Dynamics.linear(process_variance=1e-6),
        Dynamics.linear(observation_variance=1e-6),
        Dynamics.linear(start_variance=1e-6),
        Dynamics.linear(start_mean=1000.0),
        Dynamics.linear(start_mean=49.9),
        Dynamics.linear(pull=100.0),
        replace(Dynamics.linear(), transition=lambda x, t: x + 1000 * (x > 0)),  # half of the mass leaves
    ],
)
def test_a_grid_that_cannot_hold_the_states_is_refused(model):
    with pytest.raises(ValueError, match="801 knots from -50 to 50 do not hold the states: widen the grid, or refine it"):
        grid_filter(model, [0.3, 1.2, 0.7])


@pytest.mark.parametrize("method", [extended_kalman, particle_filter])
def test_a_filter_without_an_evidence_says_so(method):
    with np.errstate(over="ignore"):
        result = method(Dynamics.linear(), [1e200])
    assert result.log_evidence == -math.inf and not result.converged and result.status.endswith("to log evidence -inf")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Dynamics.linear(process_variance=0.0), "process_variance must lie in"),
        (lambda: Dynamics.linear(start_mean=math.nan), "start_mean must be finite"),
        (lambda: particle_filter(Dynamics.linear(pull=math.nan), [1.0, 1.0], 5, rng=0), "values must be finite"),
        (lambda: Dynamics.growth().sample(0), "steps must lie in"),
        (lambda: extended_kalman(Dynamics.growth(), []), "y is empty"),
        (lambda: assumed_density(Dynamics.growth(), [0.0, math.nan]), "row 1 holds NaN"),
        (lambda: particle_filter(Dynamics.growth(), [1.0], 0), "particles must lie in"),
        (lambda: grid_filter(Dynamics.growth(), [1.0], 5, 4), "low must lie in"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
