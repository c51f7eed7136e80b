"""Stochastic and averaged EP: by hand, where they equal EP, their fixed point, their memory."""

import math
import pickle

import numpy as np
import pytest

from epbook import (
    BayesPoint,
    Clutter,
    ClutterProblem,
    ConvergenceWarning,
    Gaussian,
    KernelGaussian,
    LinearGaussian,
    SphericalGaussian,
    Step,
    Whole,
    ep,
    parallel,
    refine,
    shuffled,
)
from epbook.beyond.stochastic import Along, stochastic_ep

SCHEDULES = pytest.mark.parametrize("options", [{}, {"schedule": parallel}, {"decay": 0.5}], ids=["in turn", "all at once", "decay"])


def same(a, b, tol=1e-6):
    return np.allclose(a.mean, b.mean, atol=tol) and np.allclose(a.covariance, b.covariance, atol=tol)


def test_one_pass_by_hand():
    """Precisions and shifts written out, by the derivatives of log Z."""
    data = [0.5, 2.0, 3.0, 1.0]
    precision, shift, n = 0.0, 0.0, len(data)
    for x in data:
        cavity_precision, cavity_shift = 1 / 4 + (n - 1) * precision, (n - 1) * shift
        m, v = cavity_shift / cavity_precision, 1 / cavity_precision
        _, gradient, curvature = Clutter(x).log_z(m, v)
        mean, variance = m + v * gradient, v - v * v * curvature
        precision = (1 - 1 / n) * precision + (1 / variance - cavity_precision) / n
        shift = (1 - 1 / n) * shift + (mean / variance - cavity_shift) / n
    with pytest.warns(ConvergenceWarning, match="stopped after 1 passes"):
        result = stochastic_ep(Whole(Gaussian.from_moments(0.0, 4.0)), [Clutter(x) for x in data], passes=1)
    site = result.posterior.site
    assert (site.precision, site.shift) == pytest.approx((precision, shift), rel=1e-12)
    assert (1 / result.variance, result.mean / result.variance) == pytest.approx((1 / 4 + n * precision, n * shift), rel=1e-12)


@SCHEDULES
def test_equals_ep_on_equal_terms(options):
    """Then all of EP's sites are the same, and so is their mean: posterior and evidence."""
    terms = [Clutter(1.5)] * 6
    prior = Whole(Gaussian.from_moments(0.0, 4.0))
    shared, own = stochastic_ep(prior, terms, tol=1e-11, **options), ep(prior, terms, tol=1e-10)
    assert same(shared, own) and shared.log_evidence == pytest.approx(own.log_evidence, abs=1e-8)


def test_equals_ep_on_one_term():
    term = [Step(0.1)]
    shared, own = (method(LinearGaussian([[1.0, 2.0]]), term) for method in (stochastic_ep, ep))
    assert same(shared, own) and shared.log_evidence == pytest.approx(own.log_evidence, abs=1e-9)


def test_equals_ep_on_a_repeated_row():
    posterior, terms = LinearGaussian([[1.0, -0.5, 2.0]] * 5), [Step(0.0, 1.0)] * 5
    shared, own = stochastic_ep(posterior, terms, tol=1e-9), ep(posterior, terms, tol=1e-9)
    assert same(shared, own) and shared.log_evidence == pytest.approx(own.log_evidence, abs=1e-8)


def test_averaged_ep_stays_where_the_site_is_the_mean_of_fresh_ones():
    problem = ClutterProblem.sample(30, rng=1)
    result = stochastic_ep(problem.posterior(), problem.terms, schedule=parallel, tol=1e-10)
    posterior = Whole(problem.prior())
    posterior.prepare(problem.terms)
    posterior.update(range(30), [result.posterior.site] * 30)
    fresh = [refine(posterior, problem.terms, i).site for i in range(30)]
    mean = (np.mean([site.precision for site in fresh]), np.mean([site.shift for site in fresh]))
    assert mean == pytest.approx((result.posterior.site.precision, result.posterior.site.shift), abs=1e-9)


def test_shrinking_shares_lead_to_averaged_ep():
    """At a constant share the order of the terms matters; five seeds, each by far."""
    for seed in range(5):
        problem = ClutterProblem.sample(60, rng=seed)
        averaged = stochastic_ep(problem.posterior(), problem.terms, schedule=parallel, decay=0.3)
        constant = stochastic_ep(problem.posterior(), problem.terms)
        with pytest.warns(ConvergenceWarning, match="stopped after 100"):
            shrinking = stochastic_ep(problem.posterior(), problem.terms, decay=0.8, passes=100)
        gaps = [abs(run.mean - averaged.mean) / math.sqrt(averaged.variance) for run in (constant, shrinking)]
        assert averaged.converged and gaps[1] < 0.2 * gaps[0]


