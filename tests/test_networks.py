"""Networks as models: exact answers against brute force and a peer, observing, grouping, sampling, bad input."""

import itertools
import json
import math
import time
from pathlib import Path

import numpy as np
import pyagrum
import pytest

from epbook import BeliefNetwork, MarkovNetwork, NoMassError, Potential, ep, refine
from epbook.models.dynamic_network import slice_groups, unrolled
from epbook.models.networks import asia


def random_network(seed, largest=6, zeros=0.2):
    """A network on up to `largest` variables of 1 to 4 states, tables on 1 to 3 of them, some entries 0."""
    rng = np.random.default_rng(seed)
    card = rng.integers(1, 5, rng.integers(2, largest + 1))
    potentials = []
    for _ in range(rng.integers(1, 9)):
        scope = rng.permutation(len(card))[: rng.integers(1, min(len(card), 3) + 1)].tolist()
        table = rng.random(card[scope]) * (rng.random(card[scope]) > zeros)
        table.flat[0] = 0.5  # the state 0 of all variables is possible
        potentials.append((scope, table))
    return MarkovNetwork(card.tolist(), potentials)


def full_table(network):
    """The product of all potentials over all joint states."""
    n = len(network.cardinalities)
    table = np.ones(network.cardinalities)
    for term in network.terms:
        axes = [term.variables.index(v) if v in term.variables else None for v in range(n)]
        kept = [v for v in range(n) if axes[v] is not None]
        shape = [network.cardinalities[v] if v in kept else 1 for v in range(n)]
        table = table * term.table.transpose([axes[v] for v in kept]).reshape(shape)
    return table


def onto(table, variables):
    """The marginal of a joint table on some variables, in their order."""
    kept = table.sum(axis=tuple(v for v in range(table.ndim) if v not in variables))
    return kept.transpose(np.argsort(np.argsort(variables)))


@pytest.mark.parametrize("seed", range(40))
def test_exact_is_brute_force(seed):
    network = random_network(seed)
    exact, table = network.exact(), full_table(network)
    assert exact.log_evidence == pytest.approx(math.log(table.sum()), abs=1e-12)
    joint = table / table.sum()
    for v in range(joint.ndim):
        np.testing.assert_allclose(exact.marginal_of(v), onto(joint, [v]), atol=1e-13)
    for pair in itertools.permutations(range(joint.ndim), 2):
        np.testing.assert_allclose(exact.joint_of(pair), onto(joint, pair), atol=1e-13)
    np.testing.assert_allclose(exact.mean, np.concatenate([onto(joint, [v]) for v in range(joint.ndim)]), atol=1e-13)
    np.testing.assert_allclose(exact.variance, exact.mean * (1 - exact.mean))


def test_exact_of_a_long_chain_has_its_closed_form():
    n, coupling = 10_000, 0.5
    chain = MarkovNetwork.ising([(k, k + 1) for k in range(n - 1)], coupling, np.zeros(n))
    exact = chain.exact()
    assert exact.log_evidence == pytest.approx(n * math.log(2) + (n - 1) * math.log(math.cosh(coupling)), rel=1e-13)
    np.testing.assert_allclose(exact.joint_of((0, 1)), (1 + math.tanh(coupling) * np.array([[1, -1], [-1, 1]])) / 4, atol=1e-13)


def test_exact_refuses_what_is_too_large():
    with pytest.raises(ValueError, match=r"needs a table of at least 512 entries, more than largest = 300"):
        MarkovNetwork.grid(12, 12, rng=0).exact(largest=300)
    star = MarkovNetwork.ising([(0, k) for k in range(1, 400)], 0.1, np.zeros(400))
    assert star.exact(largest=4).marginal_of(0) == pytest.approx([0.5, 0.5])
    with pytest.raises(ValueError, match="more than largest = 4"):
        star.exact(largest=4).joint_of((1, 2, 3))


