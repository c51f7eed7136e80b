"""The rivals that rest on a mixture's parts: Laplace by EM, variational Bayes, Gibbs."""

import math

import numpy as np
import pytest
from mixture_problems import PLANE, PROBLEMS, X, problems
from scipy.special import softmax

from epbook import BayesPoint, ClutterProblem, LogisticIntegrand, MixtureWeights, ep
from epbook.models.exact import grid_moments
from epbook.rivals import gibbs, importance, jensen, laplace, metropolis, variational_bayes

no_labels_to_guess = pytest.mark.parametrize("w", [0.0, 1.0])


@problems
def test_laplace_has_the_height_and_curvature_of_the_joint(problem):
    result, h = laplace(problem), 1e-4
    assert result.converged and result.status.startswith("converged")
    simplex = isinstance(problem, MixtureWeights)
    gaussian = result.posterior.gaussian if simplex else result.posterior
    mode = np.atleast_1d(gaussian.mean)

    def height(u):
        if simplex:
            w = softmax(np.append(u, 0.0))
            return problem.log_joint(w) + np.log(w).sum()
        return problem.log_joint(u if problem.x.ndim == 2 else u[0])

    units = h * np.eye(mode.size)
    hessian = np.array([
        [(height(mode + a + b) - height(mode + a - b) - height(mode - a + b) + height(mode - a - b)) / (4 * h * h) for a in units]
        for b in units
    ])  # fmt: skip
    np.testing.assert_allclose(np.atleast_2d(gaussian.precision), -hessian, atol=2e-5)
    want = height(mode) + 0.5 * (mode.size * math.log(2 * math.pi) - np.linalg.slogdet(-hessian)[1])
    assert result.log_evidence == pytest.approx(want, abs=1e-5)


def test_the_thesis_forgot_the_prior_in_its_hessian():
    """(3.63) as printed shows no prior; the curvature of the joint is 1/100 more."""
    result = laplace(PROBLEMS["1-D"])
    r = PROBLEMS["1-D"].responsibilities(result.mean)[:, 0]
    printed = r.sum() - (r * (1 - r)) @ (X - result.mean) ** 2
    assert result.posterior.precision - printed == pytest.approx(0.01, abs=1e-12)


@no_labels_to_guess
def test_rivals_are_exact_when_no_label_is_in_doubt(w):
    problem = ClutterProblem(X, w)
    exact = problem.exact()
    for result in (laplace(problem), variational_bayes(problem), gibbs(problem, sweeps=3, rng=0)):
        assert result.log_evidence == pytest.approx(exact.log_evidence, abs=1e-9)
        assert (result.mean, result.variance) == pytest.approx((exact.mean, exact.variance), abs=1e-8)


def test_laplace_between_two_modes_says_that_there_is_no_maximum():
    problem = ClutterProblem([-4.0, 4.0])
    result = laplace(problem, start=0.0)
    assert not result.converged and result.status.startswith("no maximum") and math.isnan(result.log_evidence)
    assert result.mean == 0 and math.isnan(result.variance) and math.isnan(result.covariance)
    left, right = laplace(problem, start=-3.0), laplace(problem, start=3.0)
    assert left.converged and left.mean == pytest.approx(-right.mean) and right.mean > 1


def test_laplace_stops_and_says_so():
    problem = PROBLEMS["1-D"]
    result = laplace(problem, passes=2)
    assert not result.converged and result.status.startswith("stopped after 2 passes")
    first, second = (snapshot.flops for snapshot in result.history)
    assert second - first == problem.climb_flops and first == problem.climb_flops + problem.fit_flops
    assert laplace(problem, passes=1).log_evidence == problem.laplace_fit(problem.climb(problem.start))[0]


@problems
def test_the_variational_bound_rises_and_is_a_bound(problem):
    result = variational_bayes(problem)
    bounds = [snapshot.log_evidence for snapshot in result.history]
    assert result.converged and len(bounds) > 3
    assert np.diff(bounds).min() > -1e-12 * abs(bounds[-1])
    assert bounds[-1] < problem.exact().log_evidence


def test_the_bound_is_the_integral_of_the_bounded_joint():
    problem = PROBLEMS["1-D"]
    shares = np.random.default_rng(3).dirichlet([1, 1], problem.n)

    def bounded(theta):
        return problem.prior().log_density(theta) + (shares * (problem.log_parts(theta) - np.log(shares))).sum(axis=(-2, -1))

    result = variational_bayes(problem, shares, passes=1)
    assert result.log_evidence == pytest.approx(grid_moments(bounded, -40, 40, 0.05).log_evidence, abs=1e-12)
    assert result.status.startswith("stopped")


