"""Discrete posteriors over junction forests: EP by its definition, exact answers, the free energy, geometry, errors."""

import itertools
import math

import numpy as np
import pytest
from brute_force import ep_on_joint_tables, marginal, over
from scipy.sparse import csr_array
from scipy.sparse.csgraph import minimum_spanning_tree

from epbook import Clutter, ConvergenceWarning, Forest, NoMassError, Potential, ep, parallel, refine, shuffled
from epbook.families import road
from epbook.posteriors.junction import JunctionForest

TIGHT = {"tol": 1e-12, "passes": 2000}


def random_forest(rng, n=6):
    """Cliques of up to three variables, each sharing some with one before it; the variables renamed at random."""
    cliques, used = [], 0
    while used < n:
        before = list(cliques[rng.integers(len(cliques))]) if cliques else []
        shared = list(rng.permutation(before)[: rng.integers(0, 3)])
        new = list(range(used, min(n, used + int(rng.integers(1, 4 - min(len(shared), 2))))))
        cliques.append(tuple(shared + new))
        used += len(new)
    names = rng.permutation(n)
    return [tuple(int(names[v]) for v in rng.permutation(clique)) for clique in cliques]


def random_terms(rng, states, count=6, zeros=0.2, largest=3):
    """Tables on up to three variables, some entries zero, but never that of one hidden state."""
    hidden, terms = [int(rng.integers(k)) for k in states], []
    for _ in range(count):
        variables = tuple(int(v) for v in rng.permutation(len(states))[: rng.integers(1, largest + 1)])
        table = rng.gamma(1.0, size=[states[v] for v in variables])
        table[rng.random(table.shape) < zeros] = 0.0
        table[tuple(hidden[v] for v in variables)] = rng.gamma(1.0)
        terms.append((variables, table))
    return terms


def potentials(terms):
    return [Potential(*term) for term in terms]


def joint_table(states, terms):
    return np.prod([np.broadcast_to(over(states, *term), states) for term in terms], axis=0)


def grid(rng, rows=3, columns=3, states=2):
    """Random pairwise terms of a grid, the edges of a comb through it, and its faces."""
    number = np.arange(rows * columns).reshape(rows, columns)
    across = [tuple(map(int, pair)) for pair in zip(number[:, :-1].ravel(), number[:, 1:].ravel())]
    down = [tuple(map(int, pair)) for pair in zip(number[:-1].ravel(), number[1:].ravel())]
    terms = [(edge, rng.gamma(1.0, size=(states, states))) for edge in across + down]
    comb = across + [edge for edge in down if edge[0] % columns == 0]
    return (states,) * number.size, terms, comb


@pytest.fixture
def loopy():
    return grid(np.random.default_rng(4))


@pytest.mark.parametrize(("power", "damping"), [(1.0, 0.0), (0.5, 0.0), (1.0, 0.3), (0.7, 0.5)])
@pytest.mark.parametrize("zeros", [0.0, 0.25])
@pytest.mark.parametrize("seed", range(8))
def test_every_pass_is_that_of_the_definition(seed, zeros, power, damping):
    rng = np.random.default_rng(seed)
    states = tuple(int(k) for k in rng.integers(2, 5, size=6))
    cliques = random_forest(rng)
    terms = random_terms(rng, states, zeros=zeros)
    slow = ep_on_joint_tables(states, cliques, terms, 3, power, damping)
    q = Forest(states, cliques)
    for log_evidence, joint in slow:
        result = ep(q, potentials(terms), passes=1, power=power, damping=damping)
        q = result.posterior
        assert result.log_evidence == pytest.approx(log_evidence, abs=1e-9)
        np.testing.assert_allclose(q.joint_of(range(6)), joint, atol=1e-10)
    np.testing.assert_allclose(q.mean, np.concatenate([marginal(joint, [v]).ravel() for v in range(6)]), atol=1e-10)