def test_a_large_star_is_quick():
    """Prices of leaves do not change when another leaf goes; a search from an end without other terms leads nowhere."""
    star = MarkovNetwork.ising([(0, k) for k in range(1, 4000)], 0.1, np.zeros(4000))
    start = time.process_time()
    assert star.groups() == [[i] for i in range(len(star.terms))]
    assert star.exact().log_evidence == pytest.approx(4000 * math.log(2) + 3999 * math.log(math.cosh(0.1)), rel=1e-12)
    assert time.process_time() - start < 8  # 44 s with a search and a price for every pair of leaves


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_groups_beyond_floating_point(size):
    small = Potential((0, 1), [[3 * size, size], [size, 2 * size]])
    network = MarkovNetwork([2, 2, 2], [Potential.group([small, small]), ((1, 2), [[2, 1], [1, 2]]), ((0, 2), [[3, 2], [2, 3]])])
    plain = Potential((0, 1), [[9, 1], [1, 4]])
    reference = MarkovNetwork([2, 2, 2], [plain, *network.terms[1:]])
    assert network.tree() == reference.tree() == [(0, 1), (1, 2)]
    for evidence in ({}, {0: 1}, {0: 1, 1: 0}):
        ours, theirs = network.exact(evidence), reference.exact(evidence)
        np.testing.assert_allclose(ours.mean, theirs.mean, atol=1e-12)
        assert ours.log_evidence - theirs.log_evidence == pytest.approx(2 * math.log(size), abs=1e-9)
    known = network.observe({0: 1, 1: 0})
    assert ep(known.posterior(), known.terms).log_evidence == pytest.approx(known.exact().log_evidence)


def test_exact_says_what_it_cannot():
    exact = random_network(0).exact()
    with pytest.raises(NotImplementedError, match="joint_of"):
        print(exact.covariance)
    with pytest.raises(ValueError, match="distinct"):
        exact.joint_of((0, 0))
    with pytest.raises(ValueError, match="at least one"):
        exact.joint_of(())
    np.testing.assert_allclose(exact.joint_of(0), exact.marginal_of(0))
    with pytest.raises(ValueError, match="variable must lie in"):
        exact.marginal_of(99)
    with pytest.raises(NoMassError, match="no joint state"):
        MarkovNetwork([2], [((0,), [1, 0]), ((0,), [0, 1])]).exact()


def test_exact_measures_errors():
    network = MarkovNetwork.grid(3, 3, coupling=0.5, rng=1)
    exact, result = network.exact(), ep(network.posterior(), network.terms)
    evidence, marginal = exact.errors(result)
    assert evidence == pytest.approx(abs(math.exp(result.log_evidence - exact.log_evidence) - 1))
    largest = max(np.abs(result.posterior.marginal_of(v) - exact.marginal_of(v)).max() for v in range(9))
    assert marginal == pytest.approx(largest) and marginal > 1e-3


@pytest.mark.parametrize("seed", range(20))
def test_observing_is_slicing(seed):
    network = random_network(seed)
    n, seen = len(network.cardinalities), {1: 0}
    if n > 3:
        seen[n - 1] = 0
    known, table = network.observe(seen), full_table(network)
    for v in seen:
        table = np.where(np.arange(table.shape[v]).reshape([-1 if u == v else 1 for u in range(n)]) == 0, table, 0)
    np.testing.assert_allclose(full_table(known), table, atol=1e-14)
    assert known.cardinalities == network.cardinalities
    assert known.exact().marginal_of(1).tolist() == [1] + [0] * (network.cardinalities[1] - 1)
    assert network.exact(seen).log_evidence == pytest.approx(math.log(table.sum()), abs=1e-12)
    assert not [term for term in known.terms if len(term.variables) > 1 and set(term.variables) & set(seen)]


def test_observing_cuts_loops():
    ring = MarkovNetwork.ising([(0, 1), (1, 2), (2, 3), (0, 3)], 0.8, [0.3, -0.2, 0.1, 0.5])
    open_, exact = ring.observe({0: 1}), ring.exact({0: 1})
    assert (
        max(exact.errors(ep(open_.posterior(), open_.terms))) < 1e-12 < max(ring.exact().errors(ep(ring.posterior(), ring.terms)))
    )


def test_observing_many_features_does_not_underflow():
    n = 400
    cpts = {0: ((), [0.5, 0.5])} | {k: ((0,), [[0.9, 0.1], [0.8, 0.2]]) for k in range(1, n + 1)}
    evidence = BeliefNetwork(cpts).exact({0: 1} | {k: 1 for k in range(1, n + 1)}).log_evidence
    assert evidence == pytest.approx(math.log(0.5) + n * math.log(0.2), rel=1e-13)
    tiny = MarkovNetwork([2], [((0,), [1e-200, 1])] * 2)
    assert tiny.observe({0: 0}).exact().log_evidence == pytest.approx(-400 * math.log(10))


