"""The families of variational message passing: moments, entropies and divergences against scipy, sums and differences."""

import itertools

import numpy as np
import pytest
from scipy import stats
from scipy.special import gammaln, logsumexp

from epbook import Categoricals, Dirichlets, Gammas, Gaussians, MarkovChains, Poissons, VectorGaussians, Wisharts, one_hot

RNG = np.random.default_rng(5)
ROOT = RNG.standard_normal((3, 3, 5))
MATRICES = ROOT @ np.swapaxes(ROOT, -1, -2) + np.eye(3)

FAMILIES = {
    "gaussians": Gaussians(RNG.standard_normal((2, 3)), [0.5, 1.0, 4.0]),
    "vectors": VectorGaussians(RNG.standard_normal((3, 3)), MATRICES),
    "gammas": Gammas([[0.3], [7.0]], [0.5, 1.0, 40.0]),
    "wisharts": Wisharts([4.0, 2.5, 9.0], MATRICES),
    "labels": Categoricals(RNG.random((2, 4, 3)) + 0.01),
    "weights": Dirichlets(3 * RNG.random((4, 3)) + 0.1),
    "counts": Poissons([0.01, 1.0, 70.0]),
    "chains": MarkovChains.of({
        "start": RNG.standard_normal((2, 3)), "x": RNG.standard_normal((2, 4, 3)), "pairs": RNG.standard_normal((2, 3, 3, 3)),
    }),
}  # fmt: skip
every = pytest.mark.parametrize("q", FAMILIES.values(), ids=FAMILIES.keys())


def moved(q, direction, step):
    return q.of({s: eta + step * direction[s] for s, eta in q.natural.items()})


def a_direction(q, seed):
    """Random changes of the natural parameters, of matrices symmetric."""
    rng, natural = np.random.default_rng(seed), {}
    for s, eta in q.natural.items():
        change = 0.1 * rng.standard_normal(eta.shape) * np.abs(eta).min()
        square = eta.ndim >= 2 and eta.shape[-1] == eta.shape[-2] and s in ("x", "xx") and not isinstance(q, Categoricals)
        natural[s] = change + np.swapaxes(change, -1, -2) if square else change
    return natural


@every
@pytest.mark.parametrize("seed", range(3))
def test_moments_are_the_gradient_of_the_log_normaliser(q, seed):
    direction, h = a_direction(q, seed), 1e-5
    slope = (moved(q, direction, h).log_normaliser - moved(q, direction, -h).log_normaliser) / (2 * h)
    assert slope == pytest.approx(sum(np.vdot(direction[s], q.moments[s]) for s in q.natural), rel=1e-6, abs=1e-8)


@every
def test_natural_parameters_and_moments_share_shapes(q):
    assert {s: eta.shape for s, eta in q.natural.items()} == {s: np.shape(mu) for s, mu in q.moments.items()}
    assert q.is_proper and q.mean.shape == q.variance.shape


@every
def test_divergence_is_that_of_the_two_kullback_leibler(q):
    p = moved(q, a_direction(q, 1), 1.0)
    forward = p.log_normaliser - q.log_normaliser + sum(np.vdot(q.natural[s] - p.natural[s], q.moments[s]) for s in q.natural)
    back = q.log_normaliser - p.log_normaliser + sum(np.vdot(p.natural[s] - q.natural[s], p.moments[s]) for s in q.natural)
    assert forward > 0 and back > 0
    assert q.divergence(p) == pytest.approx(forward + back, rel=1e-9)


def test_entropies_and_variances_are_scipys():
    q = FAMILIES["gaussians"]
    assert q.entropy == pytest.approx(stats.norm.entropy(scale=np.sqrt(q.variance)).sum())
    q = FAMILIES["vectors"]
    assert q.entropy == pytest.approx(sum(stats.multivariate_normal(None, V).entropy() for V in MATRICES))
    np.testing.assert_allclose(q.covariance, MATRICES, rtol=1e-10)
    np.testing.assert_allclose(q.variance, np.diagonal(MATRICES, axis1=1, axis2=2), rtol=1e-10)
    q = FAMILIES["gammas"]
    scipys = stats.gamma(q.shape, scale=1 / q.rate)
    assert q.entropy == pytest.approx(scipys.entropy().sum())
    np.testing.assert_allclose(q.variance, scipys.var())
    q = FAMILIES["wisharts"]
    scipys = [stats.wishart(dof, np.linalg.inv(V)) for dof, V in zip(q.dof, MATRICES, strict=True)]
    assert q.entropy == pytest.approx(sum(w.entropy() for w in scipys))
    np.testing.assert_allclose(q.mean, [w.mean() for w in scipys])
    np.testing.assert_allclose(q.variance, [w.var() for w in scipys])
    q = FAMILIES["labels"]
    assert q.entropy == pytest.approx(stats.entropy(q.mean, axis=-1).sum())
    q = FAMILIES["weights"]
    scipys = [stats.dirichlet(a) for a in q.concentration]
    assert q.entropy == pytest.approx(sum(d.entropy() for d in scipys))
    np.testing.assert_allclose(q.mean, [d.mean() for d in scipys])
    np.testing.assert_allclose(q.variance, [d.var() for d in scipys])
    q = FAMILIES["counts"]
    assert q.entropy == pytest.approx(stats.poisson.entropy([0.01, 1.0, 70.0]).sum())
    np.testing.assert_allclose([q.mean, q.variance], [[0.01, 1.0, 70.0]] * 2, rtol=1e-10)


