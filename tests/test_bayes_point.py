"""The Bayes Point Machine: the thesis's printed matrices, closed forms, brute force, bad input."""

import math
import pickle
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest

from epbook import (
    BayesPoint,
    ConvergenceWarning,
    Gaussian,
    ImproperPosteriorError,
    KernelGaussian,
    LinearGaussian,
    NotSeparableError,
    Step,
    ep,
)
from epbook.concordance import thesis
from epbook.kernels import GaussianKernel, LinearKernel, PolynomialKernel
from epbook.models import separability
from epbook.models.exact import cone_moments

X3, Y3 = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]], [-1, -1, 1]
PRINTED = {.366: 3, .0551: 4, -.125: 3, .533: 3, -.073: 3, .164: 3, .358: 3, .0589: 4, -.118: 3, .542: 3, -.0809: 4, .163: 3}  # fmt: skip


@pytest.fixture
def three_points():
    return BayesPoint(X3, Y3, bias=True)


def as_printed(ours, printed):
    """Our numbers rounded to as many decimals as the thesis prints."""
    return [[round(float(a), PRINTED[b]) for a, b in zip(*rows, strict=True)] for rows in zip(ours, printed, strict=True)]


def test_ep_covariance_has_every_printed_digit(three_points):
    printed = thesis("covariance of the 3-point problem, EP").value
    result = ep(three_points.posterior(), three_points.terms, tol=1e-10)
    assert as_printed(result.covariance, printed) == printed


def test_exact_covariance_differs_in_one_printed_entry(three_points):
    printed = np.array(thesis("covariance of the 3-point problem, exact").value)
    ours = np.array(as_printed(three_points.exact().covariance, printed))
    assert np.argwhere(ours != printed).tolist() == [[0, 1], [1, 0]]
    assert ours[0, 1] == 0.0549


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_cones_against_sampling(noise):
    """Likelihood-weighted sampling, the thesis's own way, on five points with one redundant."""
    rng = np.random.default_rng(7)
    X = np.array([[1.0, 0.2, 0.1], [0.3, 1.0, -0.2], [0.1, 0.1, 1.0], [0.5, 0.5, 0.5], [-0.2, 0.6, 0.7]])
    w = rng.standard_normal((1_000_000, 3))
    likelihood = np.prod(np.where(w @ X.T > 0, 1 - noise, noise), axis=1)
    exact = cone_moments(X, noise)
    sd = likelihood.std() / 1e3
    assert math.exp(exact.log_evidence) == pytest.approx(likelihood.mean(), abs=5 * sd)
    mean = likelihood @ w / likelihood.sum()
    np.testing.assert_allclose(exact.mean, mean, atol=0.01)
    np.testing.assert_allclose(exact.covariance, (w.T * likelihood) @ w / likelihood.sum() - np.outer(mean, mean), atol=0.02)


def test_rotation_turns_the_cone():
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    X = np.array([[1.0, 0.2, 0.1], [0.3, 1.0, -0.2], [0.1, 0.1, 1.0], [-0.2, 0.6, 0.7]])
    here, there = cone_moments(X), cone_moments(X @ turn.T)
    assert there.log_evidence == pytest.approx(here.log_evidence, abs=1e-12)
    np.testing.assert_allclose(there.mean, turn @ here.mean, atol=1e-12)
    np.testing.assert_allclose(there.covariance, turn @ here.covariance @ turn.T, atol=1e-12)


def test_half_the_space_is_out_of_reach():
    with pytest.raises(ValueError, match="three independent points"):
        cone_moments([[1.0, 0.0, 0.0]])
    with pytest.raises(ValueError, match="cone is empty"):
        cone_moments([[1.0, 0, 0], [-1.0, 0, 0], [0, 1, 0], [0, 0, 1]])