def test_observing_keeps_the_numbers_of_terms():
    network = asia().observe({0: 0, 1: 1})
    assert len(network.terms) == 10 and [term.variables for term in network.terms[8:]] == [(0,), (1,)]
    again = network.observe({2: 0})
    assert len(again.terms) == 11 and [term.variables for term in again.terms[8:]] == [(0,), (1,), (2,)]


def test_observing_says_what_is_wrong():
    network = MarkovNetwork([2, 2], [((0, 1), [[1, 0], [0, 1]])], names=["a", "b"], states=[("no", "yes"), None])
    assert network.observe({"a": "yes"}).exact().marginal_of(network.variable("b")).tolist() == [0, 1]
    assert network.observe({0: 1, "b": 1}).exact().log_evidence == 0
    with pytest.raises(NoMassError, match=r"variables \(0, 1\) forbids the observed states"):
        network.observe({"a": "yes", "b": 0})
    with pytest.raises(ValueError, match="no variable called 'c'; there are a, b"):
        network.observe({"c": 0})
    with pytest.raises(ValueError, match="no state of variable 'a' called 'maybe'; there are no, yes"):
        network.observe({"a": "maybe"})
    with pytest.raises(ValueError, match="no state of variable 'b' called 'yes'; there are 0..1"):
        network.observe({"b": "yes"})
    with pytest.raises(ValueError, match=r"state of variable 1 must lie in \[0, 1\], not 2"):
        network.observe({1: 2})
    with pytest.raises(ValueError, match="state of variable 'a' must be a number or a name, not True"):
        network.observe({"a": True})
    with pytest.raises(ValueError, match="observed twice"):
        network.observe({"a": 0, 0: 0})
    with pytest.raises(ValueError, match="must be a dictionary"):
        network.observe([("a", 0)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([2, 2], [((0, 2), np.ones((2, 2)))]), r"on variables \(0, 2\), but the network has variables 0..1"),
        (([2, 2], [((0, 1), np.ones((2, 3)))]), r"needs a table of shape \(2, 2\), not \(2, 3\)"),
        (([2, 0], []), r"a cardinality must lie in \[1, inf\)"),
        ((2, []), "one number of states a variable"),
        (([2], [3]), r"must be a Potential or a pair \(variables, table\), not 3"),
        (([2], [], ["a", "b"]), "names must be 1 distinct strings"),
        (([2, 2], [], ["a", "a"]), "names must be 2 distinct strings"),
        (([2, 2], [], None, [("no", "yes")]), "states of 1 variables were given for 2"),
        (([2], [], None, [("no",)]), "states of variable 0 must be 2 distinct strings"),
    ],
)
def test_markov_network_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        MarkovNetwork(*arguments)


def test_ising_is_its_formula():
    edges, J, h = [(0, 1), (2, 1)], [0.7, -0.4], [0.1, 0.2, -0.3]
    table = full_table(MarkovNetwork.ising(edges, J, h))
    for states in itertools.product((0, 1), repeat=3):
        s = 2 * np.array(states) - 1
        energy = sum(j * s[a] * s[b] for (a, b), j in zip(edges, J)) + np.dot(h, s)
        assert table[states] == pytest.approx(math.exp(energy))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([(0.5, 1.7)], 1, [0, 0]), "must be a whole number"),
        (([(0, 1, 1)], 1, [0, 0]), r"shape \(m, 2\)"),
        (([(0, 1)], [1, 2], [0, 0]), "2 couplings were given for 1 edges"),
        (([(0, 1)], 800, [0, 0]), r"couplings must lie in \[-700, 700\], not 800"),
        (([(0, 1)], 1, [0, -800]), r"fields must lie in \[-700, 700\], not -800"),
        (([(0, 2)], 1, [0, 0]), "the network has variables 0..1"),
    ],
)
def test_ising_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        MarkovNetwork.ising(*arguments)


def test_ising_without_edges():
    assert MarkovNetwork.ising([], 1.0, [0.0, 0.0]).exact().log_evidence == pytest.approx(2 * math.log(2))
    assert len(MarkovNetwork.grid(1, 1, rng=0).terms) == 1


