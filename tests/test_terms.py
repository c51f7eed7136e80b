"""Terms: derivatives against differences, powers against quadrature, tails against many digits."""

import math

import mpmath
import numpy as np
import pytest

from epbook import Clutter, Gaussian, Step

CAVITIES = [(0.3, 0.5), (-2.0, 4.0), (1.5, 0.05)]
TERMS = [Clutter(1.2, 0.3), Clutter(-4.0, 0.7), Clutter(0.5, 0.0), Clutter(0.5, 1.0),
         Step(), Step(0.1), Step(0.05, 0.8), Step(0.0, 2.0)]  # fmt: skip


@pytest.mark.parametrize("term", TERMS, ids=repr)
@pytest.mark.parametrize("cavity", CAVITIES)
@pytest.mark.parametrize("power", [1.0, 0.5])
def test_derivatives_by_differences(term, cavity, power):
    mean, variance = cavity
    step = 1e-4 * math.sqrt(variance)
    at = {k: term.log_z(mean + k * step, variance, power)[0] for k in (-2, -1, 0, 1, 2)}
    _, gradient, curvature = term.log_z(mean, variance, power)
    slope = (8 * (at[1] - at[-1]) - (at[2] - at[-2])) / (12 * step)
    bend = (16 * (at[1] + at[-1]) - (at[2] + at[-2]) - 30 * at[0]) / (12 * step**2)
    assert gradient == pytest.approx(slope, abs=2e-8 * max(1, 1 / variance))
    assert curvature == pytest.approx(-bend, abs=1e-5 / variance)


@pytest.mark.parametrize("term", [t for t in TERMS if isinstance(t, Clutter) or t.slack])
@pytest.mark.parametrize("power", [1.0, 0.3, 2.0])
def test_log_z_by_quadrature(term, power):
    mean, variance = 0.4, 3.0
    q = Gaussian.from_moments(mean, variance)
    want = mpmath.quad(
        lambda t: mpmath.exp(power * float(term.log_value(float(t))) + float(q.log_density(float(t)))), [-30, -5, 0, 5, 30]
    )
    assert term.log_z(mean, variance, power)[0] == pytest.approx(float(mpmath.log(want)), abs=1e-9)


@pytest.mark.parametrize(
    ("term", "mean", "power", "peak"),
    [(Clutter(30.0, 0.0), 0.0, 0.5, 10), (Step(0.0, 1.0), -20.0, 2.0, -5), (Clutter(30.0, 0.5), 0.0, 10.0, 27)],
)
def test_powers_follow_a_term_that_pulls_far(term, mean, power, peak):
    q = Gaussian.from_moments(mean, 1.0)
    around = [peak - 30, peak - 3, peak, peak + 3, peak + 30]
    scale = power * float(term.log_value(float(peak))) + float(q.log_density(float(peak)))
    with mpmath.workdps(20):
        inside = mpmath.quad(
            lambda t: mpmath.exp(power * float(term.log_value(float(t))) + float(q.log_density(float(t))) - scale), around
        )
    assert term.log_z(mean, 1.0, power)[0] == pytest.approx(float(mpmath.log(inside)) + scale, abs=1e-8)


@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_power_of_the_sharp_step_is_exact(noise):
    """noise^a + ((1 - noise)^a - noise^a) Phi, from the definition."""
    low, high = noise**0.5, (1 - noise) ** 0.5
    phi = 0.5 * math.erfc(-0.7 / math.sqrt(2))
    assert Step(noise).log_z(0.7, 1.0, 0.5)[0] == pytest.approx(math.log(low + (high - low) * phi), rel=1e-13)


@pytest.mark.parametrize("z", [-1e4, -1000.0, -60.0, -51.0, -49.0, -20.0, -5.1, -4.9, -1.0, 0.0, 0.1, 4.0, 9.0])
def test_step_tails(z):
    """log Z, its gradient and the variance that is left, against 50 digits."""
    with mpmath.workdps(50):
        exact_z = mpmath.mpf(z)
        phi = mpmath.erfc(-exact_z / mpmath.sqrt(2)) / 2
        rho = mpmath.npdf(exact_z) / phi
        want = float(mpmath.log(phi)), float(rho), float(1 - rho * (exact_z + rho))
    log_z, gradient, curvature = Step().log_z(z, 1.0)
    assert log_z == pytest.approx(want[0], rel=1e-12)
    assert gradient == pytest.approx(want[1], rel=1e-12)
    assert 1 - curvature == pytest.approx(want[2], rel=max(1e-10, 4e-16 * z * z))


def test_translation_moves_the_answer():
    """Shift datum, clutter-free, and cavity: the tilted mean shifts as well."""
    near = Gaussian.from_moments(0.0, 2.0).moment_match(Clutter(1.0, 0.0))[1]
    far = Gaussian.from_moments(5.0, 2.0).moment_match(Clutter(6.0, 0.0))[1]
    assert far.mean - near.mean == pytest.approx(5.0, abs=1e-12)
    assert far.variance == pytest.approx(near.variance, rel=1e-12)


def test_rotation_turns_the_answer():
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    x, mean = np.array([1.0, 2.0]), np.array([0.3, -0.4])
    covariance = np.array([[1.0, 0.4], [0.4, 2.0]])
    log_z, gradient, curvature = Clutter(x).log_z(mean, covariance)
    turned = Clutter(turn @ x).log_z(turn @ mean, turn @ covariance @ turn.T)
    assert turned[0] == pytest.approx(log_z, rel=1e-12)
    np.testing.assert_allclose(turned[1], turn @ gradient, rtol=1e-10)
    np.testing.assert_allclose(turned[2], turn @ curvature @ turn.T, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Clutter(float("nan")), "x must be finite"),
        (lambda: Clutter([]), "x is empty"),
        (lambda: Clutter(np.ones((2, 2))), "x needs 0 or 1 axes, not 2"),
        (lambda: Clutter(1.0, w=1.5), r"w is the probability of clutter and must lie in \[0, 1\], not 1.5"),
        (lambda: Clutter(1.0, w="half"), "w is the probability of clutter"),
        (lambda: Clutter(1.0, clutter_variance=0), "clutter_variance must lie in"),
        (lambda: Step(0.7), r"noise is the probability of a wrong label and must lie in \[0, 0.5\), not 0.7"),
        (lambda: Step(0.5), "noise is the probability of a wrong label"),
        (lambda: Step(float("nan")), "noise is the probability of a wrong label"),
        (lambda: Step(slack=-1.0), "slack is the width of the step"),
        (lambda: Clutter(2.0).log_z(np.zeros(3), 1.0), "the datum has shape .* mean has "),
        (lambda: Step().log_z(np.zeros(3), 1.0), "a step sees one projection"),
        (lambda: Clutter([1.0, 2.0]).log_z(np.zeros(2), 1.0, 0.5), "needs one dimension"),
        (lambda: Step(0.0, 1e-6).log_z(0.0, 1.0, 0.5), "needs a million points or fewer"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()
