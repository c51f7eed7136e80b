"""Loopy belief propagation in arrays: the loop's own numbers, Bethe's definition, a peer, bad input."""

import math
import warnings

import numpy as np
import pyagrum
import pytest
from counting import count
from counting import epbook as metered
from scipy.special import rel_entr, xlogy

from epbook import BeliefNetwork, ConvergenceWarning, MarkovNetwork, NoMassError, Potential, ep, loopy_belief_propagation
from epbook.loopy import MessagesInLogs, MessagesInNumbers, loopy_beliefs


def pairwise_network(seed, alone=True, zeros=False):
    """Six variables of 2 to 4 states, a table on about half of the pairs, one of them on two tables."""
    rng = np.random.default_rng(seed)
    card = rng.integers(2, 5, 6)
    potentials = [((v,), rng.random(card[v]) + 0.1) for v in range(6) if alone]
    for a in range(6):
        for b in range(a):
            if rng.random() < 0.5:
                table = rng.random((card[a], card[b])) + 0.4
                if zeros:
                    table.flat[rng.integers(1, table.size)] = 0
                potentials.append(((a, b), table))
    potentials.append((potentials[-1][0][::-1], potentials[-1][1].T ** 0.5))
    return MarkovNetwork(card.tolist(), potentials)


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_fixed_point_is_that_of_the_loop(seed, zeros):
    network = pairwise_network(seed, zeros=zeros)
    fast = loopy_belief_propagation(network, tol=1e-11, damping=0.3)
    slow = ep(network.posterior(), network.terms, tol=1e-11, passes=1000)
    assert fast.converged and slow.converged
    np.testing.assert_allclose(fast.mean, slow.mean, atol=1e-10)
    assert fast.log_evidence == pytest.approx(slow.log_evidence, abs=1e-10)
    for v in range(6):
        np.testing.assert_allclose(fast.posterior.marginal_of(v), slow.posterior.marginal_of(v), atol=1e-10)


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize(("alone", "damping"), [(True, 0.0), (False, 0.0), (False, 0.4)])
def test_every_pass_is_that_of_the_loop_in_parallel(alone, damping, zeros):
    network = pairwise_network(3, alone, zeros)
    single = sum(len(term.variables) == 1 for term in network.terms)

    def batches(n, rng):
        return [batch for batch in (range(single), range(single, n)) if batch]

    options = {"tol": 1e-9, "damping": damping}
    fast = loopy_belief_propagation(network, **options)
    slow = ep(network.posterior(), network.terms, schedule=batches, passes=1000, **options)
    assert fast.passes > 10 and fast.converged
    for ours, theirs in zip(fast.history, slow.history, strict=True):
        assert ours.log_evidence == pytest.approx(theirs.log_evidence, abs=1e-11)
        np.testing.assert_allclose(ours.mean, theirs.mean, atol=1e-11)
    assert fast.history[5].mismatch == pytest.approx(slow.history[5].mismatch)


@pytest.mark.parametrize("seed", range(5))
def test_evidence_is_minus_the_bethe_free_energy(seed):
    network = pairwise_network(seed, zeros=True)
    network = MarkovNetwork(network.cardinalities, network.terms[:-1])  # one table a pair, so that joint_of finds it
    result = loopy_belief_propagation(network, tol=1e-11)
    value, q = 0.0, result.posterior
    for term in network.terms:
        if len(term.variables) == 1:
            value += q.marginal_of(term.variables[0]) @ np.log(term.table)
            continue
        joint, (a, b) = q.joint_of(term.variables), term.variables
        np.testing.assert_allclose(joint.sum(axis=1), q.marginal_of(a), atol=1e-9)
        np.testing.assert_allclose(q.joint_of((b, a)), joint.T, atol=1e-15)
        value += xlogy(joint, np.where(joint > 0, term.table, 1)).sum()
        value -= rel_entr(joint, np.outer(q.marginal_of(a), q.marginal_of(b))).sum()
    value -= xlogy(result.mean, result.mean).sum()
    assert result.log_evidence == pytest.approx(value, abs=1e-9)


def test_exact_on_a_tree():
    rng = np.random.default_rng(0)
    card = [2, 3, 4, 2, 3]
    tree = [((int(rng.integers(v)), v), None) for v in range(1, 5)]
    network = MarkovNetwork(card, [(pair, rng.random((card[pair[0]], card[pair[1]]))) for pair, _ in tree])
    exact, result = network.exact(), loopy_belief_propagation(network, tol=1e-12)
    assert max(exact.errors(result)) < 1e-12
    for pair, _ in tree:
        np.testing.assert_allclose(result.posterior.joint_of(pair), exact.joint_of(pair), atol=1e-12)


def test_networks_without_pairs_or_with_certain_variables():
    apart = MarkovNetwork([2, 3], [((1,), [1, 2, 5])])
    result = loopy_belief_propagation(apart)
    assert result.passes == 1 and result.converged and max(apart.exact().errors(result)) < 1e-14
    ring = MarkovNetwork.ising([(0, 1), (1, 2), (0, 2)], 0.8, [0.3, -0.2, 0.1]).observe({1: 0})
    assert max(ring.exact().errors(loopy_belief_propagation(ring, tol=1e-12))) < 1e-12