def test_samplers_draw_what_they_say():
    grid = MarkovNetwork.grid(2, 3, coupling=0, rng=0)
    pairs = [term.variables for term in grid.terms if len(term.variables) == 2]
    assert sorted(pairs) == [(0, 1), (0, 3), (1, 2), (1, 4), (2, 5), (3, 4), (4, 5)]
    assert all((term.table == 1).all() for term in grid.terms if len(term.variables) == 2)
    for seed in range(5):
        network = MarkovNetwork.random(7, 10, field=0, rng=seed)
        pairs = {term.variables for term in network.terms if len(term.variables) == 2}
        assert len(pairs) == 10 and len(network.tree()) == 6  # connected
    same = (MarkovNetwork.random(7, 10, rng=3).terms[-1].table == MarkovNetwork.random(7, 10, rng=3).terms[-1].table).all()
    assert same
    with pytest.raises(ValueError, match=r"edges must lie in \[6, 21\], not 5"):
        MarkovNetwork.random(7, 5)


def test_tree_is_the_strongest_of_all():
    network = MarkovNetwork.random(5, 8, rng=4)
    strength = {t.variables: abs(math.log(t.table[0, 0])) for t in network.terms if len(t.variables) == 2}  # |J|, monotone

    def spans(edges):
        reached = {0}
        for _ in edges:
            reached |= {v for edge in edges if reached & set(edge) for v in edge}
        return len(reached) == 5

    best = max(
        (edges for edges in itertools.combinations(strength, 4) if spans(edges)), key=lambda e: sum(strength[x] for x in e)
    )
    assert set(network.tree()) == set(best)


def test_tree_looks_into_larger_tables():
    copied = np.zeros((2, 2, 2))
    copied[0, :, 0] = copied[1, :, 1] = 1  # variables 2 and 0 agree; variable 1 stands apart
    network = MarkovNetwork([2, 2, 2, 2], [((2, 1, 0), copied), ((0, 1), [[3, 2], [2, 3]]), ((1, 2), [[3, 2], [2, 3]])])
    assert network.tree()[1 - (network.tree()[0] == (0, 2))] == (0, 2) and len(network.tree()) == 2
    assert MarkovNetwork([2, 2], [((0,), [1, 2])]).tree() == []
    contradiction = MarkovNetwork([2, 2], [((0, 1), [[1, 0], [0, 0]]), ((1, 0), [[0, 0], [0, 1]])])
    assert contradiction.tree() == [(0, 1)]


def test_tree_ep_takes_the_tree():
    network = MarkovNetwork.grid(3, 3, coupling=0.6, rng=2)
    result = ep(network.posterior(network.tree()), network.terms)
    assert result.converged and network.exact().errors(result)[1] < 0.05


def test_groups_are_the_faces_of_a_grid():
    network = MarkovNetwork.grid(3, 3, rng=0)
    groups = network.groups()
    assert sorted(i for group in groups for i in group) == list(range(21))
    cycles = [sorted({v for i in group for v in network.terms[i].variables}) for group in groups if len(group) > 1]
    assert [0, 1, 3, 4] in cycles and all(len(cycle) == 4 for cycle in cycles)
    assert all(len(group) == 1 for group in network.groups(3))
    together = MarkovNetwork(network.cardinalities, network.grouped())
    assert len(together.terms) == len(groups)
    np.testing.assert_allclose(full_table(together), full_table(network))


def test_groups_see_double_edges_and_larger_tables():
    double = MarkovNetwork([2, 2], [((0, 1), [[2, 1], [1, 2]]), ((0,), [1, 2]), ((1, 0), [[1, 3], [3, 1]])])
    assert double.groups() == [[0, 2], [1]]
    triple = MarkovNetwork([2] * 4, [((0, 1, 2), np.ones((2, 2, 2))), ((2, 3), np.ones((2, 2))), ((3, 1), np.ones((2, 2)))])
    assert triple.groups() == [[0, 1, 2]] and triple.groups(3) == [[0], [1], [2]]
    with pytest.raises(ValueError, match="each of the 3 terms once"):
        triple.grouped([[0, 1]])
    with pytest.raises(ValueError, match="none be empty"):
        triple.grouped([[0, 1, 2], []])
    pairs = [(0, 3), (3, 1), (1, 2)]
    choice = MarkovNetwork([2] * 4, [((0, 1, 2), np.ones((2, 2, 2))), *((pair, np.ones((2, 2))) for pair in pairs)])
    assert choice.groups() == [[0, 3], [1], [2]]  # the shorter of two cycles


