"""Models for variational message passing: against exact answers, chapter 3's variational Bayes, scikit-learn and bayespy."""

import json
import math
import pickle
import time

import numpy as np
import pytest
from bayespy_bounds import PASSES, STORED, problems
from scipy import stats
from scipy.special import logsumexp

from epbook import (
    BayesianPCA,
    Categoricals,
    ClutterProblem,
    ConjugateClutter,
    ConvergenceWarning,
    GaussianMixture,
    HiddenMarkovModel,
    RelevanceRegression,
    UnknownGaussian,
    VectorGaussians,
    one_hot,
    vmp,
)
from epbook.rivals import variational_bayes

RNG = np.random.default_rng(4)
CENTRES = np.array([[-4.0, 0.0], [4.0, 1.0], [0.0, 5.0]])
LABELS = RNG.integers(3, size=150)
CLOUDS = CENTRES[LABELS] + RNG.standard_normal((150, 2))


@pytest.mark.parametrize("model", [UnknownGaussian(CLOUDS[:8, 0]), UnknownGaussian([1.0, 1.2], 3.0, 2.0, 0.5, 0.1)])
def test_exact_moments_of_mean_and_precision_on_a_grid(model):
    mean, log_tau = np.meshgrid(np.linspace(-40, 40, 2001), np.linspace(-14, 6, 401), indexing="ij")
    tau, log_joint = np.exp(log_tau), np.zeros(mean.shape)
    for x in model.x:
        log_joint += stats.norm.logpdf(x, mean, tau**-0.5)
    log_joint += stats.norm.logpdf(mean, model.prior_mean, model.prior_precision**-0.5)
    log_joint += stats.gamma.logpdf(tau, model.shape, scale=1 / model.rate) + log_tau
    weight, exact = np.exp(log_joint - logsumexp(log_joint)), model.exact()
    assert exact.log_evidence == pytest.approx(logsumexp(log_joint) + math.log(0.04 * 0.05), abs=1e-6)
    np.testing.assert_allclose(exact.mean, [(weight * mean).sum(), (weight * tau).sum()], rtol=1e-5)
    gaps = np.stack([mean - exact.mean[0], tau - exact.mean[1]])
    np.testing.assert_allclose(exact.covariance, np.einsum("aij,bij,ij->ab", gaps, gaps, weight), rtol=1e-4, atol=1e-8)


def test_unknown_gaussian_is_over_confident():
    model = UnknownGaussian(CLOUDS[:8, 0])
    result, exact = vmp(model.factors, model.start(), check=True), model.exact()
    assert exact.log_evidence - 0.5 < result.log_evidence < exact.log_evidence
    assert result.variance["mean"] < exact.covariance[0, 0] and result.variance["precision"] < exact.covariance[1, 1]


@pytest.mark.parametrize("d", [None, 1, 3])
@pytest.mark.parametrize("seed", range(3))
def test_clutter_is_the_variational_bayes_of_chapter_3(d, seed):
    problem = ClutterProblem.sample(30, d=d, w=0.3, rng=seed)
    model, rival = ConjugateClutter(problem), variational_bayes(problem)
    result = vmp(pickle.loads(pickle.dumps(model.factors)), model.start(), tol=1e-12, check=True)
    assert result.log_evidence == pytest.approx(rival.log_evidence, rel=1e-10)
    np.testing.assert_allclose(result.mean["theta"], np.atleast_1d(rival.mean), rtol=1e-10)
    np.testing.assert_allclose(result.posterior["theta"].covariance, np.atleast_2d(rival.covariance), rtol=1e-10, atol=1e-15)


def test_regression_finds_the_relevant_inputs():
    X = RNG.standard_normal((60, 8))
    y = X[:, 1] - 2 * X[:, 5] + 0.2 * RNG.standard_normal(60)
    model = RelevanceRegression(X, y)
    result = vmp(model.factors, model.start(), check=True)
    relevant = result.mean["relevance"] < 10
    assert result.converged and relevant.tolist() == [j in (1, 5) for j in range(8)]
    np.testing.assert_allclose(result.mean["weights"][[1, 5]], [1, -2], atol=0.1)
    gaps = y.copy()
    gaps[:10] = np.nan
    without, shorter = RelevanceRegression(X, gaps), RelevanceRegression(X[10:], y[10:])
    assert vmp(without.factors, without.start()).log_evidence == pytest.approx(vmp(shorter.factors, shorter.start()).log_evidence)


