"""The flops ledger: every declared price against what the code really does, counted (see counting.py)."""

import math
import warnings
from itertools import pairwise

import numpy as np
import pytest
from counting import HOOKS, count, epbook, rewritten
from scipy.stats import norm

rivals, ep = epbook.rivals, epbook.ep
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def clutter(n, d=None, family="spherical"):
    return epbook.ClutterProblem.sample(n, d=d, family=family, rng=0)


def weights(n, K):
    return epbook.MixtureWeights.sample(n, np.full(K, 1 / K), np.arange(K), np.full(K, 3.0), rng=0)


CLUTTER = {
    f"clutter n={n} d={d} {family}": clutter(n, d, family)
    for n, d, family in [(10, None, "spherical"), (20, None, "spherical"), (200, None, "spherical"), (20, 2, "spherical"),
                         (50, 10, "spherical"), (20, 2, "diagonal"), (20, 10, "diagonal"), (20, 2, "full"), (50, 10, "full")]
}  # fmt: skip
WEIGHTS = {f"weights n={n} K={K}": weights(n, K) for n, K in [(10, 2), (50, 2), (200, 2), (50, 3), (50, 4)]}
MIXTURES = CLUTTER | WEIGHTS
LOGISTIC = {f"logistic a={a}": epbook.LogisticIntegrand(a) for a in (20, 3)}
ONE_DIMENSIONAL = LOGISTIC | {name: problem for name, problem in CLUTTER.items() if problem.x.ndim == 1}
ALL = MIXTURES | LOGISTIC


def over(problems):
    return pytest.mark.parametrize("problem", problems.values(), ids=problems.keys())


def agree(declared, counted, within=0.15):
    assert counted > 0
    assert declared == pytest.approx(counted, rel=within)