def test_input_scale_does_not_matter(three_points):
    """The likelihood ignores the length of an input vector, and so does EP (thesis 5.5)."""
    scaled = ep(LinearGaussian(three_points.signed * [[1.0], [7.0], [0.2]]), three_points.terms, tol=1e-10)
    plain = ep(three_points.posterior(), three_points.terms, tol=1e-10)
    np.testing.assert_allclose(scaled.mean, plain.mean, atol=1e-9)
    assert scaled.log_evidence == pytest.approx(plain.log_evidence, abs=1e-9)


def test_flipping_labels_flips_the_mean():
    here = BayesPoint(X3, Y3, bias=True, noise=0.05)
    there = BayesPoint(X3, -np.array(Y3), bias=True, noise=0.05)
    one, other = ep(here.posterior(), here.terms), ep(there.posterior(), there.terms)
    np.testing.assert_allclose(one.mean, -other.mean, atol=1e-12)
    np.testing.assert_array_equal(here.predict(one, X3), -there.predict(other, X3))


@pytest.mark.parametrize("bias", [False, True])
def test_predictions_do_not_depend_on_the_space(bias):
    rng = np.random.default_rng(1)
    X, new = rng.standard_normal((15, 3)), rng.standard_normal((6, 3))
    y = np.where(X[:, 0] + 0.3 > 0, 1, -1)
    weights = BayesPoint(X, y, noise=0.05, bias=bias)
    latent = BayesPoint(X, y, LinearKernel(), noise=0.05, bias=bias)
    a, b = (ep(p.posterior(), p.terms, tol=1e-10) for p in (weights, latent))
    assert a.log_evidence == pytest.approx(b.log_evidence, abs=1e-9)
    for left, right in zip(weights.latent(a, new), latent.latent(b, new), strict=True):
        np.testing.assert_allclose(left, right, atol=1e-8)
    np.testing.assert_allclose(weights.predict_proba(a, new), latent.predict_proba(b, new), atol=1e-8)


def test_opper_winther_identities():
    """h = C alpha (5.85) and lambda = 1 / [(C + Lambda)^-1]_ii - v (5.88) at the fixed point."""
    rng = np.random.default_rng(3)
    X = rng.standard_normal((20, 2))
    problem = BayesPoint(X, np.where(X[:, 0] * X[:, 1] > 0, 1, -1), GaussianKernel(1.0))
    q = ep(problem.posterior(), problem.terms, tol=1e-11, passes=300).posterior
    np.testing.assert_allclose(q.mean, q.C @ q.coefficients, atol=1e-9)
    v = np.array([1 / site.precision for site in q.sites])
    cavity = 1 / (1 / q.variance - 1 / v)
    np.testing.assert_allclose(cavity, 1 / np.diag(np.linalg.inv(q.C + np.diag(v))) - v, rtol=1e-7)
    assert (q.coefficients > 0).all()


def test_predictive_probability_is_the_integral():
    problem = BayesPoint(X3, Y3, bias=True, noise=0.1)
    result = ep(problem.posterior(), problem.terms)
    (mean,), (variance,) = problem.latent(result, [[0.7, -0.2]])
    f = mean + math.sqrt(variance) * np.random.default_rng(0).standard_normal(400_000)
    sampled = np.exp(problem.term.log_value(f)).mean()
    assert problem.predict_proba(result, [[0.7, -0.2]])[0] == pytest.approx(sampled, abs=0.003)


def test_log_joint_integrates_to_the_evidence(three_points):
    draws = three_points.sample_prior(400_000, rng=1)
    assert np.exp(three_points.log_likelihood(draws)).mean() == pytest.approx(1 / 12, abs=0.003)
    w = np.array([[1.0, -0.5, -0.4]])
    assert three_points.log_joint(w)[0] == pytest.approx(-1.5 * math.log(2 * math.pi) - 0.5 * 1.41)


def test_kernels():
    x, y = np.array([[1.0, 2.0]]), np.array([[0.0, 1.0], [3.0, 0.0]])
    np.testing.assert_allclose(LinearKernel()(x, y), [[2.0, 3.0]])
    np.testing.assert_allclose(GaussianKernel(2.0)(x, y), np.exp([[-2 / 8, -8 / 8]]))
    np.testing.assert_allclose(PolynomialKernel(3)(x, y), [[27.0, 64.0]])