def test_regression_agrees_with_scikit_learns_automatic_relevance():
    linear_model = pytest.importorskip("sklearn.linear_model")
    X = RNG.standard_normal((60, 5))
    y = X @ [1.0, 0.0, 0.0, -2.0, 0.5] + 0.2 * RNG.standard_normal(60)
    model = RelevanceRegression(X, y)
    peer = linear_model.ARDRegression(fit_intercept=False).fit(X, y)
    np.testing.assert_allclose(vmp(model.factors, model.start()).mean["weights"], peer.coef_, atol=0.02)


def test_mixture_finds_the_clouds_and_prunes_the_rest():
    model = GaussianMixture(CLOUDS, 6, concentration=0.01)
    result = vmp(model.factors, model.start(rng=0), check=True)
    fewer, q = model.pruned(result.posterior)
    assert fewer.components == 3
    assert vmp(fewer.factors, q, passes=1).history[0].log_evidence > result.log_evidence
    again = vmp(fewer.factors, q, check=True)
    means = again.mean["means"]
    nearest = np.linalg.norm(means[:, None] - CENTRES, axis=2).argmin(axis=1)
    assert sorted(nearest) == [0, 1, 2]
    np.testing.assert_allclose(means, CENTRES[nearest], atol=0.5)
    assert (nearest[again.mean["label"].argmax(axis=1)] == LABELS).mean() > 0.97
    with pytest.raises(ValueError, match="no component holds 1000 data or more"):
        model.pruned(result.posterior, below=1000)


def test_pruning_keeps_what_holds_enough():
    model = GaussianMixture(CLOUDS, 4)
    q = model.start(rng=0) | {"label": Categoricals(one_hot([0, 0, 2] + 147 * [3], 4) + 1e-300)}
    for below, kept in [(1.0, [0, 2, 3]), (2.0, [0, 3]), (2.1, [3])]:
        fewer, rest = model.pruned(q, below)
        np.testing.assert_allclose(rest["means"].mean, q["means"].mean[kept])
        assert fewer.components == len(kept) == rest["label"].mean.shape[1] == rest["weights"].mean.shape[0]