def agree_in_history(work):
    """The history's last sum against the count of the run that wrote it, and of its mean."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result, counted = count(work)
    agree(result.history[-1].flops, counted + count(lambda: result.posterior.mean)[1])


@pytest.fixture
def one_snapshot(monkeypatch):
    """Samplers take stock once, at the end: their price is that of stopping there, not of having looked before."""
    for rival in (rivals.importance, rivals.metropolis, rivals.billiard):
        monkeypatch.setitem(rival.__globals__, "doublings", lambda samples: [samples])


@pytest.mark.parametrize(
    ("line", "price"),
    [
        ("a * a + 1", 10),
        ("A @ A", 250),
        ("float(A[0] @ a) * 2.0", 11),
        ("np.asarray(a / 2).sum() - 1.0", 10),
        ("np.exp(-abs(a))[a > 0]", 5),
        ("math.sqrt(2.0) ** 2", 2),
        ("len(a) * 3 + 1", 0),
        ("sum(x * x for x in a)", 10),
        ("np.linalg.cholesky(np.eye(3))", 9),
        ("np.add.reduce(A, axis=0)", 20),
        ("rng.standard_normal(4)", 4),
        ("[x + 1.0 for x in (1.0, 2.0)]", 2),
    ],
)
def test_the_meter_knows_the_rule(line, price):
    names = {"a": np.ones(5), "A": np.ones((5, 5)), "np": np, "math": math, "rng": np.random.default_rng(0)}
    assert count(lambda: eval(rewritten(line, "line", "eval"), HOOKS | names))[1] == pytest.approx(price)


@pytest.mark.parametrize("line", ["np.fft.fft([1.0])", "np.ones(3).var()"])
def test_the_meter_refuses_what_has_no_price(line):
    with pytest.raises(NotImplementedError, match="no price for .*(fft|var)"):
        eval(rewritten(line, "line", "eval"), HOOKS | {"np": np})


def test_the_metered_library_answers_like_the_other():
    import epbook as plain

    theirs = plain.ClutterProblem.sample(20, rng=0)
    mine, usual = ep(clutter(20).posterior(), clutter(20).terms), plain.ep(theirs.posterior(), theirs.terms)
    assert plain is not epbook and mine.history[-1][:3] == usual.history[-1][:3]


@over(ALL)
@pytest.mark.parametrize("passes", [1, 2])
def test_ep(problem, passes):
    agree_in_history(lambda: ep(problem.posterior(), problem.terms, passes=passes))


@over(WEIGHTS)
def test_ep_with_two_moments(problem):
    agree_in_history(lambda: ep(problem.posterior(epbook.DirichletTwoMoments), problem.terms, passes=2))


@pytest.mark.parametrize(("n", "d"), [(10, 3), (100, 3), (50, 20), (10, 40)])
@pytest.mark.parametrize("kernel", [False, True])
def test_ep_of_projections(n, d, kernel):
    X = np.random.default_rng(0).standard_normal((n, d))
    posterior = epbook.KernelGaussian(X @ X.T + np.eye(n)) if kernel else epbook.LinearGaussian(X)
    agree_in_history(lambda: ep(posterior, [epbook.Step(0.1)] * n, passes=2))


def grid(rows, columns, states):
    """Random tables on the edges of a grid, and a comb through it."""
    rng, number = np.random.default_rng(0), np.arange(rows * columns).reshape(rows, columns)
    across = list(zip(number[:, :-1].ravel(), number[:, 1:].ravel()))
    down = list(zip(number[:-1].ravel(), number[1:].ravel()))
    comb = across + [edge for edge in down if edge[0] % columns == 0]
    return [states] * number.size, [epbook.Potential(edge, rng.gamma(1.0, size=(states, states))) for edge in across + down], comb


@pytest.mark.parametrize(("rows", "states"), [(2, 2), (4, 2), (3, 4), (3, 9)])
@pytest.mark.parametrize("passes", [1, 2])
@pytest.mark.parametrize("which", ["edges", "edges, comb", "groups", "groups, comb"])
def test_ep_of_tables(rows, states, passes, which):
    cardinalities, terms, comb = grid(rows, 3, states)
    if which.startswith("groups"):
        terms = [epbook.Potential.group(terms[i : i + 2]) for i in range(0, len(terms), 2)]
    agree_in_history(lambda: ep(epbook.Forest(cardinalities, comb if "comb" in which else None), terms, passes=passes))


@pytest.mark.parametrize("states", [2, 5, 70])
def test_potential(states):
    term = epbook.Potential((0, 1), np.ones((states, states)))
    agree(term.flops, count(lambda: term.log_z(np.zeros((states, states))))[1])


@pytest.mark.parametrize("term", [epbook.Step(), epbook.Step(0.1), epbook.Step(0.0, 1.0), epbook.Step(0.1, 1.0)], ids=repr)
@pytest.mark.parametrize("mean", [-4.0, -2.0, -0.1, 0.1, 2.0, 7.0])
def test_step(term, mean):
    agree(term.flops, count(lambda: term.log_z(mean, 1.3))[1])


@pytest.mark.parametrize("term", [epbook.Clutter(1.0), epbook.Clutter(np.ones(2)), epbook.Clutter(np.ones(20))], ids=repr)
def test_clutter_term(term):
    agree(term.flops, count(lambda: term.log_z(0.3 * term.x, 1.3))[1])


@pytest.mark.parametrize("slope", [-20.0, 0.5, 3.0, 1000.0])
def test_logistic_term(slope):
    term = epbook.Logistic(slope)
    agree(term.flops, count(lambda: term.log_z(0.0, 1.0))[1])


@over(MIXTURES)
def test_pieces_of_a_mixture(problem):
    theta = problem.climb(problem.climb(problem.start))
    shares = problem.responsibilities(theta)
    density = problem.given(shares)[0]
    agree(problem.parts_flops, count(lambda: problem.log_parts(theta))[1])
    agree(problem.expected_flops, count(lambda: problem.expected_log_parts(density))[1])
    agree(problem.given_flops, count(lambda: problem.given(shares)[0].mean)[1])
    agree(problem.climb_flops, count(lambda: problem.climb(theta))[1])


@over(ALL)
def test_joint_and_laplace(problem):
    theta = problem.climb(problem.climb(problem.start))
    many = np.repeat(np.asarray(theta)[None], 100, axis=0)
    agree(100 * problem.flops, count(lambda: problem.log_joint(many))[1])
    agree(problem.climb_flops, count(lambda: problem.climb(theta))[1])
    agree(problem.fit_flops, count(lambda: problem.laplace_fit(theta)[1].mean)[1])
    agree_in_history(lambda: rivals.laplace(problem, passes=1))


@over(MIXTURES)
def test_gibbs_and_variational_bayes(problem):
    agree_in_history(lambda: rivals.variational_bayes(problem, passes=5))
    agree_in_history(lambda: rivals.gibbs(problem, 1, rng=0))
    agree_in_history(lambda: rivals.gibbs(problem, 50, burn_in=50, rng=0))


@over(ALL)
def test_importance(problem, one_snapshot):
    agree_in_history(lambda: rivals.importance(problem, 500, rng=0))


@over(ONE_DIMENSIONAL)
def test_one_dimensional_rivals(problem, one_snapshot):
    agree_in_history(lambda: rivals.importance(problem, 500, norm(2, 1), rng=0))
    agree_in_history(lambda: rivals.metropolis(problem, 300, rng=0))
    agree_in_history(lambda: rivals.uniform(problem, 500, rng=0))
    agree_in_history(lambda: rivals.quadrature(problem))
    bound = rivals.jensen.__globals__["bound_and_slopes"]
    evaluation = rivals.jensen(problem).history[0].flops
    agree(evaluation, count(lambda: bound(problem, 0.3, 0.0))[1])


@over(LOGISTIC)
def test_integrand_bound(problem):
    agree_in_history(lambda: rivals.integrand_bound(problem, passes=4))


@pytest.mark.parametrize("make", ["linear", "growth"])
def test_filters(make):
    model = getattr(epbook.models.dynamics.Dynamics, make)()
    y = model.sample(25, rng=0)[1]
    agree_in_history(lambda: rivals.extended_kalman(model, y))
    agree_in_history(lambda: rivals.assumed_density(model, y))
    agree_in_history(lambda: rivals.particle_filter(model, y, 500, rng=0))
    agree_in_history(lambda: rivals.grid_filter(model, y, -40, 40, knots=321))
    term = rivals.assumed_density.__globals__["Observed"](model, y[0])
    agree(term.flops, count(lambda: term.log_z(0.0, 1.0))[1])


def separable(n, kernel):
    """Points in a square, and on which side of its diagonal they lie."""
    X = np.random.default_rng(0).uniform(-1, 1, (n, 2))
    return epbook.BayesPoint(X, np.where(X.sum(axis=1) > 0.05, 1, -1), kernel, bias=True)


@pytest.mark.parametrize("n", [3, 30, 60])
@pytest.mark.parametrize("kernel", [None, epbook.GaussianKernel(0.2), epbook.GaussianKernel(1.0), epbook.LinearKernel()])
def test_separators(n, kernel, one_snapshot):
    """The machine starts the billiard, whose own price is held to the count of a run that is given the same start."""
    problem = separable(n, kernel)
    machine = rivals.support_vector_machine(problem).posterior
    start = machine.mean if kernel is None else machine.coefficients
    agree_in_history(lambda: rivals.support_vector_machine(problem))
    agree_in_history(lambda: rivals.support_vector_machine(problem, free_bias=True))
    agree_in_history(lambda: rivals.tap(problem, rate=0.01, passes=3))
    agree_in_history(lambda: rivals.billiard(problem, 300, balls=5, start=start, rng=0))
    agree_in_history(lambda: rivals.billiard(problem, 300, "rujan", balls=5, start=start, rng=0))
    agree_in_history(lambda: rivals.billiard(problem, 300, "herbrich", balls=5, start=start, rng=0))


def runs():
    problem, logistic, model = clutter(20), epbook.LogisticIntegrand(), epbook.models.dynamics.Dynamics.growth()
    y = model.sample(10, rng=0)[1]
    yield "ep", ep(problem.posterior(), problem.terms, passes=3)
    for rival in (rivals.importance, rivals.uniform, rivals.metropolis, rivals.gibbs):
        yield rival.__name__, rival(problem, 50, rng=0)
    for rival in (rivals.laplace, rivals.variational_bayes, rivals.quadrature, rivals.jensen):
        yield rival.__name__, rival(problem)
    yield "integrand_bound", rivals.integrand_bound(logistic)
    for rival in (rivals.extended_kalman, rivals.assumed_density, rivals.particle_filter, rivals.grid_filter):
        yield rival.__name__, rival(model, y)
    yield "billiard", rivals.billiard(separable(20, None), rng=0)
    yield "tap", rivals.tap(separable(20, None))


def test_flops_of_every_rival_grow_with_its_history():
    seen = dict(runs())
    for name, result in seen.items():
        spent = [snapshot.flops for snapshot in result.history]
        assert len(spent) > 2 and spent[0] > 0 and all(a < b for a, b in pairwise(spent)), name
        assert all(isinstance(flops, int) for flops in spent), name
    at_once = {"support_vector_machine"}
    assert seen.keys() - {"ep"} == {name for name in rivals.__all__ if name[0].islower()} - at_once


def edges(n):
    return [(k, k + 1) for k in range(n - 1)]


def cycle(n, states):
    """One edge that closes the loop of a chain."""
    return epbook.Forest([states] * n, edges(n)), [epbook.Potential((0, n - 1), 1 + np.eye(states))]


@pytest.mark.parametrize(
    ("make", "small", "exponent"),
    [
        (lambda n: (clutter(n).posterior(), clutter(n).terms), 50, 1),
        (lambda d: (clutter(20, d).posterior(), clutter(20, d).terms), 50, 1),
        (lambda d: (clutter(5, d, "full").posterior(), clutter(5, d, "full").terms), 40, 3),
        (lambda n: (epbook.LinearGaussian(np.ones((n, 3))), [epbook.Step(0.1)] * n), 100, 1),
        (lambda d: (epbook.LinearGaussian(np.ones((60, d))), [epbook.Step(0.1)] * 60), 60, 2),
        (lambda n: (epbook.KernelGaussian(np.eye(n)), [epbook.Step(0.1)] * n), 60, 3),
        (lambda n: cycle(n, 2), 40, 1),
        (lambda n: (epbook.Forest([2] * n, edges(n)), [epbook.Potential(edge, np.eye(2)) for edge in edges(n)]), 100, 1),
        (lambda states: cycle(12, states), 30, 3),
    ],
    ids=[
        "clutter in n",
        "spherical in d",
        "full in d",
        "weight space in n",
        "weight space in d",
        "kernel space in n",
        "loop in its length",
        "chain in n",
        "loop in states",
    ],
)
def test_growth(make, small, exponent):
    """A double size costs 2 ** exponent as much, by the declared prices and by the count."""

    def run(size):
        return count(lambda: ep(*make(size), passes=1))

    (less, less_counted), (more, more_counted) = run(small), run(2 * small)
    assert math.log2(more.history[0].flops / less.history[0].flops) == pytest.approx(exponent, abs=0.3)
    assert math.log2(more_counted / less_counted) == pytest.approx(exponent, abs=0.3)