def test_a_chain_against_all_its_paths():
    q = FAMILIES["chains"]
    start, x, pairs = (q.natural[s][1] for s in ("start", "x", "pairs"))
    paths = list(itertools.product(range(3), repeat=4))
    logs = [start[p[0]] + sum(x[t, p[t]] for t in range(4)) + sum(pairs[t, p[t], p[t + 1]] for t in range(3)) for p in paths]
    total = np.logaddexp.reduce(logs)
    assert q.log_normalisers[1] == pytest.approx(total)
    third_is_one = sum(np.exp(log - total) for path, log in zip(paths, logs, strict=True) if path[2] == 1)
    assert q.mean[1, 2, 1] == pytest.approx(third_is_one)
    two_then_zero = sum(np.exp(log - total) for path, log in zip(paths, logs, strict=True) if path[1:3] == (2, 0))
    assert q.moments["pairs"][1, 1, 2, 0] == pytest.approx(two_then_zero)


def test_constructors_keep_what_they_are_given():
    q = Gaussians(1.0, [1.0, 4.0])
    np.testing.assert_allclose([q.mean, q.variance], [[1.0, 1.0], [1.0, 4.0]])
    assert q.plates == (2,) and repr(q) == "Gaussians on plates (2,)"
    np.testing.assert_allclose(VectorGaussians([1.0, 2.0], np.eye(2)).mean, [1.0, 2.0])
    q = Gammas(2.0, [4.0, 5.0])
    np.testing.assert_allclose([q.shape, q.rate], [[2.0, 2.0], [4.0, 5.0]])
    q = Wisharts(5.0, MATRICES)
    np.testing.assert_allclose(q.rate, MATRICES)
    np.testing.assert_allclose(q.dof, 5.0)
    np.testing.assert_allclose(Dirichlets([1.0, 3.0]).concentration, [1.0, 3.0])
    q = MarkovChains([1.0, 3.0], [[1.0, 1.0], [4.0, 1.0]], 3)
    np.testing.assert_allclose(q.mean[:2], [[0.25, 0.75], [0.725, 0.275]])  # weights are scaled to sum to 1
    assert q.plates == () and q.log_normaliser == pytest.approx(0.0)


def test_hard_labels_have_no_entropy():
    q = Categoricals([[0.0, 1.0], [1.0, 0.0]])
    assert q.divergence(Categoricals.of({"x": np.array([[-1e4, 0.0], [0.0, -1e4]])})) == 0.0  # the same to rounding
    assert q.divergence(Categoricals([[0.5, 0.5], [1.0, 1.0]])) == np.inf
    assert q.entropy == 0.0 and q.mean.tolist() == [[0.0, 1.0], [1.0, 0.0]]


def test_random_starts_are_random_and_repeat():
    a, b = Categoricals.random((4, 2), 3, rng=1), Categoricals.random((4, 2), 3, rng=1)
    assert a.plates == (4, 2) and np.array_equal(a.mean, b.mean) and a.mean.std() > 0.1
    chain = MarkovChains.random((5, 7), 3, rng=1)
    assert chain.plates == (5,) and chain.mean.shape == (5, 7, 3) and chain.mean.std() > 0.1
    np.testing.assert_allclose(chain.mean.sum(axis=-1), 1.0)