def test_directed_networks_with_one_parent_each():
    cpts = {0: ((), [0.4, 0.6]), 1: ((0,), [[0.2, 0.8], [0.5, 0.5]]), 2: ((1,), [[0.1, 0.2, 0.7], [0.6, 0.3, 0.1]])}
    network = BeliefNetwork(cpts)
    result = loopy_belief_propagation(network, tol=1e-12)
    assert result.log_evidence == pytest.approx(0, abs=1e-12) and network.exact().errors(result)[1] < 1e-12
    np.testing.assert_allclose(ep(network.posterior(), network.terms, tol=1e-12).mean, result.mean, atol=1e-12)


def test_a_grid_of_ten_thousand_spins_converges():
    network = MarkovNetwork.grid(100, 100, coupling=0.5, rng=0)
    result = loopy_belief_propagation(network)
    assert result.converged and result.passes < 100 and result.mean.shape == (20_000,)
    assert result.history[-1].flops == result.passes * result.posterior.flops
    again = loopy_belief_propagation(network, tol=1e-9, damping=0.2)
    np.testing.assert_allclose(result.mean, again.mean, atol=1e-5)


@pytest.mark.parametrize("network", [MarkovNetwork.grid(2, 3, rng=0), MarkovNetwork.grid(8, 8, rng=0), pairwise_network(0)])
def test_price_is_what_it_costs(network):
    again = metered.MarkovNetwork(network.cardinalities, [(term.variables, term.table) for term in network.terms])
    beliefs = metered.loopy.loopy_beliefs(again)
    assert beliefs.flops == pytest.approx(count(lambda: beliefs.send(0.0))[1], rel=0.02)


def test_agrees_with_a_peer_on_a_grid():
    """Pairs as observed children: p(child = 1 | a, b) proportional to the table."""
    network = MarkovNetwork.grid(3, 3, coupling=0.6, rng=5)
    peer, evidence = pyagrum.BayesNet(), {}
    for term in sorted(network.terms, key=lambda term: len(term.variables)):
        if len(term.variables) == 1:
            name = str(term.variables[0])
            peer.add(pyagrum.LabelizedVariable(name, name, 2))
            peer.cpt(name).fillWith((term.table / term.table.sum()).tolist())
            continue
        a, b = map(str, term.variables)
        child = f"{a}-{b}"
        peer.add(pyagrum.LabelizedVariable(child, child, 2))
        peer.addArc(a, child)
        peer.addArc(b, child)
        for i in range(2):
            for j in range(2):
                chance = float(term.table[i, j] / term.table.max())
                peer.cpt(child)[{a: i, b: j}] = [1 - chance, chance]
        evidence[child] = 1
    inference = pyagrum.LoopyBeliefPropagation(peer)
    inference.setEvidence(evidence)
    inference.setEpsilon(1e-13)
    inference.setMinEpsilonRate(1e-13)
    inference.setMaxIter(1000)
    result = loopy_belief_propagation(network, tol=1e-11)
    for v in range(9):
        np.testing.assert_allclose(result.posterior.marginal_of(v), inference.posterior(str(v)).toarray(), rtol=0, atol=1e-7)


def star(copies, rare=1e-200):
    """Variable 0 equals each of five others, of which one has seen much for state 0 and the others much for state 1."""
    seen = [((5,), [1, rare])] * copies + [((v,), [rare**0.5, 1]) for v in (1, 2, 3, 4) for _ in range(copies)]
    return MarkovNetwork([2] * 6, seen + [((0, v), np.eye(2)) for v in range(1, 6)])


@pytest.mark.parametrize("copies", [1, 2, 5])
def test_what_is_rare_is_not_forbidden(copies):
    """A tree: the answer is exact, and known by hand."""
    result = loopy_belief_propagation(star(copies), tol=1e-12)
    log_odds = copies * (4 * 100 - 200) * math.log(10)
    assert result.converged and result.log_evidence == pytest.approx(-200 * copies * math.log(10), rel=1e-12)
    np.testing.assert_allclose(np.diff(result.posterior.log_belief, axis=0), log_odds, rtol=1e-9)
    np.testing.assert_allclose(result.posterior.joint_of((5, 0)), [[0, 0], [0, 1]], atol=1e-12)
    damped = loopy_belief_propagation(star(copies), tol=1e-12, damping=0.3)
    np.testing.assert_allclose(damped.mean, result.mean, atol=1e-12)