OVERLAP = ([[0.0], [1.0], [2.0]], [1, -1, 1])


def test_inseparable_labels_are_refused_before_ep_starts():
    with pytest.raises(NotSeparableError, match="no separator fits .* noise > 0"):
        BayesPoint(*OVERLAP, bias=True)
    with pytest.raises(NotSeparableError, match="noise > 0"):
        BayesPoint(*OVERLAP, kernel=LinearKernel(), bias=True)
    for cure in ({"noise": 0.05}, {"slack": 1.0}, {"kernel": PolynomialKernel(2)}, {"kernel": GaussianKernel(1.0)}):
        problem = BayesPoint(*OVERLAP, bias=True, **cure)
        assert ep(problem.posterior(), problem.terms).converged


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BayesPoint([1.0, 2.0], [1, -1]), "X needs 2 axes, not 1"),
        (lambda: BayesPoint(np.empty((0, 2)), []), "X is empty"),
        (lambda: BayesPoint([[1.0], [np.nan]], [1, -1]), "X must be finite, but row 1 holds NaN"),
        (lambda: BayesPoint([[1.0], [2.0]], [1, 0]), r"y must be \+1 or -1, but label 1 is 0"),
        (lambda: BayesPoint([[1.0], [2.0]], [1]), "1 labels were given for 2 data points"),
        (lambda: BayesPoint(X3, Y3, noise=0.7), r"noise is the probability of a wrong label .* not 0.7"),
        (lambda: BayesPoint(X3, Y3, slack=-1), "slack is the width of the step"),
        (lambda: BayesPoint(X3, Y3, kernel=3), "kernel must be None or a callable"),
        (lambda: BayesPoint(X3, Y3, kernel=lambda a, b: np.ones((2, 2))), r"returned shape \(2, 2\) for 3 by 3 data points"),
        (lambda: BayesPoint(X3, Y3, kernel=lambda a, b: np.triu(np.ones((3, 3)))), r"matrix must be symmetric, but entry \("),
        (lambda: BayesPoint(X3, Y3, kernel=lambda a, b: np.full((3, 3), np.nan)), "kernel's matrix must be finite"),
        (lambda: BayesPoint(X3, Y3, kernel=GaussianKernel), "callable k.X, Y. such as GaussianKernel"),
        (lambda: BayesPoint(X3, Y3, noise=0.1), "point 0 is zero in every feature, so no w can classify it; use bias=True"),
        (lambda: BayesPoint(X3, Y3, noise="0"), "noise is the probability of a wrong label"),
        (lambda: BayesPoint(X3, [True, False, True]), r"label 1 is 0"),
        (lambda: GaussianKernel("1"), "width is the kernel's length scale"),
        (lambda: LinearGaussian([[1.0], [0.0]]), "row 1 of X is zero"),
        (lambda: LinearGaussian([[1e-170], [1.0]]), "row 0 of X is zero, or its square is"),
        (lambda: KernelGaussian([[1.0, 2.0], [2.0, 1.0]]), "positive semidefinite"),
        (lambda: cone_moments([[1.0, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 1]]), "row 1 of X is zero"),
        (lambda: GaussianKernel(0.0), r"width is the kernel's length scale and must lie in \(0, inf\), not 0"),
        (lambda: GaussianKernel("wide"), "width is the kernel's length scale"),
        (lambda: GaussianKernel([1.0, -2.0]), "width is the kernel's length scale .* not -2.0"),
        (lambda: GaussianKernel([[1.0]]), "width needs 1 axes, not 2"),
        (lambda: BayesPoint(X3, Y3, GaussianKernel([1.0, 2.0, 3.0])), "the kernel has 3 widths, but the data have 2 features"),
        (lambda: PolynomialKernel(2.5), "degree must be a whole number, not 2.5"),
        (lambda: PolynomialKernel(0), "degree must lie in"),
        (lambda: LinearGaussian([1.0]), "X needs 2 axes"),
        (lambda: LinearGaussian([[np.inf]]), "row 0 holds NaN or infinity"),
        (lambda: KernelGaussian([[1.0, 0.5], [0.2, 1.0]]), r"C must be symmetric, but entry \(0, 1\) is 0.5"),
        (lambda: KernelGaussian([[1.0, 0.5]]), "C must be square"),
        (lambda: KernelGaussian([[1.0, 0.0], [0.0, -1.0]]), "C must have a positive diagonal, but entry 1 is -1"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_bad_questions(three_points):
    result = ep(three_points.posterior(), three_points.terms)
    with pytest.raises(ValueError, match="X needs 2 columns as in training, not 3"):
        three_points.predict(result, [[1.0, 2.0, 3.0]])
    kernel = BayesPoint(X3, Y3, GaussianKernel(1.0))
    for other in (kernel, BayesPoint(X3[:2], [1, -1], bias=True)):
        with pytest.raises(ValueError, match="result belongs to another problem"):
            other.predict(result, X3)
    for ask in (kernel.exact, lambda: kernel.sample_prior(1), lambda: kernel.log_likelihood([[0.0] * 3])):
        with pytest.raises(ValueError, match="needs weight space"):
            ask()
    with pytest.raises(ValueError, match="needs slack = 0"):
        BayesPoint(X3, Y3, slack=1.0, bias=True).exact()
    with pytest.raises(ValueError, match="needs three weights"):
        BayesPoint(np.array(X3) + 1, Y3, noise=0.1).exact()


SEEN = np.array([[1.0, 0.2, 0.1], [0.3, 1.0, -0.2], [0.1, 0.1, 1.0], [-0.2, 0.6, 0.7]])


@pytest.mark.parametrize("noise", [0.0, 0.05])
@pytest.mark.parametrize("scale", [1e-200, 1e-8, 1.0, 1e8])
def test_cones_do_not_depend_on_the_length_of_the_data(noise, scale):
    here, there = cone_moments(SEEN, noise), cone_moments(scale * SEEN, noise)
    assert there.log_evidence == pytest.approx(here.log_evidence, abs=1e-10)
    np.testing.assert_allclose(there.mean, here.mean, atol=1e-10)


def test_redundant_points_leave_the_cone_as_it_is():
    """Copies, rescaled copies and sums of points say nothing new; only rounding could think so."""
    exact = cone_moments(SEEN)
    rng = np.random.default_rng(0)
    for _ in range(100):
        i, j = rng.choice(4, 2, replace=False)
        extra = [rng.uniform(0.1, 9) * SEEN[i], rng.uniform(0.1, 3) * SEEN[i] + rng.uniform(0.1, 3) * SEEN[j]]
        more = cone_moments(np.vstack([SEEN, extra]))
        assert more.log_evidence == pytest.approx(exact.log_evidence, abs=1e-9)
        np.testing.assert_allclose(more.covariance, exact.covariance, atol=1e-9)


@pytest.mark.parametrize("scale", [1e-10, 1e16])
@pytest.mark.parametrize("kernel", [None, LinearKernel()])
def test_the_separator_is_found_at_any_scale(scale, kernel):
    X = scale * np.array([[1.0, 0.3], [-0.4, 1.0], [-1.0, -0.2]])
    BayesPoint(X, [1, 1, -1], kernel=kernel)  # would raise NotSeparableError


@pytest.mark.parametrize(
    ("X", "y"),
    [([[1e10, 1.0], [3e10, 1.0]], [-1, 1]), ([[1.0, 0.0], [1.0, 1e-9]], [1, -1]), ([[1.0, 1e-9], [-1.0, 0.0]], [1, 1])],
)
def test_a_separator_that_is_nearly_a_boundary_is_found(X, y):
    BayesPoint(X, y)  # would raise NotSeparableError


@pytest.mark.parametrize("scale", [1e-100, 1e6, 1e12])
@pytest.mark.parametrize("shift", [0.0, 1e5, 1e7])
@pytest.mark.parametrize("fits", [True, False])
def test_the_units_of_a_feature_do_not_hide_a_separator(scale, shift, fits):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 3))
    y = np.where(X[:, 0] > 0, 1, -1)
    if not fits:
        X, y = np.vstack([X, X[:1]]), np.append(y, -y[0])
    X = (X + shift) * [1.0, scale, 1.0]
    if fits:
        BayesPoint(X, y, bias=True)
    else:
        with pytest.raises(NotSeparableError, match="separator fits"):
            BayesPoint(X, y, bias=True)


