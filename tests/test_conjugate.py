"""The factors of variational message passing: logs against scipy, averages by quadrature, messages by linearity."""

import math
import pickle

import numpy as np
import pytest
from scipy import stats

from epbook import (
    Categoricals,
    CategoricalFactor,
    CorrelatedFactor,
    Diagonal,
    DirichletFactor,
    Dirichlets,
    Dot,
    GammaFactor,
    Gammas,
    Gate,
    GaussianFactor,
    Gaussians,
    MarkovChains,
    PoissonFactor,
    Poissons,
    Product,
    StartFactor,
    Sum,
    TableFactor,
    TransitionFactor,
    VectorGaussianFactor,
    VectorGaussians,
    WishartFactor,
    Wisharts,
    one_hot,
)

RNG = np.random.default_rng(3)
X, T, V2 = RNG.standard_normal((4, 3)), 1 + RNG.random(3), RNG.standard_normal((4, 2))
ROOT = RNG.standard_normal((3, 2, 4))
MATRICES = ROOT @ np.swapaxes(ROOT, -1, -2)
MISSING = np.where(RNG.random((4, 3)) < 0.4, np.nan, X)
LABELS = one_hot([0, 2, 1, 0], 3)
TABLE = RNG.random((3, 3)) + 0.1


def test_logs_of_known_values_are_scipys():
    assert GaussianFactor(X, 0.5, T).average_log({}) == pytest.approx(stats.norm.logpdf(X, 0.5, T**-0.5).sum())
    assert GammaFactor(T, [1.0, 2.0, 3.0], 0.7).average_log({}) == pytest.approx(
        stats.gamma.logpdf(T, [1.0, 2.0, 3.0], scale=1 / 0.7).sum()
    )
    normals = [stats.multivariate_normal([1.0, 2.0], np.linalg.inv(P)) for P in MATRICES]
    factor = VectorGaussianFactor(V2[:, None], [1.0, 2.0], MATRICES)
    assert factor.average_log({}) == pytest.approx(sum(normal.logpdf(V2).sum() for normal in normals))
    diagonal = VectorGaussianFactor(V2, [1.0, 2.0], Diagonal(T[:2]))
    assert diagonal.average_log({}) == pytest.approx(stats.norm.logpdf(V2, [1.0, 2.0], T[:2] ** -0.5).sum())
    assert WishartFactor(MATRICES, 4.0, MATRICES[0]).average_log({}) == pytest.approx(
        sum(stats.wishart.logpdf(P, 4.0, np.linalg.inv(MATRICES[0])) for P in MATRICES)
    )
    weights = np.array([0.2, 0.5, 0.3])
    assert DirichletFactor(weights, T).average_log({}) == pytest.approx(stats.dirichlet.logpdf(weights, T))
    assert CategoricalFactor(LABELS, weights).average_log({}) == pytest.approx(np.log([0.2, 0.3, 0.5, 0.2]).sum())
    assert PoissonFactor([0, 3, 7], T).average_log({}) == pytest.approx(stats.poisson.logpmf([0, 3, 7], T).sum())
    gated = Gate(LABELS, GaussianFactor(X[:, :1], [0.0, 1.0, 2.0], T))
    assert gated.average_log({}) == pytest.approx(stats.norm.logpdf(X[:, 0], [0, 2, 1, 0], T[[0, 2, 1, 0]] ** -0.5).sum())
    gated = Gate(LABELS, GaussianFactor(X[:, 0], 0.0, 1.0), state=1)
    assert gated.average_log({}) == pytest.approx(stats.norm.logpdf(X[2, 0]))


NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(3)  # exact for the quadratic logs of two Gaussians


