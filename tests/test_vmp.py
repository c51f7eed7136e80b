"""Variational message passing: the bound, its optima, its options and its errors."""

import itertools
import math
import pickle
import warnings

import numpy as np
import pytest
from scipy import stats
from scipy.special import betaln, gammaln, logsumexp

from epbook import (
    BoundError,
    Categoricals,
    CategoricalFactor,
    ConvergenceWarning,
    CorrelatedFactor,
    DirichletFactor,
    Dirichlets,
    Dot,
    GammaFactor,
    Gammas,
    Gate,
    GaussianFactor,
    Gaussians,
    GaussianMixture,
    ImproperPosteriorError,
    MarkovChains,
    PoissonFactor,
    Poissons,
    Product,
    RelevanceRegression,
    StartFactor,
    Step,
    TableFactor,
    TransitionFactor,
    UnknownGaussian,
    VectorGaussianFactor,
    VectorGaussians,
    WishartFactor,
    Wisharts,
    one_hot,
    parallel,
    sequential,
    shuffled,
    vmp,
)
from epbook.variational_message_passing import Bound, bound, update

X = np.random.default_rng(1).normal(2.0, 1.5, 15)
TWO = np.concatenate([X - 5, X[:7] + 1])


def unknown(x=X):
    factors = [GaussianFactor("mean", 0.0, 0.01), GammaFactor("precision", 2.0, 1.0), GaussianFactor(x, "mean", "precision")]
    return factors, {"mean": Gaussians(0.0, 1.0), "precision": Gammas(2.0, 1.0)}


def two_means(rng=0, x=TWO):
    factors = [
        GaussianFactor("means", 0.0, 0.01),
        DirichletFactor("weights", [1.0, 1.0]),
        CategoricalFactor("label", "weights"),
        Gate("label", GaussianFactor(x[:, None], "means", 1.0)),
    ]
    q = {
        "means": Gaussians([0.0, 0.0], 1.0),
        "weights": Dirichlets([1.0, 1.0]),
        "label": Categoricals.random(len(x), 2, rng),
    }
    return factors, q


# One unknown with conjugate factors: q is the posterior, and the bound the evidence.

