"""Dirichlet families and the mixture-weight term: identities, the thesis's formulas, extremes."""

import math

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, gammaln, psi

from epbook import (
    DiagonalGaussian,
    Dirichlet,
    DirichletTwoMoments,
    FullGaussian,
    Gaussian,
    MixtureWeight,
    NoMassError,
    SphericalGaussian,
)

A, P = np.array([1.4, 0.6, 3.0]), np.array([0.3, 0.1, 0.02])


def integral(function):
    """The integral of a function of w over the simplex of two weights, by the trapezoid rule in the logit of w."""
    u = np.linspace(-40, 40, 1601)
    w = np.column_stack([expit(u), expit(-u)])
    return 0.05 * (function(w) * w[:, 0] * w[:, 1]).sum()


def test_algebra_adds_exponents():
    p, q = Dirichlet(A), Dirichlet([0.5, -2.0, 1.0])
    np.testing.assert_allclose((p * q).concentration, A + [-0.5, -3.0, 0.0])
    np.testing.assert_allclose((p * q / q).concentration, A, rtol=1e-14)
    np.testing.assert_allclose((p**0.5 * p**0.5).concentration, A, rtol=1e-14)
    np.testing.assert_array_equal((p**0.0).concentration, 1.0)
    assert p.is_proper and not q.is_proper
    w = np.array([0.2, 0.5, 0.3])
    assert (p * q).log_value(w) == pytest.approx(p.log_value(w) + q.log_value(w))


def test_expected_logs_are_the_gradient_of_the_log_normaliser():
    for k, unit in enumerate(np.eye(3)):
        slope = (Dirichlet(A + 1e-5 * unit).log_normaliser - Dirichlet(A - 1e-5 * unit).log_normaliser) / 2e-5
        assert slope == pytest.approx(Dirichlet(A).expected_logs[k], rel=1e-8)


def test_density_and_moments_are_those_of_scipy():
    q, twin = Dirichlet(A), stats.dirichlet(A)
    w = np.array([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]])
    np.testing.assert_allclose(q.log_density(w), twin.logpdf(w.T), rtol=1e-13)
    np.testing.assert_allclose(q.mean, twin.mean(), rtol=1e-14)
    np.testing.assert_allclose(q.variance, twin.var(), rtol=1e-13)
    np.testing.assert_allclose(q.covariance, twin.cov(), rtol=1e-13)
    assert Dirichlet([1.0, 1.0, 2.0]).log_value(np.array([0.0, 0.5, 0.5])) == pytest.approx(math.log(0.5))  # 0 log 0 = 0


def test_divergence_is_both_kullback_leiblers():
    p, q = Dirichlet([2.0, 3.0]), Dirichlet([2.5, 1.5])

    def integrand(w):
        gap = p.log_density(w) - q.log_density(w)
        return (np.exp(p.log_density(w)) - np.exp(q.log_density(w))) * gap

    assert p.divergence(q) == pytest.approx(integral(integrand), rel=1e-12)
    near, fisher = np.array([1e-9, -2e-9, 1e-9]), np.diag(psi_prime(A)) - psi_prime(A.sum())
    assert Dirichlet(A).divergence(Dirichlet(A + near)) == pytest.approx(near @ fisher @ near, rel=1e-5)


def psi_prime(a):
    return (psi(a + 1e-4) - psi(a - 1e-4)) / 2e-4


@pytest.mark.parametrize("components", [2, 3, 8])
def test_newton_inverts_expected_logs_from_tiny_to_huge(components):
    rng = np.random.default_rng(components)
    for _ in range(200):
        scale, spread = rng.uniform(-5, 5), rng.uniform(-1, 1, components)
        a = 10 ** (scale + spread)
        found = Dirichlet.from_expected_logs(Dirichlet(a).expected_logs).concentration
        # E[log w] leaves only 1 / sum(a) of its digits to the total concentration
        np.testing.assert_allclose(found, a, rtol=1e-12 + 1e-14 * a.sum())


@pytest.mark.parametrize("a", [[1e-15, 3e-14], [1e-20, 5e-20, 1e-19]])
def test_newton_inverts_expected_logs_of_almost_nothing(a):
    """A first full step would leave the positive numbers here, and a floor that is not relative would stop above."""
    np.testing.assert_allclose(Dirichlet.from_expected_logs(Dirichlet(a).expected_logs).concentration, a, rtol=1e-12)


def test_matching_solves_its_equation_at_the_extremes():
    rng = np.random.default_rng(1)
    for _ in range(300):
        a, p = 10 ** rng.uniform(-6, 6, 3), 10 ** rng.uniform(-30, 3, 3)
        log_z, r = MixtureWeight(p).log_z(a)
        tilted = Dirichlet(a).moment_match(MixtureWeight(p))[1]
        want = psi(a) - psi(a.sum()) + r / a - 1 / a.sum()
        np.testing.assert_allclose(tilted.expected_logs, want, rtol=1e-13, atol=3e-14)
        assert log_z == pytest.approx(math.log(p @ a / a.sum()), rel=1e-13, abs=1e-13)