def test_rounding_alone_makes_no_kernel_positive_definite():
    """Six points whose sum is zero, in five dimensions: Cholesky's last pivot is rounding, and often positive."""
    pivots = 0
    for seed in range(20):
        X = np.random.default_rng(seed).standard_normal((5, 5))
        X = np.vstack([X, -X.sum(axis=0)])
        try:
            np.linalg.cholesky(X @ X.T)
            pivots += 1
        except np.linalg.LinAlgError:
            pass
        with pytest.raises(NotSeparableError, match="no separator fits"):
            BayesPoint(X, np.ones(6), LinearKernel())
    assert pivots > 0


def test_a_programme_that_cannot_tell_is_not_believed(monkeypatch):
    monkeypatch.setattr(separability, "linprog", lambda *_, **__: SimpleNamespace(status=4, message="numerical difficulties"))
    with pytest.raises(NotSeparableError, match=r"could not be told \(numerical difficulties\); centre and scale"):
        BayesPoint([[1.0]], [1])


def test_opposite_labels_on_one_point_are_refused_with_a_kernel():
    rng = np.random.default_rng(0)
    for _ in range(20):
        X = rng.standard_normal((12, 2))
        X[1] = X[0]
        with pytest.raises(NotSeparableError):
            BayesPoint(X, [1, -1] + [1] * 10, kernel=GaussianKernel(1.0))