def test_belief_network_is_the_product_of_its_tables():
    rng = np.random.default_rng(5)
    tables = [rng.dirichlet(np.ones(k), size=shape) for k, shape in ((2, ()), (3, ()), (2, (3, 2)), (4, (2,)))]
    network = BeliefNetwork({2: ((1, 0), tables[2]), 3: ((2,), tables[3]), 0: ((), tables[0]), 1: ((), tables[1])})
    joint = np.einsum("a,b,bac,cd->abcd", *tables)
    np.testing.assert_allclose(full_table(network.markov()), joint)
    assert network.exact().log_evidence == pytest.approx(0, abs=1e-13)
    assert network.exact({3: 2}).log_evidence == pytest.approx(math.log(joint[..., 2].sum()))
    assert network.parents == [(), (), (1, 0), (2,)]
    drawn = network.sample(20_000, rng=0)
    counts = np.histogramdd(drawn, bins=[np.arange(k + 1) - 0.5 for k in joint.shape])[0]
    assert drawn.shape == (20_000, 4)
    assert ((counts - 20_000 * joint) ** 2 / (20_000 * joint)).sum() < 47 + 5 * math.sqrt(2 * 47)  # chi-squared, 47 degrees


@pytest.mark.parametrize(
    ("cpts", "message"),
    [
        ({}, "must be a dictionary"),
        ({"a": [0.5, 0.5, 0.0]}, r"entry of 'a' must be \(parents, table\)"),
        ({"a": ("b", [0.5, 0.5])}, "with a tuple of parents"),
        ({1: ((), [0.5, 0.5])}, "numbers 0..0"),
        ({"a": ((), [0.5, 0.5]), 1: ((), [0.5, 0.5])}, "strings or the numbers"),
        ({"a": ((), [0.5, 0.6])}, "sum to 1 .* its sums go from 1.1 to 1.1"),
        ({"a": ((), [1.5, -0.5])}, "smallest entry is -0.5"),
        ({"a": (("b",), [[0.5, 0.5]])}, "no variable called 'b'"),
        (
            {"a": ((), [0.5, 0.5]), "b": (("a",), [0.5, 0.5])},
            r"'b' must have shape \(2, 2\) \(parents, then the child\), not \(2,\)",
        ),
        ({"a": (("b",), np.full((2, 2), 0.5)), "b": (("a",), np.full((2, 2), 0.5))}, "circle: '[ab]' <- '[ab]' <- '[ab]'"),
        ({"a": (("a",), np.full((2, 2), 0.5))}, "circle: 'a' <- 'a'"),
    ],
)
def test_belief_network_refuses(cpts, message):
    with pytest.raises(ValueError, match=message):
        BeliefNetwork(cpts)


def test_belief_network_takes_six_digits():
    assert BeliefNetwork({"a": ((), [0.333333] * 3)}).cardinalities == (3,)
    with pytest.raises(ValueError, match="sum to 1"):
        BeliefNetwork({"a": ((), [0.3333] * 3)})


def test_belief_network_proposes_trees_and_groups():
    network = asia()
    markov = network.markov()
    assert isinstance(network, MarkovNetwork) and network.tree() == markov.tree() and network.groups(6) == markov.groups(6)
    assert len(network.tree()) == 7 and len(network.grouped(network.groups(6))) < 8


def test_belief_network_refuses_states_of_strangers():
    with pytest.raises(ValueError, match=r"states are given for \['b'\]"):
        BeliefNetwork({"a": ((), [0.5, 0.5])}, states={"b": ("no", "yes")})


def peer_of(network):
    """The same belief network in pyagrum."""
    peer = pyagrum.BayesNet()
    for name, labels in zip(network.names, network.states):
        peer.add(pyagrum.LabelizedVariable(name, name, list(labels)))
    for child, parents in enumerate(network.parents):
        for parent in parents:
            peer.addArc(network.names[parent], network.names[child])
        for states in itertools.product(*(range(network.cardinalities[v]) for v in parents)):
            given = {network.names[v]: state for v, state in zip(parents, states)}
            peer.cpt(network.names[child])[given] = network.terms[child].table[states].tolist()
    return peer


