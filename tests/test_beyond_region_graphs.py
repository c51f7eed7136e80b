"""Region graphs: counting numbers, exact where they are trees, EP's fixed points, the free energy, errors."""

import math

import numpy as np
import pytest
from brute_force import marginal, over
from test_forest import grid, joint_table, potentials, random_forest, random_terms

from epbook import ConvergenceWarning, Forest, MarkovNetwork, NoMassError, ep, loopy_belief_propagation
from epbook.beyond.generalised_belief_propagation import RegionBeliefs, generalised_belief_propagation
from epbook.beyond.region_graphs import RegionGraph

TIGHT = {"tol": 1e-9, "passes": 3000}


def check_exact(states, terms, result):
    joint = joint_table(states, terms)
    assert result.converged and result.log_evidence == pytest.approx(math.log(joint.sum()), abs=1e-7)
    for v in range(len(states)):
        np.testing.assert_allclose(result.posterior.marginal_of(v), marginal(joint, [v]).ravel() / joint.sum(), atol=1e-7)


def reparametrisation(states, terms, graph, beliefs):
    """log of the product of the terms over that of the beliefs, each to the power of its count, at every joint state."""
    table = sum(np.log(over(states, *term)) for term in terms)
    for region, count in [*[(region, 1) for region in graph.outer], *zip(graph.inner, graph.counts)]:
        table = table - count * np.log(over(states, region, beliefs.joint_of(region)))
    return table


def test_counts_of_a_grid():
    graph = RegionGraph.faces(4, 5)
    assert len(graph.outer) == 12 and {len(region) for region in graph.outer} == {4}
    kinds = {(len(region), count) for region, count in zip(graph.inner, graph.counts)}
    assert kinds == {(2, -1), (1, 1)}  # edges within, corners within
    assert sum(len(region) == 2 for region in graph.inner) == 3 * 3 + 2 * 4


@pytest.mark.parametrize("zeros", [0.0, 0.3])
@pytest.mark.parametrize("seed", range(10))
def test_a_junction_tree_is_exact(seed, zeros):
    rng = np.random.default_rng(seed)
    states = tuple(int(k) for k in rng.integers(2, 4, size=6))
    cliques = random_forest(rng)
    terms = [
        (tuple(clique[v] for v in local), table)
        for c, clique in enumerate(cliques)
        for local, table in random_terms(np.random.default_rng([seed, c]), [states[v] for v in clique], count=1, zeros=zeros)
    ]
    graph = RegionGraph(cliques, {tuple(sorted(set(a) & set(b))) for a in cliques for b in cliques if a != b} - {()})
    check_exact(states, terms, generalised_belief_propagation(MarkovNetwork(states, potentials(terms)), graph, **TIGHT))


@pytest.mark.parametrize("seed", range(5))
def test_a_row_of_faces_is_exact(seed):
    states, terms, _ = grid(np.random.default_rng(seed), rows=2, columns=4)
    network = MarkovNetwork(states, potentials(terms))
    check_exact(states, terms, generalised_belief_propagation(network, RegionGraph.faces(2, 4), **TIGHT))


@pytest.mark.parametrize("seed", range(12))
def test_ep_is_stationary_where_its_region_graph_is(seed):
    """Whatever the forest, whatever the terms: the same evidence and marginals, from algorithms with nothing in common."""
    rng = np.random.default_rng(seed)
    states = tuple(int(k) for k in rng.integers(2, 4, size=6))
    cliques = [None, random_forest(rng), random_forest(rng)][seed % 3]
    terms = [(variables, table**0.4) for variables, table in random_terms(rng, states, count=8, zeros=0.0)]
    network = MarkovNetwork(states, potentials(terms))
    q = network.posterior(cliques)
    want = ep(q, network.terms, tol=1e-10, passes=500)
    got = generalised_belief_propagation(network, RegionGraph.of_ep(q, network.terms), sweeps=4, **TIGHT)
    assert want.converged and got.converged
    assert got.log_evidence == pytest.approx(want.log_evidence, abs=1e-7)
    np.testing.assert_allclose(got.mean, want.mean, atol=1e-5)
    assert abs(want.log_evidence - network.exact().log_evidence) > 1e-5 or cliques  # it is no case that all get right


