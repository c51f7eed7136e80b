"""EP in weight space chunk by chunk is the loop's own EP, on arrays."""

import tracemalloc
import warnings

import numpy as np
import pytest

from epbook import BayesPoint, ConvergenceWarning, Gaussian, LinearGaussian, Logistic, NoMassError, Step, Whole, ep
from epbook.expectation_propagation import refine
from epbook.fast.chunked import ChunkedGaussian
from epbook.fast.linear import linear_ep
from epbook.fast.moments import moments
from epbook.fast.refinement import refine_all
from epbook.fast.sites import SiteArrays
from epbook.fast.sweeps import chunked_ep

TERMS = [Step(slack=1.0), Step(noise=0.05, slack=0.3), Step(noise=0.1)]


def signed_points(n, d, flipped, seed=0):
    rng = np.random.default_rng(seed)
    X, w = rng.standard_normal((n, d)), rng.standard_normal(d)
    X[:, -1] = 1.0
    return (np.sign(X @ w) * np.where(rng.random(n) < flipped, -1, 1))[:, None] * X


@pytest.mark.parametrize(("term", "flipped"), [*zip(TERMS, [0.1] * 3, strict=True), (Step(), 0.0)])
def test_the_fixed_point_is_that_of_one_site_at_a_time(term, flipped):
    X = signed_points(200, 6, flipped)
    plain = ep(LinearGaussian(X), [term] * 200, tol=1e-11)
    fast = linear_ep(X, term, tol=1e-11)
    assert plain.converged and fast.converged
    assert fast.log_evidence == pytest.approx(plain.log_evidence, abs=1e-8)
    np.testing.assert_allclose(fast.mean, plain.mean, atol=1e-8)
    np.testing.assert_allclose(fast.covariance, plain.covariance, atol=1e-8)
    np.testing.assert_allclose([site.shift for site in fast.posterior.sites], [s.shift for s in plain.posterior.sites], rtol=1e-6)
    np.testing.assert_allclose(fast.posterior.log_scales, plain.posterior.log_scales, atol=1e-7)


@pytest.mark.parametrize(("power", "damping"), [(1.0, 0.0), (1.0, 0.3), (0.5, 0.0)])
def test_every_pass_is_that_of_the_loop_with_the_same_batches(power, damping):
    X, term = signed_points(40, 4, 0.0), Step(noise=0.1)
    chunks = ChunkedGaussian(X).chunks(9)
    options = {"passes": 4, "tol": 0.0, "power": power, "damping": damping}
    with pytest.warns(ConvergenceWarning):
        plain = ep(LinearGaussian(X), [term] * 40, schedule=lambda n, rng: [range(n)[rows] for rows in chunks], **options)
    with pytest.warns(ConvergenceWarning):
        fast = linear_ep(X, term, chunk=9, **options)
    for ours, theirs in zip(fast.history, plain.history, strict=True):
        assert ours.log_evidence == pytest.approx(theirs.log_evidence, rel=1e-9)
        assert ours.mismatch == pytest.approx(theirs.mismatch, rel=1e-6)
        np.testing.assert_allclose(ours.mean, theirs.mean, rtol=1e-9)


def test_terms_may_differ():
    X = signed_points(60, 3, 0.1)
    terms = [Step(slack=1.0), Step(noise=0.1), Logistic(2.0)] * 20
    plain, fast = ep(LinearGaussian(X), terms, tol=1e-9), linear_ep(X, terms, tol=1e-9)
    assert fast.log_evidence == pytest.approx(plain.log_evidence, abs=1e-8)


def test_a_result_goes_on_in_either_loop():
    X, term = signed_points(150, 5, 0.1), TERMS[1]
    result = linear_ep(X, term, tol=1e-9)
    before = result.posterior.sites.precision.copy()
    for again in (chunked_ep(result.posterior, term, tol=1e-8), ep(result.posterior, [term] * 150, tol=1e-8)):
        assert again.converged and again.passes == 1
        assert again.log_evidence == pytest.approx(result.log_evidence, abs=1e-9)
    np.testing.assert_array_equal(result.posterior.sites.precision, before)


def test_where_whole_steps_do_not_converge_half_ones_do():
    X, term = signed_points(100, 4, 0.1, seed=20), Step(noise=0.1)
    with pytest.warns(ConvergenceWarning):
        linear_ep(X, term, damping=0.0)
    result = linear_ep(X, term, tol=1e-8)
    plain = ep(LinearGaussian(X), [term] * 100, damping=0.5, tol=1e-8, passes=300)
    assert result.converged and "damping=0.5" in result.status
    assert result.log_evidence == pytest.approx(plain.log_evidence, abs=1e-7)


@pytest.mark.parametrize("seed", range(12))
def test_label_noise_never_leaves_nan_however_large_the_chunks(seed):
    X = signed_points(300, 5, 0.15, seed)
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        result = linear_ep(X, Step(noise=0.1), chunk=300, passes=30)
    assert np.isfinite(result.log_evidence) and np.isfinite(result.mean).all()
    assert np.linalg.eigvalsh(result.covariance)[0] > 0
    assert result.converged or result.status