ROOT = np.random.default_rng(2).standard_normal((6, 2))
A = 1 + np.arange(3.0)
COUNTS = np.array([3, 0, 2, 5])
ONE = {
    "mean": (
        [GaussianFactor("q", 1.0, 0.5), GaussianFactor(X, "q", 2.0)], Gaussians(0.0, 1.0),
        stats.multivariate_normal(np.ones(15), np.eye(15) / 2 + 2.0).logpdf(X),
    ),
    "sum": (
        [GaussianFactor("q", 1.0, 0.5), GaussianFactor(X, Product(3.0, "q"), 2.0)], Gaussians(0.0, 1.0),
        stats.multivariate_normal(3 * np.ones(15), np.eye(15) / 2 + 18.0).logpdf(X),
    ),
    "precision": (
        [GammaFactor("q", 2.0, 3.0), GaussianFactor(X, 0.0, "q")], Gammas(1.0, 1.0),
        gammaln(9.5) - gammaln(2) + 2 * math.log(3) - 9.5 * math.log(3 + X @ X / 2) - 7.5 * math.log(2 * math.pi),
    ),
    "vector": (
        [VectorGaussianFactor("q", [0.0, 1.0], np.eye(2)), VectorGaussianFactor(ROOT, "q", 4 * np.eye(2))],
        VectorGaussians([0.0, 0.0], np.eye(2)),
        sum(stats.multivariate_normal(np.full(6, i), np.eye(6) / 4 + 1).logpdf(ROOT[:, i]) for i in range(2)),
    ),
    "regression": (
        [VectorGaussianFactor("q", [0.0, 0.0], np.eye(2)), GaussianFactor(X[:6], Dot(ROOT, "q"), 4.0)],
        VectorGaussians([0.0, 0.0], np.eye(2)),
        stats.multivariate_normal(np.zeros(6), np.eye(6) / 4 + ROOT @ ROOT.T).logpdf(X[:6]),
    ),
    "matrix": (
        [WishartFactor("q", 3.0, np.eye(2)), VectorGaussianFactor(ROOT, [0.0, 0.0], "q")], Wisharts(2.0, np.eye(2)),
        Wisharts(9.0, np.eye(2) + ROOT.T @ ROOT).log_normaliser
        - Wisharts(3.0, np.eye(2)).log_normaliser - 6 * math.log(2 * math.pi),
    ),
    "rate": (
        [GammaFactor("q", 2.0, 3.0), PoissonFactor(COUNTS, "q")], Gammas(1.0, 1.0),
        gammaln(12) - gammaln(2) + 2 * math.log(3) - 12 * math.log(7) - gammaln(COUNTS + 1).sum(),
    ),
    "weights": (
        [DirichletFactor("q", [2.0, 3.0]), CategoricalFactor(one_hot([0, 1, 1, 1], 2), "q")], Dirichlets([1.0, 1.0]),
        betaln(3, 6) - betaln(2, 3),
    ),
    "label": (
        [CategoricalFactor("q", A / 6), Gate("q", GaussianFactor(0.3, A, 1.0))], Categoricals(A),
        math.log(stats.norm.pdf(0.3, A) @ A / 6),
    ),
    "count": ([PoissonFactor("q", 3.0)], Poissons(1.0), 0.0),
    "chain": (
        [StartFactor("q", A / 6), TransitionFactor("q", (A + A[:, None]) / (6 + 3 * A[:, None])),
         Gate("q", GaussianFactor(X[:4, None], A, 1.0))],
        MarkovChains(A, np.ones((3, 3)), 4),
        logsumexp([
            math.log(A[p[0]] / 6) + sum(math.log((A[j] + A[i]) / (6 + 3 * A[i])) for i, j in itertools.pairwise(p))
            + stats.norm.logpdf(X[:4], A[list(p)]).sum() for p in itertools.product(range(3), repeat=4)
        ]),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("factors", "start", "evidence"), ONE.values(), ids=ONE.keys())
def test_with_one_unknown_the_bound_is_the_evidence(factors, start, evidence):
    result = vmp(factors, {"q": start}, check=True)
    assert result.converged and result.passes == 2
    assert result.log_evidence == pytest.approx(evidence, rel=1e-10, abs=1e-10)


def test_the_bound_rises_and_stays_below_the_evidence():
    result = vmp(*unknown(), tol=1e-9, check=True)
    trail = [snapshot.log_evidence for snapshot in result.history]
    assert result.converged and len(trail) > 3 and (np.diff(trail) > -1e-12).all() and trail[-1] > trail[0]
    grid = np.linspace(-3, 3, 2001)
    precision = np.exp(grid)
    cover = [stats.multivariate_normal(np.zeros(15), np.eye(15) / t + 100.0).logpdf(X) for t in precision]
    log_joint = np.array(cover) + stats.gamma.logpdf(precision, 2.0) + grid
    evidence = logsumexp(log_joint) + math.log(grid[1] - grid[0])
    assert evidence - 0.1 < result.log_evidence < evidence


def test_the_bound_is_the_mean_of_log_joint_minus_log_q():
    factors, q = unknown()
    rng, size = np.random.default_rng(0), 200_000
    mean, precision = rng.normal(0.0, 1.0, size), rng.gamma(2.0, 1.0, size)
    logs = stats.norm.logpdf(mean, 0, 10) - stats.norm.logpdf(mean)  # the prior of the precision is its q
    squares = np.sum(X**2) - 2 * mean * X.sum() + 15 * mean**2
    logs += 7.5 * np.log(precision / (2 * math.pi)) - 0.5 * precision * squares
    assert abs(bound(factors, q).value - logs.mean()) < 5 * logs.std() / math.sqrt(size)


def test_each_update_is_the_best_of_its_family():
    factors, q = two_means()
    q["means"] = Gaussians([-1.0, 2.0], 0.5)
    for name in q:
        best = q | {name: update(name, factors, q)}
        top = bound(factors, best).value
        for step in (0.9, 1.1):
            near = best[name].of({s: eta * step for s, eta in best[name].natural.items()})
            assert bound(factors, best | {name: near}).value < top


def test_a_correlated_gaussian_keeps_its_mean_and_shrinks():
    precision = np.array([[2.0, 1.5, 0.3], [1.5, 2.0, 0.2], [0.3, 0.2, 1.0]])
    result = vmp([CorrelatedFactor("abc", [1.0, 2.0, 3.0], precision)], {name: Gaussians(0.0, 1.0) for name in "abc"}, tol=1e-10)
    np.testing.assert_allclose([result.mean[name] for name in "abc"], [1.0, 2.0, 3.0], rtol=1e-8)
    np.testing.assert_allclose([result.variance[name] for name in "abc"], 1 / np.diag(precision))
    lost = 0.5 * (np.log(np.diag(precision)).sum() - np.linalg.slogdet(precision)[1])
    assert result.log_evidence == pytest.approx(-lost, rel=1e-9)


def test_a_symmetric_start_stays_and_a_mirrored_start_ends_mirrored():
    factors, q = two_means()
    saddle = vmp(factors, q | {"label": Categoricals(np.ones((len(TWO), 2)))})
    assert saddle.converged and np.ptp(saddle.mean["means"]) == 0 and np.ptp(saddle.mean["label"]) == 0
    one = vmp(factors, q)
    other = vmp(factors, q | {"label": Categoricals(q["label"].mean[:, ::-1])})
    np.testing.assert_allclose(one.mean["means"], other.mean["means"][::-1], rtol=1e-12)
    assert one.log_evidence == pytest.approx(other.log_evidence, rel=1e-13)
    assert one.log_evidence > saddle.log_evidence + 5 and np.ptp(one.mean["means"]) > 3


def test_the_order_of_factors_and_of_data_does_not_matter():
    factors, q = two_means()
    order = np.random.default_rng(3).permutation(len(TWO))
    turned, _ = two_means(x=TWO[order])
    one = vmp(factors, q, passes=7)
    other = vmp(turned[::-1], q | {"label": Categoricals(q["label"].mean[order])}, passes=7)
    np.testing.assert_allclose([s.log_evidence for s in one.history], [s.log_evidence for s in other.history], rtol=1e-12)


def test_plates_are_loops():
    whole, q = two_means()
    apart = whole[:2]
    each = {"means": q["means"], "weights": q["weights"]}
    for i, x in enumerate(TWO):
        apart += [CategoricalFactor(f"label {i}", "weights"), Gate(f"label {i}", GaussianFactor(x, "means", 1.0))]
        each[f"label {i}"] = Categoricals(q["label"].mean[i])
    one, other = vmp(whole, q, tol=1e-8), vmp(apart, each, tol=1e-8)
    assert one.log_evidence == pytest.approx(other.log_evidence, rel=1e-12)
    np.testing.assert_allclose(one.mean["means"], other.mean["means"], rtol=1e-7)


def test_missing_data_are_absent_data():
    gaps = np.insert(X, [0, 4, 4], np.nan)
    one, other = vmp(*unknown(gaps)), vmp(*unknown())
    assert one.log_evidence == pytest.approx(other.log_evidence, rel=1e-12)
    assert one.mean["precision"] == pytest.approx(other.mean["precision"])


def test_a_latent_datum_changes_no_evidence():
    factors, q = unknown()
    more = [*factors, GaussianFactor("next", "mean", "precision")]
    result = vmp(more, q | {"next": Gaussians(0.0, 1.0)}, tol=1e-9)
    assert result.log_evidence < vmp(factors, q, tol=1e-9).log_evidence
    assert result.mean["next"] == pytest.approx(result.mean["mean"])
    labels = [DirichletFactor("w", [1.0, 2.0]), CategoricalFactor("z", "w")]
    assert vmp(labels, {"w": Dirichlets([3.0, 1.0]), "z": Categoricals([1.0, 1.0])}).log_evidence < 0


def test_mean_field_on_a_discrete_network_is_fixed_by_its_equations():
    a, b = np.array([[3.0, 1.0], [1.0, 2.0]]), np.array([[1.0, 4.0], [2.0, 1.0]])
    factors = [TableFactor(["x", "y"], a), TableFactor(["y", "z"], b)]
    result = vmp(factors, {name: Categoricals([0.6, 0.4]) for name in "xyz"}, tol=1e-10)
    x, y, z = (result.mean[name] for name in "xyz")
    np.testing.assert_allclose(np.log(y[0] / y[1]), (x @ np.log(a) + np.log(b) @ z) @ [1, -1], rtol=1e-8)
    assert result.log_evidence < math.log((a @ b).sum())


def test_a_start_of_hard_labels():
    factors, q = two_means()
    result = vmp(factors, q | {"label": Categoricals(one_hot(TWO > 0, 2))}, check=True)
    assert result.converged and result.log_evidence == pytest.approx(vmp(factors, q).log_evidence, rel=1e-9)


def test_deterministic():
    one, other = vmp(*two_means(), schedule=shuffled, rng=3), vmp(*two_means(), schedule=shuffled, rng=3)
    assert [s.log_evidence for s in one.history] == [s.log_evidence for s in other.history]
    assert np.array_equal(one.mean["label"], other.mean["label"])


def test_schedules():
    factors, q = two_means()
    default, named, first = vmp(factors, q), vmp(factors, q, schedule=list(q)), vmp(factors, q, schedule=sequential)
    assert default.log_evidence == named.log_evidence == first.log_evidence
    backward = vmp(factors, q, schedule=["label", "weights", "means"])
    assert backward.history[0].log_evidence != default.history[0].log_evidence
    twice = vmp(*unknown(), schedule=["mean", "precision", "mean", "precision"])
    assert twice.converged and twice.passes < vmp(*unknown()).passes


def test_a_variable_left_out_is_held_and_said_so():
    factors, q = two_means()
    with pytest.warns(ConvergenceWarning, match="partial: the schedule left out 'label' in pass 3"):
        result = vmp(factors, q, passes=3, schedule=["means", "weights"])
    assert result.posterior["label"] is q["label"] and not result.converged


def test_convergence_waits_for_every_variable():
    factors, q = unknown()
    alone = vmp(factors, q, tol=1e-9)
    both = vmp([*factors, GammaFactor("settled", 2.0, 1.0)], q | {"settled": Gammas(2.0, 1.0)}, tol=1e-9)
    assert both.passes == alone.passes > 3


def test_the_start_is_not_touched_and_a_result_continues():
    factors, q = two_means()
    kept = dict(q)
    with pytest.warns(ConvergenceWarning, match="stopped"):
        whole = vmp(factors, q, passes=6, tol=0)
        half = vmp(factors, q, passes=3, tol=0)
        before = dict(half.posterior)
        rest = vmp(factors, half.posterior, passes=3, tol=0)
    assert q == kept and half.posterior == before and rest.log_evidence == whole.log_evidence
    again = half.posterior | {"label": q["label"]}
    assert again.mean["label"] is not None and half.posterior["label"] is before["label"] is not again["label"]


def test_status_warning_and_watch():
    seen = []
    with pytest.warns(ConvergenceWarning, match="stopped after 2 passes, the last of which moved a density by .*; allow more"):
        result = vmp(*two_means(), passes=2, watch=lambda r: seen.append(r.log_evidence))
    assert seen == [s.log_evidence for s in result.history] and not result.converged
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert vmp(*two_means(), passes=1).passes == 1
    done = vmp(*two_means())
    assert done.status.startswith("converged: the last of") and done.mismatch < 1e-6
    assert list(done.posterior) == ["means", "weights", "label"] and set(done.variance) == set(done.mean)


def test_what_factors_remember_is_what_they_would_compute_anew():
    """Messages and bounds reuse what did not change: compare with factors that have no past, in any order of asking."""
    model = GaussianMixture(np.stack([TWO, TWO[::-1] ** 2 / 9], axis=1), 3)
    regression = RelevanceRegression(np.vander(X, 3), X)
    for factors, q in ((model.factors, model.start(rng=0)), (regression.factors, regression.start())):
        rng, names = np.random.default_rng(0), list(q)
        for _ in range(30):
            name = str(rng.choice(names))
            fresh = pickle.loads(pickle.dumps(factors))
            for factor, twin in zip(factors, fresh, strict=True):
                for other in factor.scope if rng.random() < 0.5 else ():
                    for s, part in factor.message(other, q).items():
                        np.testing.assert_allclose(part, twin.message(other, q)[s], rtol=1e-11, atol=1e-11)
            assert bound(factors, q).value == pytest.approx(bound(fresh, q).value, rel=1e-12)
            q = q | {name: update(name, factors, q)}


def test_a_factor_meets_densities_of_other_shapes():
    factor = GaussianFactor(X, "mean", "precision")
    one, many = unknown()[1], {"mean": Gaussians(np.arange(15.0), 1.0), "precision": Gammas(2.0, 1.0)}
    for _ in range(2):
        assert factor.message("mean", one)["x"].shape == () and factor.message("mean", many)["x"].shape == (15,)
        np.testing.assert_allclose(factor.message("mean", many)["x"], 2 * X)
        assert factor.message("mean", one)["x"] == pytest.approx(2 * X.sum())


class Wrong(GaussianFactor):
    """A factor that lies about its message."""

    def message(self, name, q):
        return {s: -part if s == "x" and name == "mean" else part for s, part in super().message(name, q).items()}


def test_a_wrong_message_is_found_out():
    factors, q = unknown()
    optimum = vmp(factors, q).posterior
    factors[2] = Wrong(X, "mean", "precision")
    with pytest.raises(BoundError, match=r"the update of 'mean' in pass 1 lowered the bound from .* a message is wrong"):
        vmp(factors, q, check=True)
    with pytest.raises(BoundError, match=r"pass 1 lowered the bound from .*; check=True names the variable"):
        vmp(factors, optimum)


def test_rounding_is_no_fall():
    assert Bound(1.0 - 1e-12, 1.0).not_below(Bound(1.0, 1.0), "it").value < 1
    assert Bound(1.0 - 1e-9, 1.0).not_below(Bound(1.0, 200.0), "it").value < 1
    with pytest.raises(BoundError, match="it lowered the bound"):
        Bound(1.0 - 1e-9, 1.0).not_below(Bound(1.0, 1.0), "it")
    with pytest.raises(BoundError, match=r"it lowered the bound from 1 to 0\.999999"):
        Bound(0.999999, 1.0).not_below(Bound(1.0, 1.0), "it")
    with pytest.raises(BoundError):
        Bound(math.nan, 1.0).not_below(Bound(1.0, 1.0), "it")


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"precision": Gaussians(1.0, 1.0)}, {}, r"GammaFactor\(.*\) and Gaussians for 'precision' are not conjugate"),
        ({"mean": Gammas(1.0, 1.0)}, {}, "Gammas for 'mean' are not conjugate: in its place there, 'mean' must be Gaussians"),
        ({"mean": VectorGaussians([0.0], [[1.0]])}, {}, "'mean' must be Gaussians"),
        ({"mean": 0.0}, {}, "float for 'mean' are not conjugate"),
        ({"other": Gaussians(0.0, 1.0)}, {}, "no factor has the variable 'other'"),
        ({"mean": Gaussians(np.zeros(4), 1.0)}, {}, r"plates must broadcast, but their shapes are 'mean' \(4,\), .*\(15,\)"),
        ({}, {"schedule": ["mean", "scale"]}, r"schedule must hold names among \['mean', 'precision'\], not \['scale'\]"),
        ({}, {"schedule": []}, "schedule must hold names"),
        ({}, {"schedule": parallel}, r"one variable at a time, but the schedule has \['mean', 'precision'\] at once"),
        ({}, {"watch": 1}, "watch must be a function of the result, not 1"),
        ({}, {"passes": 0}, "passes must lie in"),
        ({}, {"tol": -1.0}, "tol must lie in"),
    ],
)  # fmt: skip
def test_what_is_no_model_is_refused(change, options, message):
    factors, q = unknown()
    with pytest.raises(ValueError, match=message):
        vmp(factors, q | change, **options)


