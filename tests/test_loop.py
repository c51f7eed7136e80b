"""The loop: fixed points, schedules, damping, power, diagnosis."""

import math
import warnings

import numpy as np
import pytest

from epbook import (
    BayesPoint,
    Clutter,
    ClutterProblem,
    ConvergenceWarning,
    Dirichlet,
    Gaussian,
    ImproperPosteriorError,
    KernelGaussian,
    LinearGaussian,
    Step,
    Whole,
    ep,
    parallel,
    progress,
    refine,
    sequential,
    shuffled,
)
from epbook.kernels import GaussianKernel

TIGHT = {"tol": 1e-11, "passes": 500}


@pytest.fixture
def problem():
    return ClutterProblem.sample(30, rng=3)


def circle(n=25, noise=0.1, seed=5):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1.5, 1.5, (n, 2))
    return BayesPoint(X, np.where((X**2).sum(axis=1) < 1, 1, -1), GaussianKernel(0.7), noise=noise)


def test_first_pass_is_assumed_density_filtering(problem):
    """Moments by (3.25), (3.26) and evidence as the product of Z_i (3.27), written out."""
    m, v, log_s = 0.0, 100.0, 0.0
    for x in problem.x:
        signal = 0.5 * math.exp(-0.5 * (x - m) ** 2 / (v + 1)) / math.sqrt(2 * math.pi * (v + 1))
        clutter = 0.5 * math.exp(-0.05 * x * x) / math.sqrt(20 * math.pi)
        r = signal / (signal + clutter)
        log_s += math.log(signal + clutter)
        m, v = (
            m + v * r * (x - m) / (v + 1),
            v - r * v * v / (v + 1) + r * (1 - r) * (v * (x - m) / (v + 1)) ** 2,
        )
    adf = ep(problem.posterior(), problem.terms, passes=1)
    assert (adf.mean, adf.variance, adf.log_evidence) == pytest.approx((m, v, log_s), rel=1e-12)
    assert adf.status.startswith("stopped after 1 pass at")


