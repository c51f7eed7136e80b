"""Fast kernel EP: the same fixed points as the loop's, and an honest word where there are none."""

import tracemalloc
import warnings

import numpy as np
import pytest
from test_reference import cases, check_kernel_machine, check_orthant, check_rank_one

from epbook import BayesPoint, BayesPointClassifier, ConvergenceWarning, KernelGaussian, Logistic, Step, datasets, ep, refine
from epbook.expectation_propagation import shuffled
from epbook.families import Gaussian
from epbook.fast import BlockedKernelGaussian, LowRankKernel, kernel_ep
from epbook.fast import kernel as module
from epbook.fast.moments import moments
from epbook.kernels import GaussianKernel

TERMS = {"probit": Step(0, 1), "soft step": Step(0, 0.3), "step": Step()}
each_term = pytest.mark.parametrize("term", TERMS.values(), ids=list(TERMS))


def points(n, columns=10):
    """Four clusters, alternately of either label."""
    rng = np.random.default_rng(0)
    cluster = rng.integers(4, size=n)
    return rng.normal(scale=1.5, size=(4, columns))[cluster] + rng.normal(size=(n, columns)), np.where(cluster % 2, 1.0, -1.0)


def matrix(n, columns=10, width=3.0):
    X, y = points(n, columns)
    return y[:, None] * y * GaussianKernel(width)(X, X)


def curved(n):
    """Two dimensions and labels that wind: hard for the step, easy for low rank."""
    X = np.random.default_rng(0).standard_normal((n, 2))
    return X, np.sign(np.sin(1.5 * X[:, 0]) + X[:, 1])