@pytest.mark.parametrize("seed", range(10))
def test_exact_when_the_terms_form_a_tree(seed):
    """Belief propagation with a disconnected q; the tree gives each variable but the first a parent."""
    rng = np.random.default_rng(seed)
    states = tuple(int(k) for k in rng.integers(2, 5, size=7))
    edges = [(v, int(rng.integers(v))) for v in range(1, 7)]
    terms = [(edge, rng.gamma(1.0, size=[states[v] for v in edge])) for edge in edges] + random_terms(rng, states, 4, 0.0, 1)
    joint = joint_table(states, terms)
    result = ep(Forest(states), potentials(terms), **TIGHT)
    assert result.converged and result.log_evidence == pytest.approx(math.log(joint.sum()), abs=1e-11)
    for v in range(7):
        np.testing.assert_allclose(result.posterior.marginal_of(v), marginal(joint / joint.sum(), [v]).ravel(), atol=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_terms_within_cliques_are_absorbed_exactly(seed):
    """(4.44): one pass, whatever the order; any joint of q is then that of the product of the terms."""
    rng = np.random.default_rng(seed)
    states = tuple(int(k) for k in rng.integers(2, 5, size=6))
    cliques = random_forest(rng)
    terms = [(clique, rng.gamma(1.0, size=[states[v] for v in clique])) for clique in cliques for _ in range(2)]
    joint = joint_table(states, terms)
    result = ep(Forest(states, cliques), potentials(terms), passes=1, schedule=shuffled, rng=seed)
    assert result.log_evidence == pytest.approx(math.log(joint.sum()), abs=1e-11)
    for pair in itertools.permutations(range(6), 2):
        want = marginal(joint / joint.sum(), pair).squeeze()
        np.testing.assert_allclose(result.posterior.joint_of(pair), want if pair[0] < pair[1] else want.T, atol=1e-12)
    covariance = result.covariance
    assert covariance.shape == (sum(states), sum(states))
    np.testing.assert_allclose(np.diag(covariance), result.variance, atol=1e-12)
    np.testing.assert_allclose(covariance.sum(axis=0), 0, atol=1e-12)
    block = marginal(joint / joint.sum(), (0, 1)).squeeze()
    centred = block - np.outer(block.sum(axis=1), block.sum(axis=0))
    np.testing.assert_allclose(covariance[: states[0], states[0] : sum(states[:2])], centred, atol=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_evidence_of_belief_propagation_is_the_bethe_value(seed):
    """sum over terms of E[log t] and entropies, less the entropies counted too often (Yedidia, Freeman and Weiss)."""
    rng = np.random.default_rng(seed)
    states, terms, _ = grid(rng, states=3)
    result = ep(Forest(states), potentials(terms), **TIGHT, damping=0.2)
    assert result.converged
    bethe, degree = 0.0, np.zeros(len(states))
    for i, term in enumerate(potentials(terms)):
        belief = np.exp(refine(result.posterior, potentials(terms), i).cavity.joint()) * term.table
        belief /= belief.sum()
        np.testing.assert_allclose(belief.sum(axis=1), result.posterior.marginal_of(term.variables[0]), atol=1e-10)
        bethe += (belief * np.log(term.table / belief)).sum()
        degree[list(term.variables)] += 1
    for v, often in enumerate(degree):
        p = result.posterior.marginal_of(v)
        bethe += (often - 1) * (p * np.log(p)).sum()
    assert result.log_evidence == pytest.approx(bethe, abs=1e-9)


@pytest.mark.parametrize("which", ["disconnected", "comb"])
@pytest.mark.parametrize("options", [{"schedule": shuffled, "rng": 1}, {"schedule": parallel, "damping": 0.5}, {"damping": 0.4}])
def test_fixed_point_does_not_depend_on_the_road(loopy, which, options):
    states, terms, comb = loopy
    cliques = comb if which == "comb" else None
    plain = ep(Forest(states, cliques), potentials(terms), **TIGHT)
    other = ep(Forest(states, cliques), potentials(terms), **TIGHT, **options)
    assert plain.converged and other.converged
    np.testing.assert_allclose(other.mean, plain.mean, atol=1e-10)
    assert other.log_evidence == pytest.approx(plain.log_evidence, abs=1e-10)


@pytest.mark.parametrize("seed", range(5))
def test_zeros_survive_any_road(seed):
    """States that terms forbid, on trees of cliques and with several sites changed at once."""
    rng = np.random.default_rng(seed)
    states = (2, 3, 2, 3, 2, 3)
    cliques, terms = random_forest(rng), potentials(random_terms(rng, states, count=8, zeros=0.3))
    plain = ep(Forest(states, cliques), terms, **TIGHT, damping=0.3)
    other = ep(Forest(states, cliques), terms, **TIGHT, damping=0.8, schedule=parallel)
    assert plain.converged and other.converged and (plain.posterior.joint_of(range(6)) == 0).any()
    np.testing.assert_allclose(other.mean, plain.mean, atol=1e-9)
    assert other.log_evidence == pytest.approx(plain.log_evidence, abs=1e-9)


def test_warm_start_goes_on(loopy):
    states, terms, comb = loopy
    start = Forest(states, comb)
    result = ep(start, potentials(terms), **TIGHT)
    again = ep(result.posterior, potentials(terms), **TIGHT)
    assert start.sites == [] and np.array_equal(start.mean, np.full(18, 0.5))
    assert again.passes == 1 and again.log_evidence == pytest.approx(result.log_evidence, abs=1e-12)
    with pytest.warns(ConvergenceWarning, match="stopped after"):
        half = ep(start, potentials(terms), passes=2, tol=0)
    both = ep(half.posterior, potentials(terms), passes=1)
    with pytest.warns(ConvergenceWarning, match="stopped after"):
        whole = ep(start, potentials(terms), passes=3, tol=0)
    assert both.log_evidence == pytest.approx(whole.log_evidence, abs=1e-12)


def test_incremental_and_refreshed_agree_and_a_copy_is_honest(loopy):
    states, terms, comb = loopy
    terms = potentials(terms)
    q = Forest(states, comb)
    q.prepare(terms)
    for i in np.random.default_rng(0).integers(len(terms), size=100):
        twin, before = q.copy(), q.mean
        q.update([i], [refine(q, terms, i).site])
        np.testing.assert_array_equal(twin.mean, before)
    fresh = q.copy()
    fresh.refresh()
    np.testing.assert_allclose(fresh.mean, q.mean, atol=1e-12)
    assert fresh.log_normaliser() == pytest.approx(q.log_normaliser(), abs=1e-11)


def test_a_chain_of_ten_thousand_variables():
    """No recursion, no quadratic cost, no loss of digits: against the product of the transfer matrices."""
    rng = np.random.default_rng(0)
    n = 10_000
    tables = rng.gamma(1.0, size=(n - 1, 2, 2))
    forward, log_z = np.ones(2), 0.0
    for table in tables:
        forward = forward @ table
        log_z += math.log(forward.sum())
        forward /= forward.sum()
    edges = [(k, k + 1) for k in range(n - 1)]
    result = ep(Forest([2] * n, edges), potentials(zip(edges, tables)), passes=1)
    assert result.log_evidence == pytest.approx(log_z, rel=1e-12)
    np.testing.assert_allclose(result.posterior.marginal_of(n - 1), forward, atol=1e-12)


def test_order_of_axes_and_names_of_variables_do_not_matter(loopy):
    states, terms, comb = loopy
    plain = ep(Forest(states, comb), potentials(terms), **TIGHT)
    turned = ep(Forest(states, comb), [Potential((b, a), table.T) for (a, b), table in terms], **TIGHT)
    assert turned.log_evidence == pytest.approx(plain.log_evidence, abs=1e-12)
    new = [int(v) for v in np.random.default_rng(0).permutation(len(states))]
    moved = [((new[a], new[b]), table) for (a, b), table in terms]
    renamed = ep(Forest(states, [(new[a], new[b]) for a, b in comb]), potentials(moved), **TIGHT)
    assert renamed.log_evidence == pytest.approx(plain.log_evidence, abs=1e-10)
    for v, name in enumerate(new):
        np.testing.assert_allclose(renamed.posterior.marginal_of(name), plain.posterior.marginal_of(v), atol=1e-10)


def test_variables_of_one_state_change_nothing(loopy):
    states, terms, comb = loopy
    plain = ep(Forest(states, comb), potentials(terms), **TIGHT)
    wider = [((*variables, 9), table[..., None]) for variables, table in terms]
    result = ep(Forest((*states, 1), comb), potentials(wider), **TIGHT)
    assert result.log_evidence == pytest.approx(plain.log_evidence, abs=1e-11)
    assert result.posterior.marginal_of(9).tolist() == [1.0]


@pytest.mark.parametrize("seed", range(20))
def test_a_group_is_the_product(seed):
    rng = np.random.default_rng(seed)
    states = tuple(int(k) for k in rng.integers(2, 4, size=5))
    terms = random_terms(rng, states)
    group = Potential.group(potentials(terms))
    np.testing.assert_allclose(group.table, marginal(joint_table(states, terms), group.variables).squeeze()
                               / math.prod(states[v] for v in range(5) if v not in group.variables), rtol=1e-12)  # fmt: skip
    assert ep(Forest(states), [group], passes=1).log_evidence == pytest.approx(
        math.log(joint_table(states, terms).sum()), abs=1e-11
    )


def test_a_group_does_not_underflow():
    small = Potential.group([Potential((0,), [1e-200, 2e-200])] * 3)
    result = ep(Forest([2]), [small, Potential((0,), [1.0, 1.0])], passes=1)
    assert result.log_evidence == pytest.approx(math.log(9) - 600 * math.log(10), rel=1e-14)
    np.testing.assert_allclose(result.mean, [1 / 9, 8 / 9])


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_log_tables_of_groups_outlast_the_range_of_numbers(size):
    group = Potential.group([Potential((1, 0), [[size, 2 * size], [3 * size, 0.0]])] * 2)
    assert not 0 < group.table[0, 0] < math.inf
    want = 2 * (np.log([[1.0, 3.0], [2.0, 1.0]]) + math.log(size))
    want[1, 1] = -math.inf
    np.testing.assert_allclose(group.log_table, want, rtol=1e-14)


def test_log_table_has_the_axes_of_the_table():
    rng = np.random.default_rng(0)
    term = Potential((4, 0, 2), rng.random((2, 3, 4)))
    assert (term.log_table == np.log(term.table)).all() and term.log_table.shape == (2, 3, 4)


def test_a_group_of_one_is_the_potential():
    term = Potential((1, 0), [[0.1, 0.2], [0.3, 0.7]])
    assert Potential.group([term]) is term


def test_tables_cannot_be_changed():
    table = np.ones((2, 2))
    for term in (Potential((1, 0), table), Potential.group([Potential(0, [1.0, 2.0]), Potential(1, [1.0, 2.0])])):
        for array in (term.table, term.log_table):
            with pytest.raises(ValueError, match="read-only"):
                array[0, 0] = 5.0
    table[0, 0] = 5.0  # the caller's own is free


def test_many_small_terms_on_one_variable_do_not_underflow():
    terms = [Potential((0, k), [[1e-3, 1e-3], [2e-3, 0.0]]) for k in range(1, 2001)]
    result = ep(Forest([2] * 2001), terms, passes=1)
    assert result.log_evidence == pytest.approx(2000 * math.log(2e-3) + math.log(2), rel=1e-12)
    np.testing.assert_allclose(result.posterior.marginal_of(0), [0.5, 0.5], atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_sums_of_small_and_large_tables_agree(seed, monkeypatch):
    """Two ways to add logs, with states of no mass."""
    table = np.random.default_rng(seed).normal(scale=300, size=(3, 4, 2))
    table[table > 400] = -np.inf
    table[1] = -np.inf
    direct = road.log_sum(table, (1, 2))
    monkeypatch.setattr(road, "SMALL", 0)
    np.testing.assert_allclose(road.log_sum(table, (1, 2)), direct, rtol=1e-14)
    assert direct[1] == -np.inf and np.isfinite(direct[[0, 2]]).all()


# ---- Geometry -----------------------------------------------------------------------------------


def spanning_weight(cliques):
    """What the heaviest spanning forest of the cliques weighs, a link weighing the variables shared."""
    weights = [[len(set(a) & set(b)) if i < j else 0 for j, b in enumerate(cliques)] for i, a in enumerate(cliques)]
    return -minimum_spanning_tree(csr_array(-np.array(weights, dtype=float))).sum()


def test_junction_forests_are_told_from_others():
    """Running intersection holds if and only if the heaviest spanning forest weighs sum |C| less the number of variables."""
    rng, seen = np.random.default_rng(0), set()
    for _ in range(400):
        cliques = [tuple(int(v) for v in rng.permutation(6)[: rng.integers(1, 4)]) for _ in range(rng.integers(1, 6))]
        is_forest = spanning_weight(cliques) == sum(map(len, cliques)) - len({v for clique in cliques for v in clique})
        seen.add(is_forest)
        try:
            forest = JunctionForest(cliques)
        except ValueError as error:
            assert not is_forest and "running intersection" in str(error)
            continue
        assert is_forest and sorted(forest.cliques) == sorted(cliques)
        for v in range(6):
            held = [c for c, clique in enumerate(forest.cliques) if v in clique]
            assert sum(forest.parents[c] not in held for c in held) == min(1, len(held))  # they hang together
    assert seen == {True, False}


def test_a_star_branches_out():
    """No clique has many neighbours, nor is any far from another; and a pass stays cheap."""
    forest = JunctionForest([(0, k) for k in range(1, 5000)])
    assert max(map(len, forest.neighbours)) <= 9 and len(forest.span((4000, 4999))) <= 10


def connected_subsets(forest):
    """Every set of cliques in which no tree is split."""
    for size in range(1, len(forest.cliques) + 1):
        for chosen in itertools.combinations(range(len(forest.cliques)), size):
            tops = [c for c in chosen if forest.parents[c] not in chosen]
            if len({forest.roots[c] for c in tops}) == len(tops):
                yield chosen


@pytest.mark.parametrize("seed", range(20))
def test_the_scope_is_the_smallest_subforest(seed):
    rng = np.random.default_rng(seed)
    forest = JunctionForest(random_forest(rng, n=8))
    for _ in range(10):
        variables = {int(v) for v in rng.permutation(8)[: rng.integers(1, 5)]}
        span = forest.span(tuple(variables))
        chosen = [c for c, _ in span]
        smallest = next(s for s in connected_subsets(forest) if variables <= {v for c in s for v in forest.cliques[c]})
        assert len(chosen) == len(smallest) and variables <= {v for c in chosen for v in forest.cliques[c]}
        for k, (c, before) in enumerate(span):
            assert before is None or (before in chosen[:k] and before in forest.neighbours[c])
        assert sum(before is None for _, before in span) == len({forest.roots[c] for c in chosen})


# ---- Errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "table", "message"),
    [
        ((0, 1), [1.0, 2.0], r"a potential on variables \(0, 1\) needs a table with 2 axes, not 1"),
        ((0,), [[1.0]], r"table needs 0 or 1 axes, not 2"),
        ((0, 0), [[1.0]], r"variables of a potential must be distinct, and at least one, not \(0, 0\)"),
        ((), 1.0, r"variables of a potential must be distinct, and at least one, not \(\)"),
        ((-1,), [1.0], "each variable of a potential must lie in"),
        ((0.5,), [1.0], "each variable of a potential must be a whole number"),
        ((0,), [1.0, -1.0], r"must be >= 0 and not all zero, but that on variables \(0,\) is not"),
        ((0,), [0.0, 0.0], "must be >= 0 and not all zero"),
        ((0,), [1.0, math.nan], "table must be finite, but row 1"),
    ],
)
def test_bad_potentials(variables, table, message):
    with pytest.raises(ValueError, match=message):
        Potential(variables, table)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([], "a group of 0 potentials"),
        ([Potential(0, [1.0, 2.0]), Potential(0, [1.0, 2.0, 3.0])], "variable 0 has 2 states in one potential and 3 in another"),
        ([Potential(v, np.ones(8)) for v in range(8)], "needs 1 to 4194304 entries, not 16777216"),
        ([Potential(0, [1.0, 0.0]), Potential(0, [0.0, 1.0])], r"the group on variables \(0,\) is zero"),
    ],
)
def test_bad_groups(members, message):
    with pytest.raises(ValueError, match=message):
        Potential.group(members)