@pytest.mark.parametrize("options", [{"schedule": shuffled, "rng": 1}, {"damping": 0.4}, {"schedule": parallel, "damping": 0.5}])
@pytest.mark.parametrize("make", [lambda: ClutterProblem.sample(30, rng=3), circle], ids=["clutter", "kernel"])
def test_fixed_point_does_not_depend_on_the_road(make, options):
    problem = make()
    plain = ep(problem.posterior(), problem.terms, **TIGHT)
    other = ep(problem.posterior(), problem.terms, **TIGHT, **options)
    assert plain.converged and other.converged
    np.testing.assert_allclose(other.mean, plain.mean, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(other.covariance, plain.covariance, rtol=1e-7, atol=1e-9)
    assert other.log_evidence == pytest.approx(plain.log_evidence, abs=1e-9)


def test_fixed_point_equation(problem):
    """At convergence every tilted distribution has the moments of q: the definition of EP."""
    result = ep(problem.posterior(), problem.terms, **TIGHT)
    for i in range(problem.n):
        step = refine(result.posterior, problem.terms, i)
        assert step.tilted.mean == pytest.approx(result.mean, abs=1e-9)
        assert step.tilted.variance == pytest.approx(result.variance, abs=1e-9)


def test_gaussian_terms_are_exact():
    """With w = 0 every term is Gaussian, and one pass is the exact answer."""
    x = np.array([0.4, 1.9, -0.7])
    problem = ClutterProblem(x, w=0.0)
    result = ep(problem.posterior(), problem.terms)
    precision = len(x) + 1 / 100
    assert result.passes == 2
    assert (result.mean, result.variance) == pytest.approx((x.sum() / precision, 1 / precision), rel=1e-12)
    assert result.log_evidence == pytest.approx(problem.exact().log_evidence, abs=1e-10)


def test_one_term_is_exact():
    problem = ClutterProblem([1.7])
    result, exact = ep(problem.posterior(), problem.terms), problem.exact()
    assert (result.log_evidence, result.mean, result.variance) == pytest.approx(tuple(exact), rel=1e-10)


def test_power_one_half_of_two_copies():
    """Power EP with power 1/2 on two copies of a term is a different fixed point; on a Gaussian term it is the same."""
    problem = ClutterProblem([0.3, 2.0, 1.1], w=0.0)
    half = ep(problem.posterior(), problem.terms, power=0.5, **TIGHT)
    whole = ep(problem.posterior(), problem.terms, **TIGHT)
    assert half.converged
    assert (half.mean, half.log_evidence) == pytest.approx((whole.mean, whole.log_evidence), abs=1e-8)


def test_power_toward_zero_gives_a_lower_bound(problem):
    """power -> 0 is variational Bayes, whose evidence bounds the truth from below."""
    exact = problem.exact().log_evidence
    evidences = [ep(problem.posterior(), problem.terms, power=p, passes=2000, tol=1e-7).log_evidence for p in (1.0, 0.3, 0.1)]
    assert abs(evidences[0] - exact) < 0.01
    assert evidences[0] > evidences[1] > evidences[2]


def test_linear_kernel_is_weight_space():
    rng = np.random.default_rng(2)
    X = rng.standard_normal((12, 4))
    terms = [Step(0.01, 1.0)] * 12
    weights, latent = ep(LinearGaussian(X), terms, **TIGHT), ep(KernelGaussian(X @ X.T), terms, **TIGHT)
    assert weights.log_evidence == pytest.approx(latent.log_evidence, abs=1e-10)
    np.testing.assert_allclose(X @ weights.mean, latent.mean, atol=1e-9)
    np.testing.assert_allclose(X @ weights.covariance @ X.T, latent.covariance, atol=1e-9)


def test_permuting_terms_permutes_sites(problem):
    order = np.random.default_rng(0).permutation(problem.n)
    turned = ClutterProblem(problem.x[order])
    here, there = ep(problem.posterior(), problem.terms, **TIGHT), ep(turned.posterior(), turned.terms, **TIGHT)
    np.testing.assert_allclose(
        [there.posterior.sites[k].precision for k in range(problem.n)],
        [here.posterior.sites[i].precision for i in order],
        atol=1e-8,
    )


def test_posterior_is_not_aliased_and_warm_start_continues(problem):
    start = problem.posterior()
    first = ep(start, problem.terms, passes=1)
    assert start.sites == [] and start.density is start.prior
    rest = ep(first.posterior, problem.terms, **TIGHT)
    whole = ep(problem.posterior(), problem.terms, **TIGHT)
    assert first.passes == 1 and rest.passes == whole.passes - 1
    assert rest.log_evidence == pytest.approx(whole.log_evidence, abs=1e-12)


def test_history_does_not_change_afterwards():
    problem = circle()
    result = ep(problem.posterior(), problem.terms)
    once = ep(problem.posterior(), problem.terms, passes=1)
    np.testing.assert_array_equal(result.history[0].mean, once.history[0].mean)
    assert result.history[0].log_evidence == once.log_evidence
    assert [s.flops for s in result.history] == [once.history[0].flops * (k + 1) for k in range(result.passes)]
    assert all(a.seconds < b.seconds for a, b in zip(result.history, result.history[1:]))


def test_watch_sees_every_pass(problem):
    seen = []
    result = ep(problem.posterior(), problem.terms, watch=lambda r: seen.append(r.mismatch))
    assert seen == [snapshot.mismatch for snapshot in result.history]


def test_progress_bar_counts_passes_and_shows_the_mismatch(problem, capsys):
    result = ep(problem.posterior(), problem.terms, watch=progress.bar(passes=100, title="clutter"))
    shown = capsys.readouterr().err
    assert "clutter" in shown and f"{result.passes}/100" in shown and f"mismatch={result.mismatch:.1e}" in shown


def test_refine_changes_nothing(problem):
    result = ep(problem.posterior(), problem.terms)
    before = result.posterior.density, list(result.posterior.sites)
    refine(result.posterior, problem.terms, 4)
    assert (result.posterior.density, result.posterior.sites) == before


def test_seed_decides_the_order(problem):
    runs = [ep(problem.posterior(), problem.terms, passes=1, schedule=shuffled, rng=seed).mean for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


class Cubic:
    """A term whose EP oscillates: it answers every cavity with a site twice too strong."""

    flops = 1

    def log_z(self, mean, variance, power):
        return 0.0, -3.0 * mean / variance, 0.0


def test_status_converged(problem):
    result = ep(problem.posterior(), problem.terms)
    assert result.converged and result.status.startswith("converged: moments match to") and result.mismatch < 1e-6


def test_status_stopped(problem):
    with pytest.warns(ConvergenceWarning, match="stopped after 2 passes at mismatch .*; allow more passes"):
        assert not ep(problem.posterior(), problem.terms, passes=2).converged


def test_status_improper():
    x = [
        2.08,
        1.43,
        -1.57,
        -0.36,
        -1.91,
        -1.88,
        1.61,
        -2.30,
        1.65,
        2.55,
        2.60,
        2.44,
        -1.73,
        -4.27,
        -0.46,
        -0.78,
        0.61,
        3.17,
        0.30,
        5.75,
    ]
    problem = ClutterProblem(x)
    with pytest.warns(ConvergenceWarning, match="improper: .* cavities since pass .*restricted=True"):
        result = ep(problem.posterior(), problem.terms)
    assert result.skipped > 0 and not result.converged and result.failed
    restricted = ep(problem.posterior(), problem.terms, restricted=True)
    assert restricted.converged and restricted.skipped == 0 and not restricted.failed


def test_status_oscillating_and_damping_cures_it():
    start = Whole(Gaussian.from_moments(1.0, 1.0))
    terms = [Cubic(), Cubic()]
    with pytest.warns(ConvergenceWarning, match="oscillating: mismatch still .*damping"):
        ep(start, terms, passes=30, schedule=parallel)


def test_a_chaotic_run_is_no_slow_one():
    """Its mismatch may be low when it ends, but no lower than it has been before."""
    problem = ClutterProblem.sample(20, rng=67)
    with pytest.warns(ConvergenceWarning, match="oscillating: .* after 200 passes; try damping=0.5"):
        ep(problem.posterior(), problem.terms, passes=200, restricted=True, schedule=parallel)


def test_status_diverged():
    """Two sites that each take more precision than half the prior has, installed at once."""

    class Widen:
        flops = 1

        def log_z(self, mean, variance, power):
            return 0.0, 0.0, -3.0 / variance

    with pytest.warns(ConvergenceWarning, match="diverged: pass 1 left no proper posterior"):
        result = ep(LinearGaussian([[1.0], [1.0]]), [Widen()] * 2, schedule=parallel)
    assert math.isnan(result.log_evidence) and not result.converged


def test_a_small_power_that_overshoots_is_told():
    problem = ClutterProblem.sample(20, rng=20)
    with pytest.warns(ConvergenceWarning, match="diverged: pass 3 left no proper posterior; try damping=0.5"):
        result = ep(problem.posterior(), problem.terms, power=0.2)
    assert result.posterior.density.is_proper and math.isnan(result.log_evidence)
    assert ep(problem.posterior(), problem.terms, power=0.2, damping=0.8).converged


def test_no_warning_for_assumed_density_filtering(problem, recwarn):
    ep(problem.posterior(), problem.terms, passes=1)
    assert not recwarn.list


def test_duplicated_points_and_singular_kernel():
    """The same point ten times over: C has rank one, and nothing is inverted."""
    result = ep(KernelGaussian(np.ones((10, 10))), [Step()] * 10, **TIGHT)
    assert result.converged
    np.testing.assert_allclose(result.mean, result.mean[0], rtol=1e-8)


@pytest.mark.parametrize("posterior", [LinearGaussian(np.eye(2)), KernelGaussian(np.eye(2))])
def test_sites_that_outweigh_the_prior_are_refused(posterior):
    with pytest.raises(ImproperPosteriorError, match="site 1 with precision -1.5 outweighs"):
        posterior.copy().update([1], [Gaussian(-1.5, 0.0)])
    with pytest.raises(ImproperPosteriorError, match="negative precisions outweigh the prior"):
        posterior.copy().update([0, 1], [Gaussian(-1.5, 0.0)] * 2)


@pytest.mark.parametrize(
    ("prior", "site"), [(Gaussian(1.0, 0.0), Gaussian(-0.6, 0.0)), (Dirichlet([2.0, 2.0]), Dirichlet([-0.1, 1.0]))], ids=repr
)
def test_sites_that_together_outweigh_a_whole_prior_are_refused(prior, site):
    q = Whole(prior)
    q.prepare([Clutter(1.0)] * 2)
    with pytest.raises(ImproperPosteriorError, match="the sites outweigh the prior"):
        q.update([0, 1], [site, site])


def test_rounding_is_noticed_and_repaired():
    problem = circle()
    result = ep(problem.posterior(), problem.terms)
    q, good = result.posterior, result.posterior.covariance.copy()
    q.covariance = q.covariance * (1 + 1e-6)
    q.refresh()
    np.testing.assert_allclose(q.covariance, good, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("schedule", [sequential, parallel, shuffled])
def test_schedules_visit_every_term_once(schedule):
    batches = [list(batch) for batch in schedule(7, np.random.default_rng(0))]
    assert sorted(sum(batches, [])) == list(range(7))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"power": 0}, r"power must lie in \(0, inf\)"),
        ({"damping": 1.0}, r"damping must lie in \[0, 1\), not 1.0"),
        ({"passes": 0}, "passes must lie in"),
        ({"passes": 1.5}, "passes must be a whole number, not 1.5"),
        ({"schedule": "parallel"}, "schedule must be sequential, shuffled, parallel .* not 'parallel'"),
        ({"tol": -1}, "tol must lie in"),
    ],
)
def test_bad_options(problem, options, message):
    with pytest.raises(ValueError, match=message):
        ep(problem.posterior(), problem.terms, **options)