EVIDENCE = [{}, {"asia": "yes", "dysp": "yes"}, {"xray": "yes", "smoke": "no"}, {"either": "no", "dysp": "yes", "asia": "no"}]


@pytest.mark.parametrize("evidence", EVIDENCE)
def test_asia_agrees_with_a_peer(evidence):
    network = asia()
    inference = pyagrum.LazyPropagation(peer_of(network))
    inference.setEvidence(evidence)
    exact = network.exact(evidence)
    assert math.exp(exact.log_evidence) == pytest.approx(inference.evidenceProbability(), rel=1e-12)
    for v, name in enumerate(network.names):
        np.testing.assert_allclose(exact.marginal_of(v), inference.posterior(name).toarray(), atol=1e-12)


@pytest.mark.parametrize("evidence", EVIDENCE)
def test_belief_propagation_on_asia_agrees_with_a_peer(evidence):
    inference = pyagrum.LoopyBeliefPropagation(peer_of(asia()))
    inference.setEvidence(evidence)
    inference.setEpsilon(1e-13)
    inference.setMinEpsilonRate(1e-13)
    network = asia().observe(evidence)
    result = ep(network.posterior(), network.terms, tol=1e-10)
    for v, name in enumerate(network.names):
        np.testing.assert_allclose(result.posterior.marginal_of(v), inference.posterior(name).toarray(), rtol=0, atol=1e-7)


def test_one_pass_over_time_slices_is_boyen_koller():
    cases = json.loads(Path(__file__).with_name("reference_cases.json").read_text())["cases"]
    (case,) = [case for case in cases if case["topic"] == "ch4.boyen_koller"]
    given, want = case["inputs"], case["outputs"]
    seen = (("a", "b"), given["obs"])
    start = {"a": ((), given["prior_a"]), "b": ((), given["prior_b"]), "y": seen}
    before = (("a", -1), ("b", -1))
    step = {"a": (before, given["trans_a"]), "b": (before, given["trans_b"]), "y": seen}
    network = unrolled(start, step, given["T"]).observe({f"y.{t}": y for t, y in enumerate(given["y"])})
    terms = network.grouped(slice_groups(network, given["T"]))
    q, filtered = network.posterior(), []
    q.prepare(terms)
    for t in range(given["T"]):
        q.update([t], [refine(q, terms, t).site])
        filtered.append([q.marginal_of(network.variable(f"{name}.{t}")).tolist() for name in "ab"])
    np.testing.assert_allclose(filtered, want["bk_filtered"], atol=1e-9)
    assert ep(network.posterior(), terms, passes=1).log_evidence == pytest.approx(want["bk_logZ"], abs=1e-9)
    exact = network.exact()
    smoothed = [exact.marginal_of(network.variable(f"{name}.{t}")) for t in range(given["T"]) for name in "ab"]
    np.testing.assert_allclose(smoothed, want["exact_smoothed"], atol=1e-9)
    assert exact.log_evidence == pytest.approx(want["exact_logZ"], abs=1e-9)


def test_a_late_reading_stays_in_its_slice():
    start = {"a": ((), [0.5, 0.5]), "y": ((), [0.5, 0.5])}
    step = {"a": ((("a", -1),), [[0.9, 0.1], [0.2, 0.8]]), "y": ((("a", -1),), [[0.7, 0.3], [0.4, 0.6]])}
    network = unrolled(start, step, 3)
    assert slice_groups(network, 3) == [[0, 1], [2, 3], [4, 5]]
    seen = network.observe({f"y.{t}": 1 for t in range(3)})
    assert slice_groups(seen, 3) == [[0, 1, 6], [2, 3, 7], [4, 5, 8]]


def test_slices_must_fit():
    start = {"a": ((), [0.5, 0.5])}
    with pytest.raises(ValueError, match="same variables in the same order"):
        unrolled(start, {"b": ((), [0.5, 0.5])}, 3)
    with pytest.raises(ValueError, match="3 variables do not make 2 equal slices"):
        slice_groups(unrolled(start, {"a": ((("a", -1),), np.full((2, 2), 0.5))}, 3), 2)


def test_terms_may_be_potentials():
    term = Potential((0,), [1.0, 3.0])
    network = MarkovNetwork([2], [term])
    assert network.terms == [term] and network.exact().marginal_of(0) == pytest.approx([0.25, 0.75])