def unscaled():
    """Features away from 0 in units that differ by 10^4, and a polynomial that makes 10^15 of them."""
    scale = np.logspace(-1, 3, 8)
    standard = np.random.default_rng(0).standard_normal((100, 8))
    return BayesPoint((3 + standard) * scale, np.where(standard.sum(axis=1) > 0, 1, -1), PolynomialKernel(3), slack=0.3)


def test_coefficients_keep_their_digits_where_the_kernel_is_large():
    """nu - tau h would lose all of them, and predict at chance."""
    problem = unscaled()
    result = ep(problem.posterior(), problem.terms)
    q = result.posterior
    sites = np.array([[site.precision, site.shift] for site in q.sites])
    careless = sites[:, 1] - sites[:, 0] * q.mean
    assert abs(q.C @ careless - q.mean).max() > abs(q.mean).max()
    np.testing.assert_allclose(q.C @ q.coefficients, q.mean, rtol=0, atol=1e-6 * abs(q.mean).max())
    assert result.converged and (problem.predict(result, problem.X) == problem.y).all()


def test_no_variance_is_negative():
    """k(x, x) less what the data explain is rounding here, of either sign."""
    problem = BayesPoint(np.linspace(0, 1, 30)[:, None], np.ones(30), GaussianKernel(0.3))
    certain = SimpleNamespace(signed=problem.signed, coefficients=np.zeros(30), sites=[Gaussian(1e18, 0.0)] * 30)
    variance = problem.latent(SimpleNamespace(posterior=certain), problem.X)[1]
    assert variance.min() == 0 and variance.max() < 1e-12


def test_a_point_without_features_is_a_coin():
    problem = BayesPoint([[1.0, 0.5], [-0.5, 1.0]], [1, 1])
    result = ep(problem.posterior(), problem.terms)
    assert problem.predict_proba(result, [[0.0, 0.0]]).tolist() == [0.5]