def test_wrong_number_of_terms():
    with pytest.raises(ValueError, match="2 terms were given for 3 sites"):
        ep(LinearGaussian(np.eye(3)), [Step()] * 2)


def test_no_terms():
    with pytest.raises(ValueError, match="there are no terms"):
        ep(Whole(Gaussian.from_moments(0.0, 1.0)), [])


def test_a_problem_is_not_a_posterior(problem):
    with pytest.raises(ValueError, match=r"like problem.posterior\(\), not ClutterProblem"):
        ep(problem, problem.terms)


def test_a_result_prints_as_its_status(problem):
    result = ep(problem.posterior(), problem.terms)
    assert repr(result) == f"Result({result.status!r}, log_evidence={result.log_evidence:.6g})"


def test_improper_prior():
    with pytest.raises(ValueError, match="prior must be a proper density"):
        Whole(Gaussian(0.0, 1.0))


def test_terms_at_hand():
    assert ep(Whole(Gaussian.from_moments(0.0, 100.0)), [Clutter(1.0), Clutter(2.0)]).converged


@pytest.mark.parametrize("options", [{"d": None}, {"d": 2}, {"d": 2, "family": "diagonal"}, {"d": 2, "family": "full"}])
def test_parallel_updates_that_go_wrong_say_so(options):
    """Undamped and all at once, some runs fail: each with a status, none with a bare error or a NaN unsaid."""
    outcomes = set()
    for seed in range(40):
        problem = ClutterProblem.sample(12, rng=seed, **options)
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            warnings.simplefilter("ignore", ConvergenceWarning)
            result = ep(problem.posterior(), problem.terms, schedule=parallel)
        outcomes.add(result.status.split(":")[0].split(" ")[0])
        assert math.isfinite(result.log_evidence) or result.status.startswith("diverged")
    assert {"converged", "diverged"} <= outcomes