def test_what_has_no_variables_or_no_message_is_refused():
    factors, q = unknown()
    with pytest.raises(ValueError, match="has the variable 'precision', but q has no density of that name"):
        vmp(factors, {"mean": q["mean"]})
    with pytest.raises(ValueError, match="is no conjugate factor, so vmp has no message for it: use ep, or a conjugate bound"):
        vmp([*factors, Step()], q)
    with pytest.raises(ValueError, match="q is empty: there is nothing to infer"):
        vmp([], {})
    with pytest.raises(ImproperPosteriorError, match=r"the messages to 'mean' from .* make no proper Gaussians: give it a prior"):
        vmp([GaussianFactor([np.nan, 1.0], Product(0.0, "mean"), 1.0)], {"mean": Gaussians(0.0, 1.0)})


@pytest.mark.parametrize("offset", [1e7, 1e9])
@pytest.mark.parametrize("check", [False, True])
def test_data_too_far_from_zero_are_refused(offset, check):
    """There x^2 - 2 x mean + mean^2 is rounding, and what it gives may lie above the evidence."""
    for seed in range(5):
        x = offset + np.random.default_rng(seed).standard_normal(5)
        factors = [
            GaussianFactor("mean", offset, 0.01), GammaFactor("precision", 1.0, 1.0), GaussianFactor(x, "mean", "precision"),
        ]  # fmt: skip
        q = {"mean": Gaussians(offset, 1.0), "precision": Gammas(1.0, 1.0)}
        with pytest.raises((BoundError, ImproperPosteriorError), match=r"the data lie (too )?far from 0 .* subtract their mean"):
            vmp(factors, q, check=check)


def test_data_as_far_as_is_accepted_keep_the_bound_below_the_evidence():
    x = np.random.default_rng(0).standard_normal(5)
    near, far = UnknownGaussian(x), UnknownGaussian(x + 1e5, prior_mean=1e5)
    result = vmp(far.factors, far.start(), tol=1e-3, check=True)
    assert result.log_evidence == pytest.approx(vmp(near.factors, near.start(), tol=1e-3).log_evidence, abs=1e-3)
    assert result.log_evidence < near.exact().log_evidence


def test_the_covariances_are_those_of_the_vectors():
    factors, start, _ = ONE["vector"]
    result = vmp([*factors, GaussianFactor("level", 0.0, 1.0)], {"q": start, "level": Gaussians(0.0, 1.0)})
    assert list(result.covariance) == ["q"]
    np.testing.assert_allclose(result.covariance["q"], np.eye(2) / 25)