def test_the_average_over_independent_gaussians_is_an_integral():
    q = {"a": Gaussians(0.3, 2.0), "b": Gaussians(-1.0, 0.5)}

    def average(log):
        points = [q[name].mean + np.sqrt(q[name].variance) * NODES for name in "ab"]
        return sum(wa * wb * log(a, b) for wa, a in zip(WEIGHTS, points[0], strict=True)
                   for wb, b in zip(WEIGHTS, points[1], strict=True)) / (2 * math.pi)  # fmt: skip

    means = {
        Sum("a", "b"): lambda a, b: a + b,
        Sum(Product(2.0, "a"), 1.5, Product(-1.0, "b")): lambda a, b: 2 * a + 1.5 - b,
        Product("a", "b"): lambda a, b: a * b,
        Product(X, Sum("a", "b")): lambda a, b: X * (a + b),
        Sum("a", Sum("b", Product(3.0, 2.0))): lambda a, b: a + b + 6,
    }
    for mean, value in means.items():
        factor = GaussianFactor(X, mean, T)
        want = average(lambda a, b, value=value: stats.norm.logpdf(X, value(a, b), T**-0.5).sum())
        assert factor.average_log(q) == pytest.approx(want), mean
    both = GaussianFactor("a", "b", 3.0).average_log(q)
    assert both == pytest.approx(average(lambda a, b: stats.norm.logpdf(a, b, 3**-0.5)))
    joint = CorrelatedFactor(["a", "b"], [1.0, 2.0], MATRICES[0]).average_log(q)
    normal = stats.multivariate_normal([1.0, 2.0], np.linalg.inv(MATRICES[0]))
    assert joint == pytest.approx(average(lambda a, b: normal.logpdf([a, b])))


def test_the_average_of_a_sum_of_dots():
    """Two dot products in one sum must not share their summed letters: against vectors stacked to one."""
    inputs, more = RNG.standard_normal((4, 2)), RNG.standard_normal((4, 3))
    a, b = VectorGaussians([1.0, 2.0], np.linalg.inv(MATRICES[0])), VectorGaussians([0.0, 1.0, -1.0], 0.3 * np.eye(3))
    both = np.zeros((5, 5))
    both[:2, :2], both[2:, 2:] = a.covariance, b.covariance
    stacked = {"c": VectorGaussians(np.concatenate([a.mean, b.mean]), both)}
    apart = GaussianFactor(X[:, 0], Product(1.0, Sum(Dot(inputs, "a"), Dot("b", more), 2.0)), 1.5).average_log({"a": a, "b": b})
    whole = GaussianFactor(X[:, 0], Sum(Dot("c", np.hstack([inputs, more])), 2.0), 1.5).average_log(stacked)
    assert apart == pytest.approx(whole)
    mean, spread = np.hstack([inputs, more]) @ stacked["c"].mean + 2, np.hstack([inputs, more]) @ both
    variance = (spread * np.hstack([inputs, more])).sum(axis=1)
    assert whole == pytest.approx((stats.norm.logpdf(X[:, 0], mean, 1.5**-0.5) - 0.75 * variance).sum())


def test_the_average_of_a_sum_of_vectors():
    a, b = VectorGaussians([1.0, 2.0], np.diag([0.5, 2.0])), VectorGaussians([0.0, 1.0], np.linalg.inv(MATRICES[1]))
    factor = VectorGaussianFactor(V2, Sum("a", Product(2.0, "b")), MATRICES[0])
    normal = stats.multivariate_normal(a.mean + 2 * b.mean, np.linalg.inv(MATRICES[0]))
    spread = np.trace(MATRICES[0] @ (a.covariance + 4 * b.covariance))
    assert factor.average_log({"a": a, "b": b}) == pytest.approx(normal.logpdf(V2).sum() - 0.5 * len(V2) * spread)