def test_nan_is_no_match():
    """Data so small that a square underflows: the run may not call itself converged."""
    with pytest.warns(ConvergenceWarning):
        assert not ep(LinearGaussian([[1e-100], [1e-100]]), [Step(0.1)] * 2).converged


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"watch": 3}, "watch must be a function"),
        ({"passes": "3"}, "passes must lie in"),
    ],
)
def test_more_bad_options(problem, options, message):
    with pytest.raises(ValueError, match=message):
        ep(problem.posterior(), problem.terms, **options)


@pytest.mark.parametrize("terms", [Clutter(1.0), [1, 2], 3])
def test_terms_must_be_terms(problem, terms):
    with pytest.raises(ValueError, match="terms must be a sequence of terms"):
        ep(problem.posterior(), terms)


def test_refine_leaves_a_fresh_posterior_fresh(problem):
    start = problem.posterior()
    refine(start, problem.terms[:1], 0)
    assert start.sites == [] and ep(start, problem.terms).converged


def test_an_even_number_of_negative_eigenvalues_is_noticed():
    """Two directions of negative precision have a positive determinant."""
    C = np.linalg.inv(np.linalg.inv(np.array([[1.0, 2, 2], [2, 1, 2], [2, 2, 1]])) + 3 * np.eye(3))
    with pytest.raises(ImproperPosteriorError):
        KernelGaussian((C + C.T) / 2).update(range(3), [Gaussian(-3.0, 0.1)] * 3)


@pytest.mark.parametrize(("batches", "left_out"), [([], 30), ([[0]], 29)])
def test_a_partial_schedule_is_no_convergence(problem, batches, left_out):
    with pytest.warns(ConvergenceWarning, match=f"partial: the schedule left out {left_out} terms of pass 50"):
        result = ep(problem.posterior(), problem.terms, schedule=lambda n, rng: batches, passes=50)
    assert result.failed
