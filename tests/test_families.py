"""The four Gaussians: identities that hold whatever the numbers."""

import math

import numpy as np
import pytest

from epbook import Clutter, DiagonalGaussian, FullGaussian, Gaussian, NoMassError, SphericalGaussian, Step

COVARIANCE = np.array([[2.0, 0.6], [0.6, 0.5]])
MEMBERS = {
    "1-D": (Gaussian.from_moments(0.3, 2.0), Gaussian.from_moments(-1.0, 0.7)),
    "spherical": (SphericalGaussian.from_moments([0.3, 1.0], 2.0), SphericalGaussian.from_moments([0.0, 2.0], 0.7)),
    "diagonal": (DiagonalGaussian.from_moments([0.3, 1.0], [2.0, 0.4]), DiagonalGaussian.from_moments([0, 2.0], [1, 3])),
    "full": (FullGaussian.from_moments([0.3, 1.0], COVARIANCE), FullGaussian.from_moments([0.0, 2.0], np.eye(2))),
}
pairs = pytest.mark.parametrize("pair", MEMBERS.values(), ids=MEMBERS)


def natural(q):
    return np.concatenate([np.ravel(q.precision), np.ravel(q.shift)])


@pairs
def test_product_and_quotient_undo_each_other(pair):
    p, q = pair
    np.testing.assert_allclose(natural(p * q / q), natural(p), rtol=1e-14)
    np.testing.assert_allclose(natural(p**0.5 * p**0.5), natural(p), rtol=1e-14)


@pairs
def test_mean_is_the_gradient_of_the_log_normaliser(pair):
    q, step = pair[0], 1e-5
    for k in range(np.size(q.shift)):
        bump = np.zeros(np.size(q.shift))
        bump[k] = step
        bump = float(bump[0]) if isinstance(q, Gaussian) else bump
        up, down = type(q)(q.precision, q.shift + bump), type(q)(q.precision, q.shift - bump)
        slope = (up.log_normaliser - down.log_normaliser) / (2 * step)
        assert slope == pytest.approx(np.ravel(q.mean)[k], rel=1e-8)


@pairs
def test_divergence_is_the_textbook_formula(pair):
    p, q = pair
    P, Q = np.atleast_2d(p.covariance), np.atleast_2d(q.covariance)
    gap = np.atleast_1d(p.mean - q.mean)
    d = len(gap)
    inverse = np.linalg.inv(P) + np.linalg.inv(Q)
    want = 0.5 * (np.trace(np.linalg.solve(P, Q) + np.linalg.solve(Q, P)) - 2 * d + gap @ inverse @ gap)
    assert p.divergence(q) == pytest.approx(want, rel=1e-12)
    assert p.divergence(p) == pytest.approx(0, abs=1e-12)


def test_shapes_agree_where_they_can():
    """A full Gaussian with a spherical covariance meets the same term in the same way, up to its projection."""
    term = Clutter(np.array([1.0, -2.0]), 0.3)
    sphere = SphericalGaussian.from_moments([0.2, 0.1], 1.5)
    full = FullGaussian.from_moments([0.2, 0.1], 1.5 * np.eye(2))
    diagonal = DiagonalGaussian.from_moments([0.2, 0.1], [1.5, 1.5])
    (z_s, s), (z_f, f), (z_d, d) = (q.moment_match(term) for q in (sphere, full, diagonal))
    assert z_s == pytest.approx(z_f, rel=1e-13) and z_d == pytest.approx(z_f, rel=1e-13)
    np.testing.assert_allclose(s.mean, f.mean, rtol=1e-12)
    np.testing.assert_allclose(d.variance, np.diag(f.covariance), rtol=1e-12)
    assert s.variance == pytest.approx(np.trace(f.covariance) / 2, rel=1e-12)


def test_full_moments_against_a_grid():
    term = Clutter(np.array([1.5, 0.5]), 0.4)
    q = FullGaussian.from_moments([0.0, 0.3], COVARIANCE)
    log_z, tilted = q.moment_match(term)
    axis = np.linspace(-12, 12, 601)
    theta = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    log_q = theta @ q.shift - 0.5 * np.einsum("ij,jk,ik->i", theta, q.precision, theta) - q.log_normaliser
    normal = np.exp(-0.5 * ((theta - term.x) ** 2).sum(axis=1)) / (2 * math.pi)
    clutter = math.exp(-0.5 * term.x @ term.x / 10) / (20 * math.pi)
    weight = np.exp(log_q) * (0.6 * normal + 0.4 * clutter) * (axis[1] - axis[0]) ** 2
    assert log_z == pytest.approx(math.log(weight.sum()), abs=1e-6)
    weight /= weight.sum()
    np.testing.assert_allclose(tilted.mean, weight @ theta, atol=1e-6)
    gap = theta - weight @ theta
    np.testing.assert_allclose(tilted.covariance, (gap.T * weight) @ gap, atol=1e-6)