@pytest.mark.parametrize(
    ("states", "cliques", "message"),
    [
        ([], None, "a Forest needs at least one variable"),
        ([2, 0], None, "a number of states must lie in"),
        ([2, 2], [(0, 2)], r"each variable of a clique must lie in \[0, 1\], not 2"),
        ([2, 2], [(0, 0)], "the variables of a clique must be distinct"),
        ([2] * 30, [tuple(range(30))], r"the clique \(0, .*, 29\) needs a table of 1073741824 entries, and 4194304 is"),
        ([2, 2, 2], [(0, 1), (1, 2), (0, 2)], r"form no junction forest: \(0, 2\) shares \(0, 2\)"),
    ],
)
def test_bad_forests(states, cliques, message):
    with pytest.raises(ValueError, match=message):
        Forest(states, cliques)


@pytest.mark.parametrize(
    ("term", "message"),
    [
        (Clutter(1.0), r"variables and cardinalities, like Potential; Clutter\(x=1.0.* has not"),
        (Potential((0, 3), np.ones((2, 2))), r"each variable of Potential\(.* must lie in \[0, 1\], not 3"),
        (Potential((0, 1), np.ones((2, 3))), r"variables \(0, 1\) have \(2, 2\) states, which Potential.*\(2, 3\)\) contradicts"),
    ],
)
def test_terms_that_do_not_fit(term, message):
    with pytest.raises(ValueError, match=message):
        ep(Forest([2, 2]), [term])