@pytest.mark.parametrize("problem", [PROBLEMS["1-D"], PROBLEMS["spherical"]], ids=["1-D", "spherical"])
def test_the_bound_as_the_thesis_prints_it(problem):
    """(3.74)-(3.76) with K_j, mean and scatter of each part; the formula is symmetric in what the data are."""
    x, w, c, v = problem.x.reshape(problem.n, -1), problem.w, problem.clutter_variance, problem.prior_variance
    d, q = x.shape[1], np.random.default_rng(4).dirichlet([1, 1], problem.n)

    def block(q_j, noise, spread):
        K = q_j.sum()
        mean = q_j @ x / K
        scatter = (q_j @ (x - mean) ** 2).sum()
        log_normal = -0.5 * (d * math.log(2 * math.pi * spread(K)) + mean @ mean / spread(K))
        return log_normal - 0.5 * (d * ((K - 1) * math.log(2 * math.pi * noise) + math.log(K)) + scatter / noise)

    signal = block(q[:, 0], 1.0, lambda K: 1 / K + v)  # (3.74)
    clutter = block(q[:, 1], c, lambda K: c / K)  # (3.75)
    labels = (q * np.log(np.array([1 - w, w]) / q)).sum()  # (3.76)
    assert variational_bayes(problem, q, passes=1).log_evidence == pytest.approx(signal + clutter + labels, abs=1e-12)


SURE = {**PROBLEMS, "1-D": ClutterProblem(X, 0.4, 4.0), "full": ClutterProblem(PLANE, 0.4, 4.0, family="full")}


@pytest.mark.parametrize("name", ["1-D", "full", "two weights", "three weights"])
def test_gibbs_draws_from_the_posterior(name):
    """Within five standard errors, as the spread of twelve shorter runs tells them."""
    problem = SURE[name]
    exact = problem.exact()
    runs = [gibbs(problem, sweeps=400, burn_in=20, rng=seed) for seed in range(12)]
    pairs = [
        ([run.mean for run in runs], exact.mean),
        ([run.log_evidence for run in runs], exact.log_evidence),
        ([run.covariance for run in runs], exact.covariance),
    ]
    for got, want in pairs:
        standard_error = np.std(got, axis=0, ddof=1) / math.sqrt(12)
        assert (standard_error < 0.1).all()
        assert (np.abs(np.mean(got, axis=0) - want) < 5 * standard_error + 1e-12).all()


def test_gibbs_records_at_powers_of_two_and_repeats_itself():
    problem = PROBLEMS["1-D"]
    one, two, longer = (gibbs(problem, sweeps, rng=7) for sweeps in (11, 11, 12))
    assert [snapshot.mean for snapshot in one.history[:4]] == [snapshot.mean for snapshot in longer.history[:4]]
    assert one.log_evidence == two.log_evidence and len(one.history) == 5  # 1, 2, 4, 8, 11
    per_sweep = (one.history[4].flops - one.history[3].flops) / 3
    assert one.history[3].flops - one.history[0].flops == 7 * per_sweep
    burnt = gibbs(problem, 11, burn_in=5, rng=7)
    assert burnt.history[0].flops - one.history[0].flops == 5 * per_sweep
    assert one.converged and "11 samples" in one.status


def test_rao_blackwell_density_is_normalised_and_has_the_moments():
    posterior = gibbs(PROBLEMS["1-D"], 30, rng=0).posterior
    moments = grid_moments(posterior.log_density, -120, 120, 0.02)
    assert math.exp(moments.log_evidence) == pytest.approx(1, abs=1e-12)
    assert (moments.mean, moments.variance) == pytest.approx((posterior.mean, posterior.variance), rel=1e-9)
    np.testing.assert_allclose(np.log(posterior.density(X)), posterior.log_density(X))


def test_ep_beats_laplace_and_vb_in_the_median():
    errors = []
    for seed in range(12):
        problem = MixtureWeights.sample(30, rng=seed)
        exact = problem.exact()
        results = [ep(problem.posterior(), problem.terms), laplace(problem), variational_bayes(problem)]
        errors.append([exact.errors(result)[0] for result in results])
    by_ep, by_laplace, by_vb = np.median(errors, axis=0)
    assert by_ep < 0.2 * by_laplace < 0.2 * by_vb