def test_the_points_are_not_copied_and_memory_stays_small():
    X = signed_points(50_000, 40, 0.0)
    tracemalloc.start()
    result = linear_ep(X, Step(slack=1.0), tol=1e-4)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert result.converged and np.shares_memory(result.posterior.X, X)
    assert peak < 0.6 * X.nbytes
    assert X.flags.writeable and not result.posterior.X.flags.writeable


def test_a_bayes_point_predicts_from_it():
    signed = signed_points(80, 3, 0.1)
    y = np.sign(signed[:, -1])
    problem = BayesPoint(signed * y[:, None], y, slack=1.0)
    plain, fast = ep(problem.posterior(), problem.terms, tol=1e-9), linear_ep(problem.signed, problem.term, tol=1e-9)
    new = np.random.default_rng(1).standard_normal((7, 3))
    np.testing.assert_allclose(problem.predict_proba(fast, new), problem.predict_proba(plain, new), atol=1e-8)
    np.testing.assert_allclose(problem.leave_one_out(fast), problem.leave_one_out(plain), atol=1e-8)
    np.testing.assert_allclose(problem.log_evidence_gradient(fast).slack, problem.log_evidence_gradient(plain).slack, rtol=1e-7)
    cavities = [fast.posterior.marginal(i) / site for i, site in enumerate(fast.posterior.sites)]
    np.testing.assert_allclose(fast.posterior.cavities()[1], [cavity.variance for cavity in cavities], rtol=1e-10)


@pytest.mark.parametrize("mean", [-300.0, -3.0, 0.0, 4.0, 60.0])
@pytest.mark.parametrize("power", [1.0, 0.5])
def test_all_at_once_is_one_after_the_other(mean, power):
    term, site, prior = Step(noise=0.02 if mean < -50 else 0.0), Gaussian(0.3, 0.2), Gaussian.from_moments(mean, 2.0)
    q = Whole(prior)
    q.prepare([term])
    q.update([0], [site])
    one = refine(q, [term], 0, power)
    arrays = [np.array([value]) for value in (q.mean, q.variance, site.precision, site.shift)]
    many = refine_all(*arrays, moments([term]), power)
    assert many.precision[0] == pytest.approx(one.site.precision, rel=1e-7, abs=1e-11)
    assert many.shift[0] == pytest.approx(one.site.shift, rel=1e-7, abs=1e-9)
    assert many.mismatch == pytest.approx(one.mismatch, rel=1e-6, abs=1e-9)
    assert many.log_scales(many.precision, many.shift)[0] == pytest.approx(one.log_scale, rel=1e-9, abs=1e-9)


def test_an_improper_cavity_leaves_its_site():
    arrays = [np.array(pair) for pair in ([0.5, 0.5], [1.0, 1.0], [2.0, 0.0], [0.7, 0.0])]
    steps = refine_all(*arrays, moments([Step()] * 2))
    assert steps.proper.tolist() == [False, True]
    assert (steps.precision[0], steps.shift[0]) == (2.0, 0.7) and steps.precision[1] > 0


def test_a_term_without_mass_says_so():
    arrays = [np.array([value]) for value in (-1e100, 1.0, 0.0, 0.0)]
    with pytest.raises(NoMassError, match="term 0"):
        refine_all(*arrays, moments([Step()]))


def test_site_arrays_are_a_list_of_sites():
    sites = SiteArrays.of([Gaussian(1.0, 2.0), Gaussian(-0.5, 0.0)])
    twin = sites.copy()
    twin[0] = Gaussian(9.0, 9.0)
    assert [(site.precision, site.shift) for site in sites] == [(1.0, 2.0), (-0.5, 0.0)]
    assert len(twin) == 2 and twin[0].shift == 9.0 and sites[0].shift == 2.0


@pytest.mark.parametrize(
    ("X", "options", "says"),
    [
        ([[1.0], [np.nan]], {}, "row 1"),
        ([1.0], {}, "2 axes"),
        ([[1.0, 0.0], [0.0, 0.0]], {}, "row 1 of X is zero"),
        ([[1.0]], {"damping": 1.0}, "damping"),
        ([[1.0]], {"chunk": 0}, "chunk"),
        ([[1.0]], {"power": 0.0}, "power"),
        ([[1.0]], {"passes": 0}, "passes"),
        ([[1.0]], {"tol": -1.0}, "tol"),
    ],
)
def test_bad_input_is_named(X, options, says):
    with pytest.raises(ValueError, match=says):
        linear_ep(np.array(X), Step(), **options)


def test_terms_and_points_must_agree():
    with pytest.raises(ValueError, match="3 terms were given for 2 sites"):
        linear_ep([[1.0], [2.0]], [Step()] * 3)
    with pytest.raises(ValueError, match="terms must be"):
        linear_ep([[1.0], [2.0]], [1.0, 2.0])