def test_rare_but_opposite_is_no_contradiction():
    network = MarkovNetwork([2, 2], [((0,), [1, 1e-200])] * 2 + [((1,), [1e-200, 1])] * 2 + [((0, 1), np.eye(2))])
    result = loopy_belief_propagation(network)
    assert result.log_evidence == pytest.approx(math.log(2) - 400 * math.log(10))
    np.testing.assert_allclose(result.mean, 0.5)
    forbidden = MarkovNetwork([2, 2], [*network.terms, Potential((0,), [1, 0]), Potential((1,), [0, 1])])
    with pytest.raises(NoMassError, match="no joint state of variables 0 and 1"):
        loopy_belief_propagation(forbidden)


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_tables_out_of_the_range_of_numbers(size):
    loop = [((0, 1), [[3, 1], [1, 2]]), ((1, 2), [[1, 4], [2, 0]]), ((0, 2), [[1, 2], [5, 1]])]
    small = Potential.group([Potential((0, 1), [[size, size], [size, size]])] * 2)
    plain = loopy_belief_propagation(MarkovNetwork([2] * 3, loop), tol=1e-11)
    scaled = MarkovNetwork([2] * 3, [Potential.group([small, Potential(*loop[0])]), *loop[1:]])
    result = loopy_belief_propagation(scaled, tol=1e-11)
    assert result.log_evidence - plain.log_evidence == pytest.approx(2 * math.log(size), rel=1e-12)
    np.testing.assert_allclose(result.mean, plain.mean, atol=1e-11)
    np.testing.assert_allclose(result.posterior.joint_of((1, 0)), plain.posterior.joint_of((1, 0)), atol=1e-11)


@pytest.mark.parametrize("seed", range(4))
def test_logs_and_numbers_agree(seed, monkeypatch):
    network = pairwise_network(seed)
    numbers = loopy_belief_propagation(network, damping=0.2)
    assert isinstance(numbers.posterior, MessagesInNumbers)
    monkeypatch.setattr("epbook.loopy.DEEP", math.inf)
    logs = loopy_belief_propagation(network, damping=0.2)
    assert isinstance(logs.posterior, MessagesInLogs)
    assert logs.history[-1].flops > numbers.history[-1].flops
    for ours, theirs in zip(logs.history, numbers.history, strict=True):
        assert ours.log_evidence == pytest.approx(theirs.log_evidence, abs=1e-11)
        assert ours.mismatch == pytest.approx(theirs.mismatch, rel=1e-6)
        np.testing.assert_allclose(ours.mean, theirs.mean, atol=1e-12)


def test_price_of_logs_is_what_it_costs():
    network = MarkovNetwork.grid(8, 8, rng=0)
    rare = [((0,), [1, 1e-300]), ((0,), [1, 1e-300])]
    terms = [(term.variables, term.table) for term in network.terms]
    beliefs = metered.loopy.loopy_beliefs(metered.MarkovNetwork(network.cardinalities, terms + rare))
    ordinary = loopy_beliefs(network).flops
    counted = count(lambda: beliefs.send(0.0))[1]
    assert beliefs.flops == pytest.approx(counted, rel=0.02) and beliefs.flops > 1.2 * ordinary


def test_refuses_much_padding():
    pairs = [((v, v + 1), np.ones((2, 2))) for v in range(199)] + [((199, 200), np.ones((2, 300)))]
    with pytest.raises(ValueError, match="200 pairs of these need 36000000 entries, more than 16777216; use ep"):
        loopy_belief_propagation(MarkovNetwork([2] * 200 + [300], pairs))


def test_says_when_it_does_not_converge():
    frustrated = MarkovNetwork.grid(5, 5, coupling=3, field=0.1, rng=0)
    with pytest.warns(ConvergenceWarning, match="damping=0.5"):
        result = loopy_belief_propagation(frustrated, passes=100)
    assert not result.converged and result.passes == 100 and math.isfinite(result.log_evidence)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert loopy_belief_propagation(frustrated, passes=1).passes == 1


def test_says_what_is_wrong():
    triple = MarkovNetwork([2, 2, 2], [((0, 1, 2), np.ones((2, 2, 2)))])
    with pytest.raises(ValueError, match=r"one or two variables, not \(0, 1, 2\); use ep"):
        loopy_belief_propagation(triple)
    pair = MarkovNetwork([2, 2], [((0, 1), np.ones((2, 2)))] * 2)
    with pytest.raises(ValueError, match="2 are on"):
        loopy_belief_propagation(pair).posterior.joint_of((0, 1))
    with pytest.raises(ValueError, match=r"damping must lie in \[0, 1\)"):
        loopy_belief_propagation(pair, damping=1)
    with pytest.raises(ValueError, match="passes"):
        loopy_belief_propagation(pair, passes=0)


def test_contradictions_are_found():
    same, other = np.eye(2), 1 - np.eye(2)
    first, second = ((0,), [1, 0]), ((1,), [0, 1])
    with pytest.raises(NoMassError, match="no state of variable 0"):
        loopy_belief_propagation(MarkovNetwork([2], [first, ((0,), [0, 1])]))
    with pytest.raises(NoMassError, match="no joint state of variables 0 and 1"):
        loopy_belief_propagation(MarkovNetwork([2, 2], [first, second, ((0, 1), same)]))
    with pytest.raises(NoMassError, match="no state of variable 2"):
        loopy_belief_propagation(MarkovNetwork([2] * 3, [first, second, ((0, 2), same), ((1, 2), same)]))
    consistent = MarkovNetwork([2, 2], [first, second, ((0, 1), other)])
    assert loopy_belief_propagation(consistent).log_evidence == pytest.approx(0)