def test_approaches_ep_on_large_data():
    """In units of EP's own width, over ten data sets, and nearer than one pass of assumed-density filtering."""
    gaps = {"averaged": [], "adf": []}
    for seed in range(10):
        problem = ClutterProblem.sample(200, rng=seed)
        own = ep(problem.posterior(), problem.terms)
        runs = {
            "averaged": stochastic_ep(problem.posterior(), problem.terms, schedule=parallel, decay=0.3),
            "adf": ep(problem.posterior(), problem.terms, passes=1),
        }
        for name, run in runs.items():
            gaps[name].append(abs(run.mean - own.mean) / math.sqrt(own.variance))
    assert max(gaps["averaged"]) < 0.01 < np.median(gaps["adf"])


def test_classifies_like_ep():
    rng = np.random.default_rng(0)
    X, test = rng.standard_normal((80, 2)), rng.standard_normal((500, 2))
    problem = BayesPoint(X, np.where(X @ [1.0, -1.0] > 0, 1, -1), slack=1.0, bias=True)
    own = ep(problem.posterior(), problem.terms)
    shared = stochastic_ep(problem.posterior(), problem.terms, schedule=parallel)
    labels = np.sign(np.column_stack([test, np.ones(500)]) @ shared.mean)
    assert np.mean(labels == problem.predict(own, test)) > 0.98


def test_memory_does_not_grow_with_the_data():
    sizes = []
    for n in (10, 300):
        problem = ClutterProblem.sample(n, rng=0)
        sizes.append(len(pickle.dumps(stochastic_ep(problem.posterior(), problem.terms).posterior)))
    assert abs(sizes[1] - sizes[0]) <= 8


def test_a_vector_and_its_random_order():
    problem = ClutterProblem(np.random.default_rng(2).normal(1.0, 1.0, (40, 3)))
    with pytest.warns(ConvergenceWarning, match="stopped after 20 passes"):
        a, b = (
            stochastic_ep(problem.posterior(), problem.terms, schedule=shuffled, rng=rng, passes=20, tol=0.0) for rng in (7, 7)
        )
    assert isinstance(a.posterior.site, SphericalGaussian) and a.mean.tolist() == b.mean.tolist()
    assert len({snapshot.log_evidence for snapshot in a.history}) == 20  # each pass keeps what it saw
    assert a.mean == pytest.approx(ep(problem.posterior(), problem.terms).mean, abs=0.1)


def test_a_step_that_would_leave_q_improper_is_halved():
    """Fresh sites of data far out lower the precision; forty at once, and no q would be left."""
    prior, term = Gaussian.from_moments(0.0, 1.0), Clutter(3.6, clutter_variance=30.0)
    fresh = refine(Whole(prior), [term], 0).site.precision
    assert fresh < 0 and prior.precision + 40 * fresh < 0
    result = stochastic_ep(Whole(prior), [term] * 40, schedule=parallel)
    assert result.converged and result.variance > 0
    assert all(math.isfinite(snapshot.log_evidence) for snapshot in result.history)
    with pytest.warns(ConvergenceWarning, match="stopped after 1 passes"):
        first = stochastic_ep(Whole(prior), [term] * 40, schedule=parallel, passes=1)
    halvings = -math.log2(first.posterior.site.precision / fresh)
    assert halvings >= 1 and halvings == pytest.approx(round(halvings), abs=1e-9)


def test_a_projected_term_is_a_term_of_the_vector():
    """Its derivatives against differences."""
    term, rng = Along(Step(0.1), np.array([1.0, -2.0, 0.5])), np.random.default_rng(0)
    mean, root, h = rng.standard_normal(3), rng.standard_normal((3, 3)), 1e-5
    covariance = root @ root.T + np.eye(3)
    log_z, gradient, curvature = term.log_z(mean, covariance)
    around = [[term.log_z(mean + sign * h * e, covariance) for sign in (1, -1)] for e in np.eye(3)]
    assert log_z < 0
    assert gradient == pytest.approx([(up[0] - down[0]) / (2 * h) for up, down in around], abs=1e-8)
    assert -curvature == pytest.approx(np.array([(up[1] - down[1]) / (2 * h) for up, down in around]), abs=1e-8)


def test_bad_input():
    with pytest.raises(ValueError, match="a Whole or a LinearGaussian, not KernelGaussian"):
        stochastic_ep(KernelGaussian([[1.0]]), [Step()])
    with pytest.raises(ValueError, match="2 terms were given for 1 rows"):
        stochastic_ep(LinearGaussian([[1.0]]), [Step(), Step()])
    problem = ClutterProblem.sample(5, rng=0)
    for name, value in (("decay", 1.5), ("passes", 0), ("tol", -1.0)):
        with pytest.raises(ValueError, match=name):
            stochastic_ep(problem.posterior(), problem.terms, **{name: value})
    with pytest.raises(ValueError, match="schedule must be"):
        stochastic_ep(problem.posterior(), problem.terms, schedule="parallel")
