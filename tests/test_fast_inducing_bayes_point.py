"""The Bayes Point Machine at inducing points: tuning, prediction, the choice of points, bad input."""

import pickle
import sys

import numpy as np
import pytest

from epbook import BayesPoint, ConvergenceWarning, GaussianKernel, KernelGaussian, ep
from epbook.evidence import maximise_evidence
from epbook.fast.inducing_bayes_point import InducingBayesPoint


def data(n=60, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 2))
    return X, np.where(X[:, 0] * X[:, 1] + 0.3 * rng.standard_normal(n) > 0, 1.0, -1.0)


def test_the_evidence_tunes_it():
    X, y = data(40)
    start = InducingBayesPoint(X, y, GaussianKernel(0.3), 12, slack=0.5, rng=0)
    tuned, result = maximise_evidence(start, slack=True)
    assert result.converged and result.log_evidence > start.ep().log_evidence + 1
    np.testing.assert_array_equal(tuned.inducing, start.inducing)
    gradient = tuned.log_evidence_gradient(tuned.ep(tol=1e-9))
    assert abs(gradient.log_parameters[0]) < 0.05 and abs(gradient.slack * tuned.term.slack) < 0.05


def test_a_point_out_of_reach_is_a_coin():
    X, y = data(30)
    near = InducingBayesPoint(X, y, GaussianKernel(0.5), X[:6], slack=0.5).ep(tol=1e-10)
    far = InducingBayesPoint(np.vstack([X, [[500.0, 0.0]]]), np.append(y, 1), GaussianKernel(0.5), X[:6], slack=0.5)
    for method in ("auto", "sequential"):
        result = far.ep(method, tol=1e-9)
        assert result.log_evidence == pytest.approx(near.log_evidence - np.log(2), abs=1e-8)
        np.testing.assert_allclose(result.mean, near.mean, atol=1e-7)
    assert np.isfinite(far.log_evidence_gradient(result).log_parameters).all()


def test_inducing_values_and_coefficients_are_those_of_u():
    X, y = data(30)
    problem = InducingBayesPoint(X, y, GaussianKernel(0.8), X[:6], slack=0.5)
    result = problem.ep()
    mean, covariance = result.posterior.inducing_values()
    latent, variance = problem.latent(result, X[:6])
    np.testing.assert_allclose(mean, latent, atol=1e-7)
    np.testing.assert_allclose(np.diag(covariance), variance, atol=1e-7)


def test_the_predictor_is_small_and_travels():
    X, y = data(300)
    problem = InducingBayesPoint(X, y, GaussianKernel(0.8), 10, slack=0.5, rng=0)
    result = problem.ep()
    stored = pickle.dumps(problem.predictor(result))
    assert len(stored) < 5_000
    np.testing.assert_array_equal(pickle.loads(stored).latent(X), problem.latent(result, X))
    assert np.mean(problem.predict(result, X) == y) > 0.8


def test_points_are_chosen_far_apart_by_the_seed():
    X, y = data(200)
    chosen = [InducingBayesPoint(X, y, GaussianKernel(1.0), 15, slack=1.0, rng=seed).inducing for seed in (1, 1, 2)]
    np.testing.assert_array_equal(chosen[0], chosen[1])
    assert not np.array_equal(chosen[0], chosen[2])
    assert len(np.unique(chosen[0], axis=0)) == 15 and all((X == point).all(axis=1).any() for point in chosen[0])
    assert len(InducingBayesPoint(X, y, GaussianKernel(1.0), 500, slack=1.0).inducing) == 200


def test_without_scikit_learn_points_must_be_given(monkeypatch):
    X, y = data()
    monkeypatch.setitem(sys.modules, "sklearn.cluster", None)
    with pytest.raises(ImportError, match=r"epbook\[sklearn\]"):
        InducingBayesPoint(X, y, GaussianKernel(1.0), 5)
    assert InducingBayesPoint(X, y, GaussianKernel(1.0), X[:5]).inducing.shape == (5, 2)


def test_what_is_not_converged_warns_of_its_gradient():
    X, y = data()
    problem = InducingBayesPoint(X, y, GaussianKernel(1.0), X[:5], slack=1.0)
    with pytest.warns(ConvergenceWarning, match="not at EP's fixed point"):
        problem.log_evidence_gradient(problem.ep(passes=1))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"inducing": 0}, "inducing"),
        ({"inducing": [[1.0]]}, "2 columns"),
        ({"inducing": [[1.0, np.inf]]}, "inducing"),
        ({"inducing": [[1.0, 1.0], [1.0, 1.0]], "jitter": 0.0}, "none twice"),
        ({"jitter": -1.0}, "jitter"),
        ({"kernel": GaussianKernel}, "kernel must be"),
        ({"kernel": lambda X, Y: -np.ones((len(X), len(Y)))}, "not positive definite|diagonal"),
        ({"noise": 0.5}, "noise"),
    ],
)
def test_bad_input_is_named(changes, says):
    X, y = data(10)
    with pytest.raises(ValueError, match=says):
        InducingBayesPoint(X, y, **({"kernel": GaussianKernel(1.0), "inducing": X[:3]} | changes))


def test_another_problems_result_and_unknown_methods_are_refused():
    X, y = data(20)
    problem = InducingBayesPoint(X, y, GaussianKernel(1.0), X[:5], slack=1.0)
    other = KernelGaussian(BayesPoint(X, y, GaussianKernel(1.0), slack=1.0).signed)
    with pytest.raises(ValueError, match="another problem"):
        problem.predictor(ep(other, problem.terms))
    with pytest.raises(ValueError, match="method"):
        problem.ep("newton")