Q = {
    "x": Gaussians(X, 0.3),
    "mean": Gaussians([0.1, 0.2, 0.3], 2.0),
    "one": Gaussians(0.7, 1.3),
    "precision": Gammas([1.0, 2.0, 3.0], 2.0),
    "rate": Gammas(2.0, 3.0),
    "vector": VectorGaussians(V2[:3], np.linalg.inv(MATRICES)),
    "vectors": VectorGaussians(V2[:, None], np.eye(2)),
    "matrix": Wisharts([3.0, 4.0, 5.0], MATRICES),
    "pair": Gammas(RNG.random((3, 2)) + 1, 2.0),
    "label": Categoricals(RNG.random((4, 3)) + 0.1),
    "other": Categoricals(RNG.random((4, 3)) + 0.1),
    "weights": Dirichlets([1.0, 2.0, 3.0]),
    "rows": Dirichlets(TABLE),
    "chain": MarkovChains.random(4, 3, rng=0),
    "count": Poissons([1.0, 2.0, 3.0]),
}
FACTORS = [
    GaussianFactor("x", "mean", "precision"),
    GaussianFactor("x", Sum("one", Product(T, "mean"), 1.0), "rate"),
    GaussianFactor("x", Product("one", "mean"), "rate"),
    GaussianFactor("x", Dot("vectors", "vector"), "precision"),
    GaussianFactor(MISSING, Sum(Dot("vectors", "vector"), "mean"), "precision"),
    GaussianFactor("one", "mean", 2.0),
    VectorGaussianFactor("vectors", "vector", "matrix"),
    VectorGaussianFactor(V2[:, None], Sum([1.0, 0.0], Product("one", "vector")), "matrix"),
    VectorGaussianFactor("vectors", "vector", Diagonal("pair")),
    CorrelatedFactor(["one", "mean"], [1.0, 2.0], MATRICES[0]),
    GammaFactor("precision", [1.0, 2.0, 3.0], "rate"),
    WishartFactor("matrix", 3.0, np.eye(2)),
    VectorGaussianFactor("vectors", "vector", Diagonal([1.0, 2.0])),
    DirichletFactor("weights", T),
    DirichletFactor("rows", T),
    CategoricalFactor("label", "weights"),
    CategoricalFactor(one_hot([0, np.nan, 2, 1], 3), "weights"),
    PoissonFactor("count", "precision"),
    PoissonFactor([[3.0, 0.0, np.nan]], "rate"),
    StartFactor("chain", "weights"),
    TransitionFactor("chain", "rows"),
    TransitionFactor("chain", TABLE / TABLE.sum(axis=1, keepdims=True)),
    TableFactor(["label", "other"], TABLE),
    Gate("label", GaussianFactor("x", "mean", "precision")),
    Gate("chain", GaussianFactor(MISSING, "mean", "precision")),
    Gate("label", VectorGaussianFactor("vectors", "vector", "matrix")),
    Gate("label", GaussianFactor(X[:, 0], "one", "rate"), state=1),
    Gate("label", Gate(LABELS, GaussianFactor("x", "mean", "precision"))),
]


@pytest.mark.parametrize(("factor", "name"), [(factor, name) for factor in FACTORS for name in factor.scope], ids=str)
def test_the_average_is_linear_in_each_variable_with_the_message_as_its_slope(factor, name):
    old, message = Q[name], factor.message(name, Q)
    new = old.of({s: eta * 1.3 if s != "log_factorial" else eta for s, eta in old.natural.items()})
    gain = factor.average_log(Q | {name: new}) - factor.average_log(Q)
    for s, part in message.items():
        assert np.broadcast_shapes(part.shape, old.natural[s].shape) == old.natural[s].shape and np.isfinite(part).all()
        if (type(old), s) in ((VectorGaussians, "xx"), (Wisharts, "x")):
            np.testing.assert_allclose(part, np.swapaxes(part, -1, -2), rtol=1e-12)  # as what it is added to
    assert gain == pytest.approx(sum((part * (new.moments[s] - old.moments[s])).sum() for s, part in message.items()), rel=1e-9)
    assert gain != 0


def test_the_messages_of_a_gaussian_are_those_of_the_books():
    x, m, t = Q["x"], Q["mean"], Q["precision"]
    to_mean = GaussianFactor("x", "mean", "precision").message("mean", Q)
    np.testing.assert_allclose(to_mean["x"], t.mean * x.mean.sum(axis=0))
    np.testing.assert_allclose(to_mean["xx"], -0.5 * t.mean * 4)
    to_precision = GaussianFactor("x", "mean", "precision").message("precision", Q)
    square = x.moments["xx"] - 2 * x.mean * m.mean + m.moments["xx"]
    np.testing.assert_allclose(to_precision["x"], -0.5 * square.sum(axis=0))
    np.testing.assert_allclose(to_precision["log"], 0.5 * 4)
    to_label = Gate("label", GaussianFactor("x", "mean", "precision")).message("label", Q)["x"]
    np.testing.assert_allclose(to_label, 0.5 * (t.moments["log"] - math.log(2 * math.pi) - t.mean * square))