def test_one_hot_marks_missing_labels():
    rows = one_hot([1, np.nan], 2)
    assert rows[0].tolist() == [0.0, 1.0] and np.isnan(rows[1]).all()
    for wrong in (2, -1, 0.5):
        with pytest.raises(ValueError, match=f"labels must be whole numbers from 0 to 1, not {wrong:g}"):
            one_hot([wrong], 2)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Gaussians(0.0, -1.0), "variance must be positive"),
        (lambda: Gaussians(np.nan, 1.0), "mean must be finite"),
        (lambda: VectorGaussians([0.0, 0.0], [[1.0, 2.0], [2.0, 1.0]]), "covariance must be symmetric and positive definite"),
        (lambda: VectorGaussians([0.0, 0.0], [[1.0, 0.5], [0.0, 1.0]]), "covariance must be symmetric and positive definite"),
        (lambda: VectorGaussians([0.0], np.eye(2)), r"mean \(1,\) and covariance \(2, 2\) must agree in d"),
        (lambda: VectorGaussians([0.0], np.ones((1, 2))), "covariance must be square in its last two axes"),
        (lambda: Gammas(0.0, 1.0), "shape must be positive"),
        (lambda: Wisharts(1.0, np.eye(2)), "dof of a 2 by 2 Wishart must be more than 1, not 1"),
        (lambda: Categoricals([0.5, -0.1]), "probabilities must not be negative, nor a row of them all 0"),
        (lambda: Categoricals([[0.5, 0.5], [0.0, 0.0]]), "nor a row of them all 0"),
        (lambda: Categoricals(0.5), "probabilities needs"),
        (lambda: Dirichlets([1.0, -1.0]), "concentration must be positive"),
        (lambda: Poissons(-1.0), "rate must be positive"),
        (lambda: MarkovChains([1.0, 1.0], np.ones((3, 3)), 4), r"transition needs shape \(..., 2, 2\) for 2 states"),
        (lambda: MarkovChains([1.0, 1.0], np.ones((2, 2)), 1), r"length must lie in \[2, inf\)"),
    ],
)
def test_what_is_no_density_is_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


IMPROPER = {
    "gaussians": [("xx", 1.0), ("x", np.inf)],
    "vectors": [("xx", np.eye(3)), ("x", np.nan)],
    "gammas": [("x", 1.0), ("log", -2.0), ("x", -np.inf)],
    "wisharts": [("x", np.eye(3)), ("log", -1.5)],
    "labels": [("x", np.nan)],
    "weights": [("log", -1.0), ("log", np.inf)],
    "counts": [("x", np.inf), ("log_factorial", 0.0)],
    "chains": [("pairs", np.nan), ("start", -np.inf)],
}


@pytest.mark.parametrize(("name", "s", "value"), [(name, *case) for name, cases in IMPROPER.items() for case in cases])
def test_one_bad_plate_makes_all_improper(name, s, value):
    q = FAMILIES[name]
    natural = {key: eta.copy() for key, eta in q.natural.items()}
    natural[s][-1] = value
    assert not q.of(natural).is_proper


@pytest.mark.parametrize(("x", "sharpness"), [(3.0, 0.5), (0.0, 0.05), (4.0, 3.0), (-2.0, 1.0)])
def test_counts_of_any_sharpness_are_summed_far_enough(x, sharpness):
    q = Poissons.of({"x": np.array([x, -1.0]), "log_factorial": np.array([-sharpness, -1.0])})
    counts = np.arange(20_000)
    logs = x * counts - sharpness * gammaln(counts + 1)
    weights = np.exp(logs - logsumexp(logs))
    assert q.log_normalisers[0] == pytest.approx(logsumexp(logs), rel=1e-12)
    assert q.mean[0] == pytest.approx(weights @ counts, rel=1e-12)
    assert q.moments["log_factorial"][0] == pytest.approx(weights @ gammaln(counts + 1), rel=1e-12)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("q", [
    Poissons(np.full(20_000, 2e4)), Poissons(1e9), Poissons.of({"x": np.array(5.0), "log_factorial": np.array(-1e-3)}),
])  # fmt: skip
def test_too_many_counts_are_refused(q):
    with pytest.raises(ValueError, match=r"counts up to .* on \d+ plates are too many to sum over"):
        _ = q.mean


def test_a_chain_may_have_its_plates_in_its_transitions_only():
    rows = 1 + RNG.random((5, 2, 2))
    q = MarkovChains([1.0, 3.0], rows, 3)
    assert q.plates == (5,) and q.mean.shape == (5, 3, 2)
    for k in range(5):
        np.testing.assert_allclose(q.mean[k], MarkovChains([1.0, 3.0], rows[k], 3).mean)


def test_covariances_are_symmetric_to_the_last_bit():
    covariance = FAMILIES["vectors"].covariance
    assert np.array_equal(covariance, np.swapaxes(covariance, -1, -2))