def quiet(run, *args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return run(*args, **options)


def blocked(C, terms, **options):
    return ep(BlockedKernelGaussian(C, block=2), terms, **options)


@pytest.mark.parametrize("noise", [0.0, 1e-300, 1e-9, 0.1, 0.49])
@pytest.mark.parametrize("slack", [0.0, 0.3])
def test_moments_are_the_terms_own_in_both_tails(noise, slack):
    term = Step(noise, slack)
    z = np.concatenate([np.linspace(-60, 60, 241), [-1e4, -1e3, 1e3, 0.0, 1e-300]])
    variance = np.exp(np.random.default_rng(0).normal(size=z.size))
    mean = z * np.sqrt(variance + slack**2)
    got = moments([term] * z.size)(mean, variance)
    one_by_one = [term.log_z(*pair) for pair in zip(mean.tolist(), variance.tolist(), strict=True)]
    for array, want in zip(got, zip(*one_by_one, strict=True), strict=True):
        np.testing.assert_allclose(array, want, rtol=1e-11, atol=1e-290)


def test_moments_of_other_terms_and_powers_are_the_terms_own():
    mean, variance = np.array([0.3, -2.0]), np.array([1.0, 0.5])
    for terms, power in [([Step(), Logistic(2.0)], 1.0), ([Step(0.1, 0.5)] * 2, 0.5), ([Step(0.1)] * 2, 0.5)]:
        want = [term.log_z(m, v, power) for term, m, v in zip(terms, mean.tolist(), variance.tolist(), strict=True)]
        np.testing.assert_allclose(np.array(moments(terms)(mean, variance, power)).T, want, rtol=1e-12)


@pytest.mark.parametrize("run", [blocked, kernel_ep])
@cases("ch5.bpm_kernel")
def test_reference_of_the_kernel_machine(case, run):
    check_kernel_machine(case, run)


@pytest.mark.parametrize("run", [blocked, kernel_ep])
@cases("ch5.bpm_kernel_evidence")
def test_reference_of_the_orthant(case, run):
    check_orthant(case, run)


@cases("ch5.rank_one")
def test_reference_of_the_rank_one_update(case):
    check_rank_one(case, BlockedKernelGaussian)


@pytest.mark.parametrize("block", [1, 7, 32])
def test_delayed_updates_are_the_same_updates(block):
    C, terms = matrix(45), [Step(0.1, 0.2)] * 45
    options = {"passes": 3, "tol": 0.0, "schedule": shuffled, "rng": 1}
    plain, delayed = (quiet(ep, q, terms, **options) for q in (KernelGaussian(C), BlockedKernelGaussian(C, block)))
    np.testing.assert_allclose([s.log_evidence for s in delayed.history], [s.log_evidence for s in plain.history], rtol=1e-11)
    np.testing.assert_allclose(delayed.covariance, plain.covariance, atol=1e-13)
    np.testing.assert_allclose(delayed.variance, plain.variance, atol=1e-13)


def test_a_copy_amid_pending_updates_shares_nothing():
    q = BlockedKernelGaussian(matrix(8))
    q.update([3], [Gaussian(2.0, 1.0)])
    twin = q.copy()
    before = q.covariance.copy()
    twin.update([1], [Gaussian(5.0, 1.0)])
    np.testing.assert_array_equal(q.covariance, before)
    assert twin.marginal(1).variance < q.marginal(1).variance


@each_term
@pytest.mark.parametrize("n", [1, 2, 40, 300])
def test_newton_finds_the_fixed_point_of_the_loop(n, term):
    C, terms = matrix(n), [term] * n
    tight = ep(BlockedKernelGaussian(C), terms, tol=1e-10)
    got = kernel_ep(C, terms)
    assert got.converged and "Newton" in got.status and "sweeps" not in got.status and got.passes <= 7
    assert abs(got.log_evidence - tight.log_evidence) < 4e-7
    tighter = kernel_ep(C, terms, tol=1e-9)
    np.testing.assert_allclose(tighter.log_evidence, tight.log_evidence, atol=1e-9)
    for name in ("mean", "variance", "covariance"):
        np.testing.assert_allclose(getattr(tighter, name), getattr(tight, name), atol=1e-7)
    np.testing.assert_allclose(tighter.posterior.coefficients, tight.posterior.coefficients, rtol=1e-5, atol=1e-7)


def test_the_mismatch_is_the_loops():
    C, terms = matrix(60), [Step()] * 60
    result = kernel_ep(C, terms, tol=0.05)
    want = max(refine(result.posterior, terms, i).mismatch for i in range(60))
    assert result.mismatch == pytest.approx(want, rel=1e-6) and want > 1e-6


def test_sites_that_need_double_precision_converge():
    X, y = curved(300)
    result = kernel_ep(y[:, None] * y * GaussianKernel(3.0)(X, X), [Step()] * 300, method="newton")
    assert result.converged and "Newton" in result.status and "sweeps" not in result.status
    assert max(site.precision for site in result.posterior.sites) > 1e4


def test_other_terms_work_too():
    C, terms = matrix(30), [Step(0, 1), Logistic(2.0)] * 15
    got, want = kernel_ep(C, terms, tol=1e-8), ep(KernelGaussian(C), terms, tol=1e-8)
    assert "Newton" in got.status
    np.testing.assert_allclose(got.log_evidence, want.log_evidence, atol=1e-8)


def test_what_reads_a_result_reads_the_same():
    X, y = points(200)
    problem = BayesPoint(X, y, GaussianKernel(3.0), slack=0.5)
    fast, plain = problem.ep(tol=1e-9), ep(problem.posterior(), problem.terms, tol=1e-9)
    assert "Newton" in fast.status
    fresh = np.random.default_rng(1).normal(size=(5, 10))
    np.testing.assert_allclose(problem.latent(fast, fresh), problem.latent(plain, fresh), atol=1e-7)
    np.testing.assert_allclose(problem.leave_one_out(fast), problem.leave_one_out(plain), atol=1e-7)
    for ours, theirs in zip(problem.log_evidence_gradient(fast), problem.log_evidence_gradient(plain), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)


def test_the_loop_goes_on_from_the_result():
    C, terms = matrix(50), [Step(0, 0.3)] * 50
    result = kernel_ep(C, terms, tol=1e-8)
    again = ep(result.posterior, terms, tol=1e-7)
    assert again.converged and again.passes == 1
    np.testing.assert_allclose(again.log_evidence, result.log_evidence, atol=1e-9)
    q = result.posterior.copy()
    q.update([0], [Gaussian(0.0, 0.0)])
    assert q.variance[0] > result.variance[0] and q.marginal(0).variance == pytest.approx(q.variance[0])
    np.testing.assert_allclose(C @ q.coefficients, q.mean, atol=1e-10)
    assert result.posterior.sites[0].precision > 0


@pytest.mark.parametrize("name", datasets.NAMES)
def test_label_noise_is_never_nan_and_the_loops_answer(name):
    for seed, (noise, slack) in enumerate([(0.05, 0.0), (0.1, 0.3)]):
        split = datasets.split(datasets.load(name), rng=seed)
        problem = BayesPoint(split.X_train, split.y_train, GaussianKernel(3.0), noise, slack, bias=True)
        fast, plain = quiet(problem.ep, tol=1e-6), quiet(ep, problem.posterior(), problem.terms)
        assert np.isfinite(fast.mean).all() and np.isfinite(fast.variance).all()
        assert fast.converged == plain.converged
        if plain.converged:
            assert fast.log_evidence == pytest.approx(plain.log_evidence, abs=1e-6)
            np.testing.assert_allclose(fast.mean, plain.mean, atol=1e-4)


def test_negative_precisions_are_left_to_the_loop_which_the_status_says():
    x, y = np.linspace(-1, 1, 20)[:, None], np.where(np.arange(20) == 7, -1.0, 1.0)
    result = kernel_ep(y[:, None] * y * GaussianKernel(1.0)(x, x), [Step(0.1)] * 20)
    assert result.converged and "sweeps" in result.status and "Newton's method found no fixed point" in result.status
    assert min(site.precision for site in result.posterior.sites) < 0


def test_labels_that_nothing_separates_are_not_called_converged():
    X = np.random.default_rng(0).normal(size=(40, 2))
    y = np.where(np.random.default_rng(1).random(40) < 0.5, 1.0, -1.0)
    C = y[:, None] * y * (1 + X @ X.T)
    with pytest.warns(ConvergenceWarning, match="Newton's method found no fixed point"):
        result = kernel_ep(C, [Step()] * 40, passes=15)
    assert not result.converged and not result.status.startswith("converged")


@each_term
def test_low_rank_states_its_error(term):
    X, y = curved(320)
    C, terms = y[:, None] * y * GaussianKernel(3.0)(X, X), [term] * 320
    exact = kernel_ep(C, terms, method="newton", tol=1e-8)
    rough = kernel_ep(LowRankKernel(lambda i: C[i], C.diagonal(), tol=1e-6), terms, tol=1e-8)
    assert rough.converged and "rank" in rough.status and f"{rough.posterior.error:.1e}" in rough.status
    assert 0 < abs(rough.log_evidence - exact.log_evidence) < rough.posterior.error
    fine = kernel_ep(C, terms, method="low-rank", tol=1e-8)
    assert abs(fine.log_evidence - exact.log_evidence) < 1.5 * fine.posterior.error + 1e-9 < 1e-3
    np.testing.assert_allclose(fine.variance, exact.variance, atol=1e-6)


def test_low_rank_is_chosen_where_it_pays_and_costs_little_where_not():
    X, y = curved(640)
    wide = kernel_ep(y[:, None] * y * GaussianKernel(3.0)(X, X), [Step(0, 1)] * 640)
    assert wide.converged and "rank" in wide.status and wide.posterior.error < 1e-5
    C, read = matrix(640), []
    tried = LowRankKernel(lambda i: read.append(i) or C[i], C.diagonal(), most=80)
    assert not tried.complete and len(read) <= 32


def test_low_rank_from_points_never_forms_the_matrix():
    X, y = curved(400)
    kernel = GaussianKernel(3.0)
    low = LowRankKernel.from_points(kernel, X, y, bias=True, tol=1e-9)
    C = y[:, None] * y * (1 + kernel(X, X))
    np.testing.assert_allclose(low.factor @ low.factor.T, C, atol=2e-8)
    result, same = kernel_ep(low, [Step(0, 1)] * 400), kernel_ep(C, [Step(0, 1)] * 400, method="newton")
    np.testing.assert_allclose(result.mean, same.mean, atol=1e-4)
    assert not any(np.shape(value) == C.shape for value in vars(result.posterior).values())
    np.testing.assert_allclose(C @ result.posterior.coefficients, result.mean, atol=1e-5)
    np.testing.assert_allclose(np.diag(result.covariance), result.variance, atol=1e-6)


def test_two_arrays_beside_the_matrix_and_no_copy_of_it():
    n = 600
    C, terms = matrix(n), [Step()] * n
    kernel_ep(C[:50, :50].copy(), terms[:50])  # whatever is imported late
    tracemalloc.start()
    result = kernel_ep(C, terms, method="newton")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert result.posterior.C is C
    assert peak < module.ARRAYS * C.nbytes + 250 * 8 * n


def test_bad_input_is_told_before_any_work(monkeypatch):
    C, terms = matrix(6), [Step()] * 6
    for bad, word in [(C[:5], "square"), (C + np.triu(C), "symmetric"), (C - 2 * np.diag(C.diagonal()), "positive diagonal")]:
        with pytest.raises(ValueError, match=word):
            kernel_ep(bad, terms)
    with pytest.raises(ValueError, match="NaN"):
        kernel_ep(np.where(C == C.max(), np.nan, C), terms)
    with pytest.raises(ValueError, match="5 terms were given for 6"):
        kernel_ep(C, terms[:5])
    with pytest.raises(ValueError, match="method must be one of"):
        kernel_ep(C, terms, method="fastest")
    monkeypatch.setattr(module, "MODEST", 0)
    monkeypatch.setattr(module, "_free_memory", lambda: 500)
    with pytest.raises(ValueError, match="GiB beside C, and 0.0 GiB are free"):
        kernel_ep(C, terms)


def test_memory_is_known_here():
    assert 2**20 < module._free_memory() < 2**50


def test_a_problem_chooses_its_method():
    X, y = points(60, columns=3)
    kernel = BayesPoint(X, y, GaussianKernel(2.0), slack=1.0)
    results = {method: kernel.ep(method, tol=1e-8) for method in ("auto", "newton", "low-rank", "blocked", "sequential")}
    assert "Newton" in results["auto"].status and "rank" in results["low-rank"].status
    assert type(results["sequential"].posterior) is KernelGaussian
    for result in results.values():
        assert result.log_evidence == pytest.approx(results["sequential"].log_evidence, abs=1e-7)
    assert kernel.ep(damping=0.3).passes > results["sequential"].passes  # options of the loop's are heeded
    weights = BayesPoint(X, y, slack=1.0)
    with pytest.raises(ValueError, match='"auto" or "sequential"'):
        weights.ep("newton")
    X, y = points(1000, columns=3)
    many = BayesPoint(X, y, slack=1.0)
    fast, plain = many.ep(tol=1e-8), many.ep("sequential", tol=1e-8)
    assert type(fast.posterior) is not type(plain.posterior)
    assert fast.log_evidence == pytest.approx(plain.log_evidence, abs=1e-7)


def test_the_estimator_offers_the_method():
    X, y = points(80)
    fast, plain = (BayesPointClassifier(method=method).fit(X, y) for method in ("auto", "sequential"))
    assert "Newton" in fast.status_ and "Newton" not in plain.status_
    np.testing.assert_allclose(fast.predict_proba(X), plain.predict_proba(X), atol=1e-4)