def test_data_are_copied():
    X, y = np.array([[1.0, 0.5], [-0.5, 1.0]]), np.array([1.0, 1.0])
    problem = BayesPoint(X, y, kernel=GaussianKernel(1.0))
    result = ep(problem.posterior(), problem.terms)
    before = problem.predict_proba(result, [[0.3, 0.3]])
    X[:], y[:] = 9, -1
    np.testing.assert_array_equal(problem.predict_proba(result, [[0.3, 0.3]]), before)


# --- kernels: what they offer beside their values


@pytest.mark.parametrize("kernel", [LinearKernel(), GaussianKernel(0.7), GaussianKernel([0.5, 2.0]), PolynomialKernel(3)])
def test_the_diagonal_of_a_kernel(kernel):
    X = np.random.default_rng(0).standard_normal((5, 2))
    np.testing.assert_allclose(kernel.diagonal(X), np.diag(kernel(X, X)), rtol=1e-14)


def test_kernels_take_lists_and_a_point_has_no_distance_from_itself():
    for kernel in (LinearKernel(), GaussianKernel(0.7), PolynomialKernel(3)):
        X = [[0.0, 1.0], [2.0, 0.5]]
        np.testing.assert_array_equal(kernel(X, X[:1]), kernel(np.array(X), np.array(X[:1])))
    X = np.random.default_rng(0).standard_normal((9, 2))
    assert GaussianKernel([1e-3, 1e-4]).gradient(X, np.diag(np.arange(9.0))).tolist() == [0, 0]


def test_one_width_for_all_features_or_the_same_for_each():
    X = np.random.default_rng(0).standard_normal((5, 2))
    weights = np.random.default_rng(1).standard_normal((5, 5))
    one, each = GaussianKernel(0.7), GaussianKernel([0.7, 0.7])
    np.testing.assert_array_equal(one(X, X), each(X, X))
    assert each.gradient(X, weights).sum() == pytest.approx(one.gradient(X, weights).item(), rel=1e-12)
    assert each == GaussianKernel(np.array([0.7, 0.7])) and len({each, GaussianKernel((0.7, 0.7))}) == 1
    assert one.with_parameters([2.0]) == GaussianKernel(2.0)
    assert each.with_parameters([1.0, 2.0]) == GaussianKernel([1.0, 2.0])


@pytest.mark.parametrize("shift", [0.0, 1e4])
def test_the_gradient_of_a_kernel_is_the_sum_over_pairs(shift):
    """The slow way, pair by pair; far from the origin the expanded square must not lose it."""
    rng = np.random.default_rng(0)
    X, weights = rng.standard_normal((6, 2)) + shift, rng.standard_normal((6, 6))
    kernel = GaussianKernel([0.7, 2.0])
    slow = sum(
        weights[i, j] * kernel(X[i : i + 1], X[j : j + 1]).item() * (X[i] - X[j]) ** 2 / kernel.parameters**2
        for i in range(6)
        for j in range(6)
    )
    np.testing.assert_allclose(kernel.gradient(X, weights), slow, rtol=1e-9)


def test_the_gradient_of_many_widths_needs_no_array_of_pairs_by_features():
    rng = np.random.default_rng(0)
    X, weights = rng.standard_normal((200, 100)), rng.standard_normal((200, 200))
    kernel = GaussianKernel(np.full(100, 10.0))
    tracemalloc.start()
    kernel.gradient(X, weights)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * weights.nbytes  # pairs by features would be 100 times


# --- the evidence's gradient, and the cavities' answer to a point left out