def test_laplace_at_a_saddle_has_no_gaussian():
    """In the plane, two flocks: at their middle the joint curves upward along their line and downward across."""
    problem = ClutterProblem([[-4.0, 0.0], [-4.0, 0.1], [4.0, 0.0], [4.0, -0.1]])
    assert problem.laplace_fit(np.zeros(2))[1] is None and math.isnan(problem.laplace_fit(np.zeros(2))[0])
    assert laplace(problem, start=[3.0, 0.0]).converged


def test_laplace_of_weights_far_from_the_mode_has_no_gaussian():
    problem = MixtureWeights(np.tile([1.0, 0.001], (50, 1)))
    log_evidence, fit = problem.laplace_fit([0.001, 0.999])
    assert math.isnan(log_evidence) and fit is None
    assert problem.laplace_fit([0.97, 0.03])[1] is not None


def test_what_is_burnt_in_is_dropped():
    problem = PROBLEMS["1-D"]
    kept, whole = gibbs(problem, 11, burn_in=5, rng=7).posterior.members, gibbs(problem, 16, rng=7).posterior.members
    assert [member.mean for member in kept] == [member.mean for member in whole[5:]]


def test_the_first_bound_is_finite_where_a_part_is_impossible():
    for problem in (PROBLEMS["two weights"], ClutterProblem(X, 0.0), ClutterProblem(X, 1.0)):
        assert -math.inf < variational_bayes(problem).history[0].log_evidence <= problem.exact().log_evidence + 1e-12
    sure = MixtureWeights([[0.3, 0.0], [0.0, 0.2]])  # no label is in doubt, so the first bound is the evidence
    assert variational_bayes(sure).history[0].log_evidence == pytest.approx(sure.exact().log_evidence, abs=1e-14)


SHARES = np.full((5, 2), 0.5)
BAYES_POINT = BayesPoint([[1.0, 0.5]], [1.0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: laplace(PROBLEMS["spherical"], start=[0.0]), r"start must have shape \(2,\)"),
        (lambda: laplace(PROBLEMS["1-D"], start=[0.0]), r"start must have shape \(\) like theta, not \(1,\)"),
        (lambda: laplace(PROBLEMS["two weights"], start=[1.0, 1.0]), r"the joint is zero at start = \[1. 1.\]"),
        (lambda: gibbs(PROBLEMS["two weights"], start=[5.0, -1.0]), "the joint is zero at start"),
        (lambda: gibbs(PROBLEMS["two weights"], start=[1.0, 0.0]), "the joint is zero at start"),
        (lambda: gibbs(PROBLEMS["1-D"], start=math.nan), "start must be finite"),
        (lambda: laplace(PROBLEMS["1-D"], passes=0), "passes must lie in"),
        (lambda: laplace(PROBLEMS["1-D"], tol=-1), "tol must lie in"),
        (lambda: variational_bayes(PROBLEMS["1-D"], SHARES[:3]), r"shares must have shape \(5, 2\), not \(3, 2\)"),
        (lambda: variational_bayes(PROBLEMS["1-D"], SHARES * 1.1), "probabilities that sum to 1"),
        (lambda: variational_bayes(PROBLEMS["1-D"], SHARES + [[1, -1]]), "probabilities that sum to 1"),
        (lambda: variational_bayes(LogisticIntegrand()), "variational_bayes needs a problem with given"),
        (lambda: gibbs(LogisticIntegrand()), "gibbs needs a problem with .*given, and LogisticIntegrand has none"),
        (lambda: laplace(BAYES_POINT), "laplace needs a problem with start and climb and laplace_fit, and BayesPoint has none"),
        (lambda: importance(BAYES_POINT), "importance needs a problem with flops, and BayesPoint has none"),
        (lambda: metropolis(BAYES_POINT), "metropolis needs a problem with start and flops, and BayesPoint has none"),
        (lambda: jensen(BAYES_POINT), "jensen needs a problem with flops, and BayesPoint has none"),
        (lambda: gibbs(PROBLEMS["1-D"], sweeps=0), "sweeps must lie in"),
        (lambda: gibbs(PROBLEMS["1-D"], burn_in=-1), "burn_in must lie in"),
        (lambda: gibbs(PROBLEMS["spherical"], start=[1.0, 2.0, 3.0]), r"start must have shape \(2,\)"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()