@pytest.mark.parametrize(
    ("whole", "parts"),
    [
        (GaussianFactor(X, "mean", "precision"), [GaussianFactor(x, "mean", "precision") for x in X]),
        (VectorGaussianFactor(V2[:, None], "vector", "matrix"), [VectorGaussianFactor(v, "vector", "matrix") for v in V2]),
        (GaussianFactor(MISSING[~np.isnan(MISSING)], "one", "rate"), [GaussianFactor(MISSING, "one", "rate")]),
        (CategoricalFactor(LABELS, "weights"), [CategoricalFactor(row, "weights") for row in LABELS]),
        (WishartFactor([MATRICES[0], np.full((2, 2), np.nan)], 3.0, np.eye(2)), [WishartFactor(MATRICES[0], 3.0, np.eye(2))]),
        (DirichletFactor([[np.nan, np.nan], [0.2, 0.8]], [1.0, 3.0]), [DirichletFactor([0.2, 0.8], [1.0, 3.0])]),
        (GammaFactor([np.nan, 2.0], 3.0, "rate"), [GammaFactor(2.0, 3.0, "rate")]),
        (PoissonFactor([np.nan, 2.0], "rate"), [PoissonFactor(2.0, "rate")]),
    ],
)
def test_plates_are_loops_and_missing_data_are_absent(whole, parts):
    assert whole.average_log(Q) == pytest.approx(sum(part.average_log(Q) for part in parts))
    for name in whole.scope:
        messages = [part.message(name, Q) for part in parts]
        for s, message in whole.message(name, Q).items():
            np.testing.assert_allclose(message, sum(other[s] for other in messages), rtol=1e-10, atol=1e-12)


def test_large_plates_take_the_path_of_small_ones():
    rng = np.random.default_rng(0)
    x, shares = rng.standard_normal((3000, 1, 2)), rng.dirichlet(np.ones(3), 3000)
    q = {**Q, "label": Categoricals(shares)}
    message = Gate("label", VectorGaussianFactor(x, "vector", "matrix")).message("vector", q)
    P = q["matrix"].mean
    np.testing.assert_allclose(message["xx"], -0.5 * shares.sum(axis=0)[:, None, None] * P)
    np.testing.assert_allclose(message["x"], np.einsum("kij,nj,nk->ki", P, x[:, 0], shares))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: GaussianFactor("a", "a", 1.0), r"GaussianFactor\('a', 'a', .*\) has 'a' in two places: it is not linear"),
        (lambda: GaussianFactor(0.0, Product("a", "a"), 1.0), "has 'a' in two places"),
        (lambda: GaussianFactor(0.0, Sum("a", Product(2.0, "a")), 1.0), "has 'a' in two places"),
        (lambda: GaussianFactor([0.0, np.inf], "a", 1.0), "data must be finite"),
        (lambda: GaussianFactor([np.nan, np.nan], "a", 1.0), "data are all missing"),
        (lambda: GaussianFactor(0.0, np.nan, 1.0), "known values must be finite"),
        (lambda: GaussianFactor(0.0, "a", -1.0), "a known precision or rate must be positive"),
        (lambda: VectorGaussianFactor([[0.0, np.nan]], "a", np.eye(2)), "a vector may be missing as a whole only"),
        (lambda: VectorGaussianFactor([0.0, 1.0], "a", -np.eye(2)), "a known precision must be symmetric and positive definite"),
        (lambda: CorrelatedFactor(["a"], [0.0, 0.0], np.eye(2)), "must agree in d"),
        (lambda: GammaFactor("a", 0.0, 1.0), "shape must be positive"),
        (lambda: CategoricalFactor([0.5, 0.2], "a"), "known labels must be rows of shares that sum to 1: see one_hot"),
        (lambda: CategoricalFactor("a", [1.0, 0.0]), "known weights must be positive"),
        (lambda: PoissonFactor([1.5], "a"), "counts must be 0, 1, 2, ... and not 1.5"),
        (lambda: CategoricalFactor("a", [np.nan, 1.0]), "known values must be finite"),
        (lambda: StartFactor("a", [1.0, 3.0]), "known weights must sum to 1 in each row, not to 4"),
        (lambda: TransitionFactor("a", [[0.5, 0.5], [1.0, 3.0]]), "known weights must sum to 1 in each row, not to 4"),
        (lambda: DirichletFactor([3.0, 4.0], [1.0, 1.0]), "known weights must sum to 1 in each row, not to 7"),
        (lambda: TableFactor(["a", "b"], [[1.0, 0.0]]), r"the table on \['a', 'b'\] must be positive"),
        (lambda: TableFactor(["a", "b"], [1.0]), r"the table on \['a', 'b'\] needs 2 axes"),
        (lambda: Gate(one_hot([np.nan], 2), GaussianFactor(0.0, "b", 1.0)), "known values must be finite"),
        (lambda: Gate("a", GaussianFactor(0.0, "b", 1.0), state=-1), r"state must lie in \[0, inf\)"),
        (lambda: Gate(LABELS, GaussianFactor(0.0, 0.0, 1.0), state=3).average_log({}), "state 3 of a gate is not one of the 3"),
    ],
)
def test_what_is_no_factor_is_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