def noisy(n=30):
    """Points in three dimensions and labels that no line fits."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 3))
    return X, np.sign(X @ [1.0, 0.5, 0.0] + 0.5 * rng.standard_normal(n))


@pytest.mark.parametrize("kernel", [None, LinearKernel(), GaussianKernel(1.3), GaussianKernel([1.0, 2.0, 3.0])])
@pytest.mark.parametrize(("noise", "slack"), [(0.0, 0.5), (0.1, 0.0), (0.1, 0.4)])
def test_evidence_gradient_against_differences(kernel, noise, slack):
    problem = BayesPoint(*noisy(), kernel, noise, slack, bias=True)

    def evidence(**changes):
        other = problem.replace(**changes)
        return ep(other.posterior(), other.terms, tol=1e-10, passes=1000).log_evidence

    def slope(make, h=1e-4):
        return (evidence(**make(h)) - evidence(**make(-h))) / (2 * h)

    def widened(j):
        return lambda h: {"kernel": kernel.with_parameters(kernel.parameters * np.exp(h * (np.arange(count) == j)))}

    gradient = problem.log_evidence_gradient(ep(problem.posterior(), problem.terms, tol=1e-10, passes=1000))
    count = len(getattr(kernel, "parameters", ()))
    assert gradient.log_parameters.tolist() == pytest.approx([slope(widened(j)) for j in range(count)], rel=1e-5, abs=1e-6)
    if noise:
        assert gradient.noise == pytest.approx(slope(lambda h: {"noise": noise + h}), rel=1e-4)
    if slack:
        assert gradient.slack == pytest.approx(slope(lambda h: {"slack": slack + h}), rel=1e-5)
    else:
        assert gradient.slack == 0.0


def test_evidence_gradient_on_the_boundary():
    """At noise 0 the derivative is that from the right, with labels that a separator fits."""
    X, _ = noisy()
    problem = BayesPoint(X, np.sign(X[:, 0]), GaussianKernel(1.0))
    plain = ep(problem.posterior(), problem.terms, tol=1e-10)
    other = problem.replace(noise=1e-6)
    rise = ep(other.posterior(), other.terms, tol=1e-10).log_evidence - plain.log_evidence
    assert problem.log_evidence_gradient(plain).noise == pytest.approx(rise / 1e-6, rel=1e-3)


def test_one_point_knows_nothing_of_widths():
    problem = BayesPoint([[1.0, 2.0]], [1], GaussianKernel(1.0), slack=0.5)
    result = ep(problem.posterior(), problem.terms)
    gradient = problem.log_evidence_gradient(result)
    assert [*gradient.log_parameters, gradient.noise, gradient.slack] == pytest.approx([0.0, 0.0, 0.0], abs=1e-12)
    assert problem.leave_one_out(result) == pytest.approx([0.5])


def test_orthogonal_points_say_nothing_of_each_other():
    problem = BayesPoint(np.diag([1.0, 3.0, 0.2]), [1, -1, 1], noise=0.1)
    np.testing.assert_allclose(problem.leave_one_out(ep(problem.posterior(), problem.terms)), 0.5, atol=1e-12)


@pytest.mark.parametrize("kernel", [None, GaussianKernel(2.0)])
def test_leave_one_out_is_nearly_what_leaving_out_gives(kernel):
    X, y = noisy(20)
    problem = BayesPoint(X, y, kernel, noise=0.05, slack=0.3, bias=True)
    cheap = problem.leave_one_out(ep(problem.posterior(), problem.terms))
    dear = []
    for i in range(len(y)):
        rest = BayesPoint(np.delete(X, i, axis=0), np.delete(y, i), kernel, noise=0.05, slack=0.3, bias=True)
        positive = rest.predict_proba(ep(rest.posterior(), rest.terms), X[i : i + 1])[0]
        dear.append(positive if y[i] > 0 else 1 - positive)
    fitted = problem.predict_proba(ep(problem.posterior(), problem.terms), X)
    fitted[y < 0] = 1 - fitted[y < 0]
    gap = np.abs(cheap - dear)
    assert gap.max() < 0.05 and gap.mean() < 0.2 * np.abs(fitted - dear).mean()  # no better than the fit would be no use


def test_both_spaces_leave_out_alike():
    X, y = noisy()
    weights, latent = (BayesPoint(X, y, kernel, slack=0.3) for kernel in (None, LinearKernel()))
    here, there = (p.leave_one_out(ep(p.posterior(), p.terms, tol=1e-10)) for p in (weights, latent))
    np.testing.assert_allclose(here, there, atol=1e-8)


@pytest.mark.parametrize("ask", [BayesPoint.leave_one_out, BayesPoint.log_evidence_gradient])
def test_cavities_away_from_the_fixed_point_warn(three_points, ask):
    early = ep(three_points.posterior(), three_points.terms, passes=1)
    assert not early.converged
    with pytest.warns(ConvergenceWarning, match="not at EP's fixed point: stopped after 1 pass at"):
        ask(three_points, early)


def test_an_improper_cavity_leaves_nothing_out():
    problem = BayesPoint(X3, Y3, bias=True)
    result = ep(problem.posterior(), problem.terms)
    result.posterior.sites[1] **= 10
    with pytest.raises(ImproperPosteriorError, match="cavity of point 1 is improper"):
        problem.leave_one_out(result)


# --- results of others, and predictors without their problem


def test_a_separator_of_anybody_predicts(three_points):
    kernel = BayesPoint(X3, Y3, GaussianKernel(1.0))
    svm = SimpleNamespace(signed=three_points.signed, mean=np.array([2.0, 0.0, -1.0]))
    shifted = SimpleNamespace(signed=three_points.signed, mean=np.array([2.0, 0.0, 0.0]), offset=-1.0)
    latent = SimpleNamespace(signed=kernel.signed, coefficients=np.ones(3))
    X = [[0.0, 0.3], [0.6, 5.0], [0.4, -5.0]]
    for posterior in (svm, shifted):
        assert three_points.predict(SimpleNamespace(posterior=posterior), X).tolist() == [-1.0, 1.0, -1.0]
    assert kernel.predict(SimpleNamespace(posterior=latent), X3).tolist() == Y3
    for problem, posterior in ((three_points, svm), (kernel, latent)):
        with pytest.raises(ValueError, match="one separator without a spread: ask it for labels"):
            problem.predict_proba(SimpleNamespace(posterior=posterior), X)
        with pytest.raises(ValueError, match="belongs to another problem"):
            problem.leave_one_out(SimpleNamespace(posterior=posterior))


@pytest.mark.parametrize("kernel", [None, GaussianKernel(1.0), PolynomialKernel(2)])
def test_a_predictor_needs_little_and_says_the_same(kernel):
    X, y = noisy(100)
    problem = BayesPoint(X, y, kernel, slack=0.3, bias=True)
    result = ep(problem.posterior(), problem.terms)
    predictor, new = problem.predictor(result), np.random.default_rng(5).standard_normal((7, 3))
    before = predictor.log_probability(new)
    kept = pickle.dumps(predictor)
    assert len(kept) < 8 * 100 * 10  # a 100 x 100 array would be 80000 bytes
    np.testing.assert_array_equal(pickle.loads(kept).log_probability(new), before)
    np.testing.assert_allclose(np.exp(before[:, 1]), problem.predict_proba(result, new), rtol=1e-14)
    np.testing.assert_allclose(np.exp(before).sum(axis=1), 1.0, rtol=1e-14)


def test_a_plain_callable_predicts_like_a_kernel_with_everything():
    X, y = noisy()
    kernel = GaussianKernel(1.0)
    rich, plain = (BayesPoint(X, y, k, slack=0.3, bias=True) for k in (kernel, lambda a, b: kernel(a, b)))
    a, b = (ep(p.posterior(), p.terms) for p in (rich, plain))
    np.testing.assert_allclose(rich.predict_proba(a, X), plain.predict_proba(b, X), rtol=1e-13)
    assert plain.log_evidence_gradient(b).log_parameters.size == 0


def test_replace_changes_what_it_names(three_points):
    other = three_points.replace(noise=0.1, kernel=LinearKernel())
    assert other.term.noise == 0.1 and other.bias and other.signed.shape == (3, 3)
    assert three_points.kernel is None and isinstance(other.term, Step)


def test_the_signed_points_cannot_be_changed(three_points):
    with pytest.raises(ValueError, match="read-only"):
        three_points.signed[0, 0] = 5.0