def test_a_dead_component_returns_to_its_prior():
    model = GaussianMixture(CLOUDS, 6, concentration=0.01)
    result = vmp(model.factors, model.start(rng=0))
    dead = result.mean["label"].sum(axis=0) < 1e-6
    assert dead.any()
    for covariance in result.posterior["means"].covariance[dead]:
        np.testing.assert_allclose(covariance, 100 * np.eye(2), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(result.posterior["weights"].concentration[dead], 0.01, rtol=1e-3)


def test_missing_rows_of_a_mixture_say_nothing_but_their_labels_prior():
    gaps = np.vstack([CLOUDS, np.full((2, 2), np.nan)])
    one, other = GaussianMixture(CLOUDS, 3), GaussianMixture(gaps, 3)
    q = one.start(rng=0)
    without, result = vmp(one.factors, q), vmp(other.factors, q | {"label": Categoricals(np.ones((152, 3)))})
    np.testing.assert_allclose(result.mean["means"], without.mean["means"], rtol=1e-3)
    assert without.log_evidence - 1 < result.log_evidence < without.log_evidence
    np.testing.assert_allclose(result.mean["label"][-1], result.mean["weights"], atol=0.01)


def test_a_sweep_over_ten_thousand_data_is_fast():
    x = np.random.default_rng(0).standard_normal((10_000, 2)) + 5 * CENTRES[np.arange(10_000) % 3]
    model = GaussianMixture(x, 10)
    q = model.start(rng=0)
    seconds = []
    for _ in range(10):
        start = time.perf_counter()
        vmp(model.factors, q, passes=1)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.05  # measured: 0.02


def test_pca_finds_the_dimension_and_fills_gaps():
    scores, loadings = RNG.standard_normal((80, 2)), RNG.standard_normal((2, 6))
    whole = scores @ (2 * loadings) + 1.0 + 0.1 * RNG.standard_normal((80, 6))
    gaps = np.where(RNG.random(whole.shape) < 0.1, np.nan, whole)
    model = BayesianPCA(gaps, 4)
    with pytest.warns(ConvergenceWarning, match="stopped after 100 passes"):  # it crawls along the scale of the scores
        result = vmp(model.factors, model.start(), passes=100, check=True)
    fewer, q = model.pruned(result.posterior)
    assert fewer.dimension == 2
    mean = result.mean
    filled = mean["scores"][:, 0] @ mean["loadings"].T + mean["offset"]
    error = (filled - whole)[np.isnan(gaps)]
    assert np.sqrt(np.mean(error**2)) < 0.2
    assert whole.std() > 1
    assert mean["noise"] ** -0.5 == pytest.approx(0.1, rel=0.2)
    assert vmp(fewer.factors, q, passes=1).log_evidence > result.log_evidence


def test_pca_random_starts_differ_and_repeat():
    model = BayesianPCA(CLOUDS, 1)
    a, b = (model.start(rng=0)["scores"].mean for _ in range(2))
    assert np.array_equal(a, b) and not np.array_equal(a, model.start(rng=1)["scores"].mean)


def test_hidden_markov_model_uses_time():
    """Two states, whose data overlap so much that a mixture cannot tell them, told by their runs."""
    labels = np.repeat([0, 1, 0, 1], 60)
    x = np.where(labels == 0, -1.0, 1.0) + 1.5 * np.random.default_rng(0).standard_normal(240)
    chain = HiddenMarkovModel(x, 2)
    result = vmp(chain.factors, chain.start(rng=0), check=True, tol=1e-4)
    found = result.mean["label"].argmax(axis=1)
    without_time = stats.norm.cdf(1 / 1.5)
    assert max((found == labels).mean(), (found != labels).mean()) > without_time + 0.1
    stay = result.mean["next"].diagonal()
    assert (stay > 0.9).all()
    mixture = GaussianMixture(x, 2)
    flat = vmp(mixture.factors, mixture.start(rng=0), tol=1e-4)
    assert result.log_evidence > flat.log_evidence + 10
    assert not hasattr(chain, "pruned") and not isinstance(chain, GaussianMixture)


@pytest.mark.filterwarnings("ignore::epbook.ConvergenceWarning")
@pytest.mark.parametrize("name", problems())
def test_the_bounds_are_bayespys(name):
    model, start, order = problems()[name]
    theirs = json.loads(STORED.read_text())["bounds"][name]
    assert len(theirs) == PASSES
    ours = vmp(model.factors, start, passes=PASSES, tol=0, schedule=order).history
    np.testing.assert_allclose([snapshot.log_evidence for snapshot in ours], theirs, rtol=1e-8)


def test_a_start_has_no_twins_though_data_repeat():
    x = np.repeat([0.0, 5.0, np.nan], [50, 50, 40])
    for seed in range(20):
        for model in (GaussianMixture(x, 2), HiddenMarkovModel(x, 2)):
            assert sorted(model.start(seed)["means"].mean.ravel().round(9)) == [0, 5]
    ends = [vmp(model.factors, model.start(seed)).log_evidence for model in [GaussianMixture(x[:100], 2)] for seed in range(5)]
    assert np.ptp(ends) < 1e-3 and ends[0] > -40
    with pytest.raises(ValueError, match="2 distinct data are too few to begin 3 components at"):
        GaussianMixture(x, 3).start()


def test_a_pruned_model_is_the_same_but_for_its_size():
    model = GaussianMixture(CLOUDS, 3, concentration=0.5, mean_precision=0.2)
    fewer, _ = model.pruned(model.start(rng=0) | {"label": Categoricals(one_hot(150 * [2], 3) + 1e-9)})
    assert (fewer.components, fewer.concentration, fewer.mean_precision) == (1, 0.5, 0.2)
    np.testing.assert_array_equal(fewer.x, model.x)


def test_pca_is_pruned_relative_to_its_largest_column():
    model = BayesianPCA(CLOUDS, 2)
    for scale in (1.0, 100.0):
        loadings = VectorGaussians(scale * np.array([[1.0, 0.0], [0.0, 0.5]]), 1e-12 * np.eye(2))
        q = model.start() | {"loadings": loadings}
        assert [model.pruned(q, below)[0].dimension for below in (0.0, 0.2, 0.3, 1.0)] == [2, 2, 1, 1]


def test_the_scores_of_a_start_have_variance_1():
    scores = BayesianPCA(CLOUDS, 2).start()["scores"].mean[:, 0]
    np.testing.assert_allclose(scores.T @ scores, 150 * np.eye(2), atol=1e-9)


@pytest.mark.parametrize(
    ("x", "options"),
    [
        ([1.0], {"shape": 1e-3, "rate": 1e-3}),
        (CLOUDS[:2, 0], {"shape": 0.5}),
        (CLOUDS[:8, 0], {}),
        ([5.0], {"shape": 0.01, "rate": 1e3, "prior_precision": 1e-6}),
        ([1.0], {"shape": 1e-3, "rate": 1e-3, "prior_precision": 1e-60}),
    ],
)
@pytest.mark.filterwarnings("error")
def test_the_exact_answer_reaches_far_enough(x, options):
    model = UnknownGaussian(x, **options)
    log_tau = np.arange(-300, 40, 0.02)
    log_weight = model.log_joint(np.exp(log_tau)) + log_tau
    weight, exact = np.exp(log_weight - logsumexp(log_weight)), model.exact()
    assert exact.log_evidence == pytest.approx(logsumexp(log_weight) + math.log(0.02), rel=1e-10)
    assert exact.mean[1] == pytest.approx(weight @ np.exp(log_tau), rel=1e-10)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: GaussianMixture([[1.0, np.nan], [0.0, 1.0]], 2), "a vector may be missing as a whole only"),
        (lambda: GaussianMixture([[1.0, np.inf]], 1), "x must be finite"),
        (lambda: GaussianMixture([np.nan], 1), "x has no known value"),
        (lambda: GaussianMixture([1.0, 2.0], 0), "components must lie in"),
        (lambda: GaussianMixture([1.0, 2.0], 2, concentration=0.0), "concentration must lie in"),
        (lambda: GaussianMixture([1.0, 2.0], 2, mean_precision=0.0), "mean_precision must lie in"),
        (lambda: GaussianMixture([1.0, 2.0], 3).start(), "2 distinct data are too few to begin 3 components at"),
        (
            lambda: GaussianMixture([1.0, 2.0], 2).pruned(GaussianMixture([1.0, 2.0, 3.0], 3).start()),
            r"q is of another model: its labels have shape \(3, 3\), not \(2, 2\)",
        ),
        (lambda: GaussianMixture([1.0, 2.0], 2).pruned(GaussianMixture([1.0, 2.0], 2).start(), -1), "below must lie in"),
        (lambda: BayesianPCA(CLOUDS, 1).pruned(BayesianPCA(CLOUDS, 2).start()), r"loadings of shape \(2, 2\) .* not \(2, 1\)"),
        (lambda: BayesianPCA(CLOUDS, 1).pruned(BayesianPCA(CLOUDS[:9], 1).start()), "for 9 data, not .* for 150"),
        (lambda: BayesianPCA(CLOUDS, 2).pruned(BayesianPCA(CLOUDS, 2).start(), 2), r"below must lie in \[0, 1\]"),
        (lambda: BayesianPCA([[1.0, np.nan], [2.0, np.nan]], 1), "column 1 of x has no known value: leave it out"),
        (lambda: HiddenMarkovModel([3.0], 1), "x of a hidden Markov model needs 2 data or more"),
        (lambda: vmp(GaussianMixture([1.0, 2.0], 2), {}), r"vmp takes factors, not a model: give it model\.factors"),
        (lambda: BayesianPCA(CLOUDS, 3), r"dimension must lie in \[1, 2\]"),
        (lambda: RelevanceRegression(CLOUDS, [1.0]), r"y must have shape \(150,\) for X of shape \(150, 2\), not \(1,\)"),
        (lambda: RelevanceRegression([[np.nan]], [1.0]), "X must be finite"),
        (lambda: UnknownGaussian([1.0, np.nan]), "x must be finite"),
        (lambda: UnknownGaussian([1.0], prior_precision=0.0), "prior_precision must lie in"),
        (lambda: UnknownGaussian([1.0], shape=0.0), "shape must lie in"),
        (lambda: UnknownGaussian([1.0], rate=-1.0), "rate must lie in"),
        (lambda: ConjugateClutter(ClutterProblem([1.0], w=0.0)), "with w = 0 every label is known"),
    ],
)
def test_bad_input_is_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