TWICE = Dot(V2, "w")


@pytest.mark.parametrize("factor", [
    lambda: GaussianFactor(X[:, 0], Sum(TWICE, TWICE), 1.0),
    lambda: VectorGaussianFactor(V2, Sum("w", "w"), np.eye(2)),
])  # fmt: skip
def test_one_object_twice_in_a_sum_is_twice(factor):
    with pytest.raises(ValueError, match="has 'w' in two places"):
        factor()


@pytest.mark.parametrize(
    ("factor", "q", "message"),
    [
        (VectorGaussianFactor([1.0, 2.0, 3.0], "m", [[1.0]]), VectorGaussians([0.0], [[1.0]]), "as many, but are 3 in .*, 1 in"),
        (VectorGaussianFactor([1.0, 2.0, 3.0], "m", [[1.0]]), VectorGaussians(np.zeros(3), np.eye(3)), r"shape \(1, 1\)"),
        (VectorGaussianFactor("m", np.zeros(3), np.eye(3)), VectorGaussians([0.0, 0.0], np.eye(2)), "2 in 'm'"),
        (GaussianFactor(X[:, 0], Dot(X, "m"), 1.0), VectorGaussians([0.0], [[1.0]]),
         r"are 1 in 'm', 3 in known values of shape \(4, 3\)"),
        (GaussianFactor(X[:, 0], Dot("m", X[:, :1]), 1.0), VectorGaussians(np.zeros(3), np.eye(3)),
         r"1 in known values of shape \(4, 1\), 3 in 'm'"),
        (GaussianFactor(X[:, 0], Dot(X, "m"), 1.0), VectorGaussians([0.0, 0.0], np.eye(2)), "2 in 'm', 3 in"),
        (DirichletFactor("m", [2.0]), Dirichlets(np.ones(3)), "3 in 'm', 1 in"),
        (CategoricalFactor(LABELS, "m"), Dirichlets([1.0]), "1 in 'm', 3 in"),
        (TransitionFactor("m", np.full((2, 2), 0.5)), MarkovChains.random(4, 3, rng=0), "2 in .*, 3 in 'm'"),
        (VectorGaussianFactor(V2, [0.0, 0.0], Diagonal("m")), Gammas([1.0], 1.0), "as many, but are 2 in .*, 1 in 'm'"),
        (VectorGaussianFactor(V2, [0.0, 0.0], Diagonal("m")), Gammas(1.0, 1.0), "'m' is a number where a last axis must run"),
        (VectorGaussianFactor("m", [0.0, 0.0], Diagonal(2.0)), VectorGaussians([0.0, 0.0], np.eye(2)),
         "2 is a number where a last axis must run"),
    ],
)  # fmt: skip
def test_vectors_of_other_lengths_never_broadcast(factor, q, message):
    with pytest.raises(ValueError, match=message):
        factor.average_log({"m": q})
    with pytest.raises(ValueError, match=message):
        factor.message("m", {"m": q})


def test_a_matrix_of_weights_needs_two_axes():
    factor = TransitionFactor("chain", "weights")
    with pytest.raises(ValueError, match=r"'weights' of shape \(3,\) needs 2 axes or more in its place"):
        factor.average_log(Q)
    with pytest.raises(ValueError, match="1 in 'weights', 3 in 'chain'"):
        factor.average_log(Q | {"weights": Dirichlets(np.ones((1, 3)))})


def test_numbers_print_as_they_are():
    assert repr(GaussianFactor("a", 0.5, [1.0, 2.0])) == "GaussianFactor('a', 0.5, known values of shape (2,))"
    assert repr(GammaFactor("a", 2, "b")) == "GammaFactor('a', 2, 'b')"


@pytest.mark.parametrize("factor", FACTORS, ids=str)
def test_factors_can_be_pickled(factor):
    assert pickle.loads(pickle.dumps(factor)).average_log(Q) == pytest.approx(factor.average_log(Q), rel=1e-13)