def test_the_graph_of_chapter_four():
    """Loopy belief propagation, the chain, and clusters with grouped terms, on the six-node graph (4.21)."""
    edges = [(0, 1), (1, 2), (2, 3), (0, 3), (3, 4), (4, 5), (2, 5)]
    rng = np.random.default_rng(0)
    network = MarkovNetwork([2] * 6, [(edge, rng.gamma(1.0, size=(2, 2))) for edge in edges])
    chain, clusters = [(k, k + 1) for k in range(5)], [(0, 1), (2, 3), (4, 5)]
    for cliques, terms in [
        (None, network.terms),
        (chain, network.terms),
        (clusters, network.grouped([[0, 1, 2, 3], [4, 5, 6]])),
    ]:
        grouped = MarkovNetwork([2] * 6, terms)
        q = grouped.posterior(cliques)
        want = ep(q, terms, tol=1e-10)
        got = generalised_belief_propagation(grouped, RegionGraph.of_ep(q, terms), sweeps=4, **TIGHT)
        assert got.log_evidence == pytest.approx(want.log_evidence, abs=1e-7)
        np.testing.assert_allclose(got.mean, want.mean, atol=1e-6)


@pytest.mark.parametrize("kind", ["faces", "tree"])
@pytest.mark.parametrize("seed", range(2))
def test_beliefs_reparametrise_the_terms(seed, kind):
    """Stationarity, by its definition: log(terms / beliefs ** counts) is -F at every joint state, whatever the messages were."""
    states, terms, comb = grid(np.random.default_rng(seed))
    network = MarkovNetwork(states, potentials(terms))
    graph = RegionGraph.faces(3, 3) if kind == "faces" else RegionGraph.of_ep(network.posterior(comb), network.terms)
    result = generalised_belief_propagation(network, graph, sweeps=4, tol=1e-11, passes=3000)
    table = reparametrisation(states, terms, graph, result.posterior)
    np.testing.assert_allclose(table, np.full(states, result.log_evidence), atol=1e-6)


@pytest.mark.parametrize("seed", [1, 2, 4, 5, 6, 8, 9])
def test_the_free_energy_never_rises_and_settles_where_belief_propagation_does_not(seed):
    """With every bound brought to its least; four spins, all coupled so strongly that plain messages go round in circles."""
    network = MarkovNetwork.random(4, 6, coupling=2.0, field=0.3, rng=seed)
    with pytest.warns(ConvergenceWarning):
        assert not loopy_belief_propagation(network, passes=300).converged
    graph = RegionGraph.of_ep(network.posterior(), network.terms)
    result = generalised_belief_propagation(network, graph, sweeps=200, tol=1e-4)
    trail = [snapshot.log_evidence for snapshot in result.history]
    assert result.converged and np.diff(trail).min() > -1e-6


def test_faces_beat_single_messages_on_most_grids():
    errors = []
    for seed in range(25):
        network = MarkovNetwork.grid(3, 3, coupling=0.7, field=0.5, rng=seed)
        exact = network.exact()
        faces = generalised_belief_propagation(network, RegionGraph.faces(3, 3), tol=1e-5)
        pairs = loopy_belief_propagation(network, damping=0.5, tol=1e-5)
        assert faces.converged
        errors.append((*exact.errors(faces), *exact.errors(pairs)))
    evidence, state, pair_evidence, pair_state = np.median(errors, axis=0)
    assert evidence < pair_evidence / 20 and state < pair_state / 20


def test_a_term_stays_in_its_own_region():
    """Two terms on one pair, in EP: each is tilted alone, so that neither sees the other but through q."""
    rng = np.random.default_rng(3)
    pair = [((0, 3), rng.gamma(1.0, size=(2, 2))) for _ in range(2)]
    chain = [((k, k + 1), rng.gamma(1.0, size=(2, 2))) for k in range(3)]
    network = MarkovNetwork([2] * 4, [*pair, *chain])
    q = network.posterior([edge for edge, _ in chain])
    want = ep(q, network.terms, tol=1e-10)
    got = generalised_belief_propagation(network, RegionGraph.of_ep(q, network.terms), sweeps=4, **TIGHT)
    assert got.log_evidence == pytest.approx(want.log_evidence, abs=1e-8)
    assert abs(want.log_evidence - network.exact().log_evidence) > 1e-4


