"""Corrections of EP's evidence: exact for two terms, by brute force for more, and better on many data sets."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from epbook import BayesPoint, Clutter, ClutterProblem, Gaussian, KernelGaussian, LinearKernel, Step, Whole, ep
from epbook.beyond.corrections import _by_quadrature, evidence_correction

TIGHT = {"tol": 1e-11, "passes": 1000}


def correction(problem, **options):
    result = ep(problem.posterior(), problem.terms, **{**TIGHT, **options})
    return evidence_correction(result, problem.terms), result


@pytest.mark.parametrize("second", [0.3, 1.0, 2.0, -3.0])
def test_two_terms_leave_nothing_out(second):
    """Z = Z_EP (1 + E_q[eps_1 eps_2])."""
    problem = ClutterProblem([0.3, second], prior_variance=2.0)
    pair, result = correction(problem)
    assert math.log1p(pair) == pytest.approx(problem.exact().log_evidence - result.log_evidence, abs=1e-10)
    assert abs(pair) > 1e-4


@pytest.mark.parametrize("prior_variance", [1e4, 1e6, 1e8])
def test_two_terms_under_a_wide_prior(prior_variance):
    """The pair without its sites is as wide as the prior, and q as narrow as the terms."""
    problem = ClutterProblem([0.3, 1.0], prior_variance=prior_variance)
    pair, result = correction(problem)
    assert math.log1p(pair) == pytest.approx(problem.exact().log_evidence - result.log_evidence, rel=1e-3)


def test_one_term_needs_none():
    assert correction(ClutterProblem([1.0]))[0] == 0.0


def test_three_terms_against_integrals():
    """The pairs one by one; and with the triple they give the exact evidence."""
    problem = ClutterProblem([0.3, 1.5, -2.0], prior_variance=3.0)
    pairs, result = correction(problem)
    q, eps = result.posterior.density, []
    for term, site in zip(problem.terms, result.posterior.sites, strict=True):
        cavity = q / site

        def tilted(t, term=term, cavity=cavity):
            return math.exp(cavity.log_value(t) + term.log_value(t))

        mass = quad(tilted, -40, 40, limit=400, points=[-2, 0, 2])[0]
        eps.append(lambda t, tilted=tilted, mass=mass: tilted(t) / mass / math.exp(q.log_density(t)) - 1)

    def mean_of_product(*which):
        def integrand(t):
            return math.exp(q.log_density(t)) * math.prod(eps[i](t) for i in which)

        return quad(integrand, q.mean - 20, q.mean + 20, limit=400, epsabs=1e-13)[0]

    assert [mean_of_product(i) for i in range(3)] == pytest.approx([0, 0, 0], abs=1e-9)
    expected = sum(mean_of_product(*pair) for pair in ((0, 1), (0, 2), (1, 2)))
    assert pairs == pytest.approx(expected, abs=1e-9)
    whole = problem.exact().log_evidence - result.log_evidence
    assert math.log(1 + expected + mean_of_product(0, 1, 2)) == pytest.approx(whole, abs=1e-8)


@pytest.mark.parametrize("r", [0.1, 0.2, -0.3, 0.4])
def test_the_orthant_of_two_correlated_numbers(r):
    """P(f > 0) = 1/4 + asin(r) / 2 pi; what is left out is of the fifth order in r, the error itself of the third."""
    steps = [Step(), Step()]
    result = ep(KernelGaussian([[1.0, r], [r, 1.0]]), steps, **TIGHT)
    error = math.log(0.25 + math.asin(r) / (2 * math.pi)) - result.log_evidence
    assert abs(error - evidence_correction(result, steps)) < 0.1 * abs(r) ** 5
    assert error / r**3 > 0.005


@pytest.mark.parametrize("r", [0.2, 0.4])
def test_the_fourth_order_alone(r):
    """Symmetric terms have no third cumulant, and the error is g4^2 r^4 / 24 at first; against Gauss and Hermite."""
    terms = [Clutter(0.0), Clutter(0.0)]
    result = ep(KernelGaussian([[2.0, 2 * r], [2 * r, 2.0]]), terms, **TIGHT)
    x, w = np.polynomial.hermite_e.hermegauss(80)
    first, second = math.sqrt(2.0) * x[:, None], math.sqrt(2.0) * (r * x[:, None] + math.sqrt(1 - r * r) * x)
    values = np.exp(terms[0].log_value(first) + terms[1].log_value(second))
    error = math.log(w @ values @ w / (2 * math.pi)) - result.log_evidence
    assert evidence_correction(result, terms) == pytest.approx(error, rel=r**2) and error > 1e-8


def test_cumulants_and_integrals_agree_on_smooth_terms():
    """One number seen by all terms, as a Whole and as a kernel of rank one."""
    terms = [Step(0.0, 2.0), Step(0.0, 3.0), Step(0.0, 2.5)]
    whole = ep(Whole(Gaussian.from_moments(0.0, 2.0)), terms, **TIGHT)
    kernel = ep(KernelGaussian(np.full((3, 3), 2.0)), terms, **TIGHT)
    assert whole.log_evidence == pytest.approx(kernel.log_evidence, abs=1e-9)
    by_integrals, by_cumulants = (evidence_correction(result, terms) for result in (whole, kernel))
    assert by_cumulants == pytest.approx(by_integrals, rel=0.02)


def halves(seed, n=12, kernel=None):
    rng = np.random.default_rng(seed)
    X, w = rng.standard_normal((n, 3)), rng.standard_normal(3)
    return BayesPoint(X, np.where(X @ w > 0, 1, -1), kernel)


def test_weights_and_kernel_agree():
    assert correction(halves(0))[0] == pytest.approx(correction(halves(0, kernel=LinearKernel()))[0], rel=1e-6)


def test_improves_every_noise_free_classifier_of_many():
    errors, predicted = [], []
    for seed in range(25):
        guess, result = correction(halves(seed), tol=1e-7)
        errors.append(halves(seed).exact().log_evidence - result.log_evidence)
        predicted.append(guess)
    errors, predicted = np.array(errors), np.array(predicted)
    assert (np.abs(errors - predicted) < np.abs(errors)).all()
    assert np.median(np.abs(errors - predicted)) < 0.4 * np.median(np.abs(errors))
    assert np.corrcoef(errors, predicted)[0, 1] > 0.9


def test_improves_most_clutter_sets_of_many():
    errors, predicted = [], []
    for seed in range(40):
        problem = ClutterProblem.sample(50, rng=seed)
        guess, result = correction(problem, tol=1e-8)
        errors.append(problem.exact().log_evidence - result.log_evidence)
        predicted.append(guess)
    errors, left = np.abs(errors), np.abs(np.subtract(errors, predicted))
    assert np.mean(left < errors) > 0.9 and np.median(left) < 0.3 * np.median(errors)


def test_infinite_where_two_sites_hold_up_q():
    """The ratio tilted_1 tilted_2 / q grows like a Gaussian of negative precision."""
    posterior, terms = Whole(Gaussian(1.0, 0.0)), [Clutter(0.0), Clutter(0.1), Clutter(5.0)]
    posterior.prepare(terms)
    posterior.update(range(3), [Gaussian(2.0, 0.0), Gaussian(2.0, 0.0), Gaussian(-1.5, 0.0)])
    assert (_by_quadrature(posterior, terms) == math.inf).all()


@pytest.mark.parametrize("options", [{"power": 0.5}, {"restricted": True}])
def test_other_fixed_points_than_plain_ones_are_refused(options):
    for seed in range(5):
        problem = ClutterProblem.sample(20, rng=seed)
        with pytest.raises(ValueError, match=r"tilted moments differ from q's by .* power=1, restricted=False"):
            correction(problem, tol=1e-6, **options)


def test_other_terms_are_refused():
    problem, other = (ClutterProblem.sample(20, rng=seed) for seed in (0, 1))
    with pytest.raises(ValueError, match="run ep with these terms"):
        evidence_correction(ep(problem.posterior(), problem.terms), other.terms)


def test_bad_input():
    problem = ClutterProblem([0.5, 2.0, 1.5, 2.2, 1.0])
    result = ep(problem.posterior(), problem.terms)
    with pytest.raises(ValueError, match="4 terms were given for 5 sites"):
        evidence_correction(result, problem.terms[:4])
    with pytest.raises(ValueError, match="did not reach one: stopped after 1 pass"):
        evidence_correction(ep(problem.posterior(), problem.terms, passes=1), problem.terms)
    plane = ClutterProblem(np.ones((3, 2)))
    with pytest.raises(ValueError, match="needs q on one number a term"):
        evidence_correction(ep(plane.posterior(), plane.terms), plane.terms)