@pytest.mark.parametrize("family", ["spherical", "diagonal", "full"])
def test_restricted_never_loses_precision(family):
    q = MEMBERS[family][0]
    term = Clutter(np.array([3.0, -1.0]))
    free, held = q.moment_match(term)[1], q.moment_match(term, restricted=True)[1]
    lost = np.linalg.eigvalsh(np.atleast_2d(np.linalg.inv(free.covariance) - np.linalg.inv(q.covariance)))[0]
    kept = np.linalg.eigvalsh(np.atleast_2d(np.linalg.inv(held.covariance) - np.linalg.inv(q.covariance)))[0]
    assert lost < -1e-3 and kept > -1e-10
    np.testing.assert_allclose(held.mean, free.mean, rtol=1e-10)


class Sharpen:
    """A term that takes all of the variance, or more."""

    def __init__(self, share):
        self.share = share

    def log_z(self, mean, variance, power):
        inverse = np.linalg.inv(variance) if np.ndim(variance) == 2 else 1 / variance
        return 0.0, 0.0 * mean, self.share * inverse


@pairs
def test_a_tilted_distribution_without_width_is_refused(pair):
    with pytest.raises(NoMassError, match="without width"):
        pair[0].moment_match(Sharpen(2.0))


def test_no_width_at_all_is_refused_too():
    for q in (Gaussian(0.5, 0.1), DiagonalGaussian([0.5, 0.25], [0.0, 1.0])):  # powers of 2: the width is 0 exactly
        with np.errstate(all="ignore"), pytest.raises(NoMassError, match="without width"):
            q.moment_match(Sharpen(1.0))


def test_variances_are_the_diagonal_of_the_covariance():
    for q, _ in MEMBERS.values():
        np.testing.assert_allclose(
            np.broadcast_to(q.variance, np.shape(q.shift)), np.diag(np.atleast_2d(q.covariance)).reshape(np.shape(q.shift))
        )


def test_rounding_in_a_symmetric_matrix_is_forgiven():
    assert FullGaussian(np.array([[2.0, 0.5], [0.5 + 1e-12, 1.0]]), [0.0, 0.0]).is_proper


def test_log_density_integrates_to_one():
    x = np.linspace(-20, 20, 4001)
    assert np.exp(MEMBERS["1-D"][0].log_density(x)).sum() * 0.01 == pytest.approx(1, abs=1e-12)


def test_no_mass_is_an_error_that_names_term_and_cavity():
    with pytest.raises(NoMassError, match=r"Step.*no mass.*Gaussian\(precision"):
        Gaussian.from_moments(-1e200, 1.0).moment_match(Step())
    with pytest.raises(NoMassError, match="without width"):
        Gaussian.from_moments(-1e12, 1.0).moment_match(Step())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Gaussian(float("nan"), 0.0), "precision must be finite"),
        (lambda: Gaussian([1.0], 0.0), "precision needs 0 axes, not 1"),
        (lambda: Gaussian("a", 0.0), "precision must be an array of real numbers"),
        (lambda: Gaussian.from_moments(0.0, -1.0), "variance must be positive, not -1"),
        (lambda: SphericalGaussian(1.0, 2.0), "shift needs 1 axes, not 0"),
        (lambda: SphericalGaussian(1.0, []), "shift is empty"),
        (lambda: SphericalGaussian.from_moments([0.0, np.inf], 1.0), "mean must be finite, but row 1"),
        (lambda: DiagonalGaussian([1.0], [1.0, 2.0]), "must have one shape"),
        (lambda: DiagonalGaussian.from_moments([0.0], [0.0]), "variance must be positive"),
        (lambda: FullGaussian(np.ones((2, 3)), [0.0, 0.0]), "precision must be square"),
        (lambda: FullGaussian([[1.0, 2.0], [0.0, 1.0]], [0.0, 0.0]), r"symmetric, but entry \(0, 1\) is 2"),
        (lambda: FullGaussian(np.eye(2), [0.0]), "must agree in d"),
        (lambda: Gaussian(1j, 0.0), "precision must be an array of real numbers"),
        (lambda: SphericalGaussian(1.0, [[1.0], [1.0, 2.0]]), "shift must be an array of real numbers"),
        (lambda: DiagonalGaussian.from_moments([0.0, 1.0], [1.0]), "must have one shape"),
        (lambda: FullGaussian.from_moments([0.0], np.eye(2)), "must agree in d"),
        (lambda: FullGaussian.from_moments([0.0, 0.0], [[1.0, 2.0], [2.0, 1.0]]), "positive definite"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()