def test_a_variable_without_terms():
    network = MarkovNetwork([2, 3], [((0,), [1.0, 3.0])])
    graph = RegionGraph.of_ep(network.posterior(), network.terms)
    result = generalised_belief_propagation(network, graph)
    assert result.log_evidence == pytest.approx(math.log(12))
    np.testing.assert_allclose(result.mean, [1 / 4, 3 / 4, 1 / 3, 1 / 3, 1 / 3])


@pytest.mark.parametrize("seed", range(5))
def test_what_one_term_forbids_stays_forbidden(seed):
    rng = np.random.default_rng(seed)
    states, terms, _ = grid(rng)
    for _, table in terms:
        table[1, int(rng.integers(2))] *= rng.integers(2)  # all zeros stay possible
    network = MarkovNetwork(states, potentials(terms))
    exact, result = network.exact(), generalised_belief_propagation(network, RegionGraph.faces(3, 3))
    assert result.converged and max(exact.errors(result)) < 0.05
    for variables, table in terms:
        assert (result.posterior.joint_of(variables)[table == 0] == 0).all()


def test_axes_of_joints():
    states, terms, _ = grid(np.random.default_rng(0))
    beliefs = generalised_belief_propagation(MarkovNetwork(states, potentials(terms)), RegionGraph.faces(3, 3)).posterior
    np.testing.assert_array_equal(beliefs.joint_of((3, 0)), beliefs.joint_of((0, 3)).T)
    with pytest.raises(ValueError, match=r"no region holds the variables \(0, 8\) together"):
        beliefs.joint_of((0, 8))


@pytest.mark.parametrize(
    ("regions", "message"),
    [
        (([(0, 1), (1, 2)], []), "the regions count variable 1 2 times, not once"),
        (([],), "at least one outer region"),
        (([(0, 1)], [(2,)]), r"inner region \(2,\) lies in no outer region"),
        (([(0, 0)],), "the variables of a region must be distinct"),
    ],
)
def test_bad_graphs(regions, message):
    with pytest.raises(ValueError, match=message):
        RegionGraph(*regions)


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (RegionGraph([(0, 1), (1, 2)]), r"the regions hold variables \[0, 1, 2\], and the network has 0..3"),
        (RegionGraph([(0, 1), (2, 3)]), r"no outer region holds term 1, on variables \(1, 2\)"),
        (RegionGraph([(0, 1), (1, 2), (2, 3)], homes=[0]), "homes for 1 terms, and the network has 3"),
        (RegionGraph([(0, 1), (1, 2), (2, 3)], homes=[0, 0, 2]), r"no outer region holds term 1"),
    ],
)
def test_graphs_that_do_not_fit(graph, message):
    network = MarkovNetwork([2] * 4, [((k, k + 1), np.ones((2, 2))) for k in range(3)])
    with pytest.raises(ValueError, match=message):
        RegionBeliefs(network, graph)


def test_contradictions_and_few_passes_are_told():
    graph = RegionGraph([(0, 1), (1, 2)])
    impossible = MarkovNetwork([2] * 3, [((0, 1), [[1.0, 0.0], [1.0, 0.0]]), ((1, 2), [[0.0, 0.0], [1.0, 1.0]])])
    with pytest.raises(NoMassError, match="contradict each other"):
        generalised_belief_propagation(impossible, graph)
    with pytest.warns(ConvergenceWarning, match="bound more tightly by sweeps=4"):
        generalised_belief_propagation(MarkovNetwork.grid(3, 3, rng=0), RegionGraph.faces(3, 3), passes=2, sweeps=1)


def test_of_ep_leaves_the_posterior_alone():
    q = Forest([2, 2])
    RegionGraph.of_ep(q, MarkovNetwork.grid(1, 2, rng=0).terms)
    assert q.sites == []