def test_a_scope_that_is_too_large():
    with pytest.raises(ValueError, match="needs a table of 16777216 entries, and 4194304 is the most"):
        Forest([8] * 8).joint_of(range(8))


def test_terms_of_another_run():
    first, second = Potential(0, [1.0, 2.0]), Potential((0, 1), np.ones((2, 2)))
    run = ep(Forest([2, 2]), [first, second], passes=1)
    with pytest.raises(ValueError, match=r"Potential\(\(0, 1\).* cannot take the place of a term on variables \(0,\)"):
        ep(run.posterior, [second, first])
    narrow = Potential((0, 1), [[1.0], [2.0]])  # would broadcast
    with pytest.raises(ValueError, match=r"cannot take the place of a term on variables \(0, 1\) with \(2, 2\) states"):
        ep(run.posterior, [first, narrow])
    with pytest.raises(ValueError, match="1 terms were given for 2 sites"):
        ep(run.posterior, [first])


def test_restricted_is_refused():
    with pytest.raises(ValueError, match="restricted=True is defined for Gaussians"):
        ep(Forest([2]), [Potential(0, [1.0, 2.0])], restricted=True)


def test_terms_that_contradict_each_other():
    contradiction = [Potential(0, [1.0, 0.0]), Potential(0, [0.0, 1.0])]
    with pytest.raises(NoMassError, match="forbids every state that the other terms allow"):
        ep(Forest([2]), contradiction)
    with pytest.raises(NoMassError, match="the terms contradict each other"):
        ep(Forest([2]), contradiction, schedule=parallel)


def test_what_things_are_called():
    q = Forest([2, 2], [(1, 0)])
    q.prepare([Potential((1, 0), np.ones((2, 2)))])
    assert repr(q.sites[0]) == "JunctionTables on cliques [(0, 1)]"
