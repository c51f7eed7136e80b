"""The clutter problem: exact answers against each other, sampling, bad input."""

import numpy as np
import pytest

from epbook import ClutterProblem, ep
from epbook.models.exact import grid_moments

X = np.array([0.5, 2.1, 1.9, -4.0, 2.5])


def test_quadrature_equals_enumeration():
    one, many = ClutterProblem(X, 0.4).exact(), ClutterProblem(X[:, None], 0.4).exact()
    assert one.log_evidence == pytest.approx(many.log_evidence, abs=1e-11)
    assert one.mean == pytest.approx(many.mean[0], abs=1e-10)
    assert one.variance == one.covariance == pytest.approx(many.covariance[0, 0], abs=1e-9)
    assert many.variance == pytest.approx([one.variance], abs=1e-9)


@pytest.mark.parametrize("w", [0.0, 0.03, 0.5, 0.97, 1.0])
@pytest.mark.parametrize("prior_variance", [1e-12, 1e-6, 0.01, 1.0, 1e4])
def test_quadrature_reaches_far_enough(w, prior_variance):
    one = ClutterProblem(X, w, prior_variance).exact()
    many = ClutterProblem(X[:, None], w, prior_variance).exact()
    assert one.log_evidence == pytest.approx(many.log_evidence, abs=1e-9)
    assert one.covariance == pytest.approx(many.covariance[0, 0], rel=1e-8)


def test_enumeration_against_a_grid_in_two_dimensions():
    problem = ClutterProblem(np.array([[1.0, 0.0], [2.0, 1.5], [-3.0, 4.0]]), prior_variance=4.0)
    axis = np.linspace(-16, 16, 321)
    theta = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    weight = np.exp(problem.log_joint(theta)) * (axis[1] - axis[0]) ** 2
    exact = problem.exact()
    assert exact.log_evidence == pytest.approx(np.log(weight.sum()), abs=1e-9)
    np.testing.assert_allclose(exact.mean, weight @ theta / weight.sum(), atol=1e-9)


@pytest.mark.parametrize("family", ["spherical", "diagonal", "full"])
def test_every_family_beats_nothing_and_converges(family):
    """EP in two dimensions comes within a tenth of a nat of the exact evidence on ordinary data."""
    problem = ClutterProblem.sample(15, theta=np.array([2.0, -1.0]), d=2, rng=4, family=family)
    result, exact = ep(problem.posterior(), problem.terms), problem.exact()
    assert result.converged
    assert result.log_evidence == pytest.approx(exact.log_evidence, abs=0.1)
    np.testing.assert_allclose(result.mean, exact.mean, atol=0.1)


def test_sample_follows_the_model():
    problem = ClutterProblem.sample(20_000, theta=2.0, w=0.3, rng=0)
    assert problem.x.mean() == pytest.approx(0.7 * 2.0, abs=0.05)
    assert problem.x.var() == pytest.approx(0.7 * 5 + 0.3 * 10 - 1.4**2, abs=0.15)
    np.testing.assert_array_equal(problem.x, ClutterProblem.sample(20_000, theta=2.0, w=0.3, rng=0).x)
    assert ClutterProblem.sample(3, d=2, rng=0).x.shape == (3, 2)


def test_sample_prior():
    draws = ClutterProblem(X[:, None]).sample_prior(50_000, rng=1)
    assert draws.shape == (50_000, 1) and draws.var() == pytest.approx(100, rel=0.03)


def test_grid_moments_converges_geometrically():
    exact = ClutterProblem(X).exact()
    coarse = grid_moments(ClutterProblem(X).log_joint, -120, 120, 0.9)
    fine = grid_moments(ClutterProblem(X).log_joint, -120, 120, 0.45)
    assert abs(fine.log_evidence - exact.log_evidence) < 1e-2 * abs(coarse.log_evidence - exact.log_evidence)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ClutterProblem([]), "x is empty"),
        (lambda: ClutterProblem([1.0, np.nan]), "x must be finite, but row 1 holds NaN"),
        (lambda: ClutterProblem(np.ones((2, 2, 2))), "x needs 1 or 2 axes, not 3"),
        (lambda: ClutterProblem([1.0], w=-0.1), "w is the probability of clutter"),
        (lambda: ClutterProblem([1.0], prior_variance=0), "prior_variance must lie in"),
        (lambda: ClutterProblem([1.0], clutter_variance=-1), "clutter_variance must lie in"),
        (lambda: ClutterProblem([[1.0]], family="round"), "family must be one of spherical, diagonal, full, not 'round'"),
        (lambda: ClutterProblem(np.ones((21, 2))).exact(), "n = 21 is more than 20"),
        (lambda: ClutterProblem.sample(3, w=2.0), "w is the probability of clutter"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_large_data_keep_their_moments():
    """Weights are normalised by their own sum: a log evidence of -1e9 leaves no digits for it."""
    exact = ClutterProblem([1e5, 1.0], w=0.0).exact()
    assert (exact.mean, exact.variance) == pytest.approx(((1e5 + 1) / 2.01, 1 / 2.01), rel=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ClutterProblem.sample(2.5), "n must be a whole number"),
        (lambda: ClutterProblem.sample(2, theta=[1.0, 100.0]), "theta must be a number or"),
        (lambda: ClutterProblem.sample(2, clutter_variance=-1), "clutter_variance must lie in"),
        (lambda: ClutterProblem([[1.0, 2.0]]).log_likelihood(np.zeros((4, 1))), "theta needs 2 coordinates"),
        (lambda: grid_moments(np.square, -1, 1, 0), "step must lie in"),
    ],
)
def test_bad_questions(make, message):
    with pytest.raises(ValueError, match=message):
        make()