@pytest.mark.parametrize("family", [Dirichlet, DirichletTwoMoments])
def test_matching_against_quadrature(family):
    q, term = family([2.0, 3.0]), MixtureWeight([0.3, 0.1])
    log_z, tilted = q.moment_match(term)

    def joint(w):
        return np.exp(q.log_density(w) + term.log_value(w))

    assert math.exp(log_z) == pytest.approx(integral(joint), rel=1e-13)
    if family is Dirichlet:
        logs = [integral(lambda w, k=k: joint(w) * np.log(w[:, k])) for k in (0, 1)]
        np.testing.assert_allclose(tilted.expected_logs, np.array(logs) / math.exp(log_z), rtol=1e-12)
    else:
        mean = [integral(lambda w, k=k: joint(w) * w[:, k]) for k in (0, 1)]
        second = integral(lambda w: joint(w) * (w**2).sum(axis=1))
        np.testing.assert_allclose(tilted.mean, np.array(mean) / math.exp(log_z), rtol=1e-13)
        assert (tilted.variance + tilted.mean**2).sum() == pytest.approx(second / math.exp(log_z), rel=1e-13)


def test_cowell_as_the_thesis_prints_it():
    """(3.110), (3.112), (3.113) letter by letter; the library's form is theirs without the cancellation."""
    Z, total = P @ A / A.sum(), A.sum()
    m = A / (Z * total) * (P + P @ A) / (1 + total)
    m2 = A * (A + 1) / (Z * total * (1 + total)) * (2 * P + P @ A) / (2 + total)
    want = (m - m2).sum() / (m2 - m**2).sum() * m
    np.testing.assert_allclose(DirichletTwoMoments(A).moment_match(MixtureWeight(P))[1].concentration, want, rtol=1e-13)


def test_site_is_as_tall_as_its_term():
    """site * cavity = Z * tilted at every w, (3.107)."""
    q, term = Dirichlet(A), MixtureWeight(P)
    log_z, tilted = q.moment_match(term)
    log_scale = log_z + gammaln(tilted.concentration.sum()) - gammaln(tilted.concentration).sum() + q.log_normaliser
    w = np.array([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]])
    left = log_scale + (tilted / q).log_value(w) + q.log_density(w)
    np.testing.assert_allclose(left, log_z + tilted.log_density(w), rtol=1e-12)


MEMBERS = {
    "1-D": Gaussian.from_moments(0.3, 2.0),
    "spherical": SphericalGaussian.from_moments([0.3, 1.0], 2.0),
    "diagonal": DiagonalGaussian.from_moments([0.3, 1.0], [2.0, 0.4]),
    "full": FullGaussian.from_moments([0.3, 1.0], [[2.0, 0.6], [0.6, 0.5]]),
    "Dirichlet": Dirichlet(A),
}


@pytest.mark.parametrize("q", MEMBERS.values(), ids=MEMBERS)
def test_draws_have_the_moments(q):
    draws = q.sample(100_000, rng=3)
    assert draws.shape == (100_000, *np.shape(q.mean))
    np.testing.assert_allclose(draws.mean(axis=0), q.mean, atol=0.02)
    np.testing.assert_allclose(np.cov(draws, rowvar=False), q.covariance, atol=0.03)
    np.testing.assert_array_equal(q.sample(3, rng=3), q.sample(3, rng=3))


@pytest.mark.parametrize("name", ["spherical", "diagonal", "full"])
def test_density_of_a_vector_gaussian_is_scipys(name):
    q, x = MEMBERS[name], np.array([[[0.0, 1.0], [2.0, -1.0]], [[0.3, 1.0], [5.0, 5.0]]])
    twin = stats.multivariate_normal(q.mean, q.covariance)
    np.testing.assert_allclose(q.log_density(x), twin.logpdf(x), rtol=1e-12)
    np.testing.assert_allclose(q.log_value(x) - q.log_value(x[0, 0]), twin.logpdf(x) - twin.logpdf(x[0, 0]), rtol=1e-12)


class Nothing:
    def log_z(self, concentration, power):
        return -math.inf, concentration


def test_no_mass():
    with pytest.raises(NoMassError, match=r"no mass under the cavity Dirichlet\(\[1.0, 2.0\]\)"):
        Dirichlet([1.0, 2.0]).moment_match(Nothing())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Dirichlet([1.0]), "at least two components"),
        (lambda: Dirichlet([1.0, np.nan]), "concentration must be finite, but row 1"),
        (lambda: Dirichlet(2.0), "concentration needs 1 axes, not 0"),
        (lambda: Dirichlet.from_expected_logs([-0.1, -0.1]), r"sum to less than 1, not 1\.8"),
        (lambda: Dirichlet(A).moment_match(MixtureWeight(P), restricted=True), "restricted=True is defined for Gaussians"),
        (lambda: Dirichlet(A).moment_match(MixtureWeight([0.1, 0.2])), "the term has 2 components, but the cavity 3"),
        (lambda: Dirichlet(A).moment_match(MixtureWeight(P), 0.5), "power != 1 has no closed form"),
        (lambda: MixtureWeight([0.1]), "at least two components"),
        (lambda: MixtureWeight([0.1, -0.2]), r"must be >= 0 and not all zero, not \[0.1, -0.2\]"),
        (lambda: MixtureWeight([0.0, 0.0]), "not all zero"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_term_names_itself():
    assert repr(MixtureWeight([0.3, 0.1])) == "MixtureWeight([0.3, 0.1])"
