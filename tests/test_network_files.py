"""Networks on disk and as graphs: round trips, a peer that reads the same files, errors with their place."""

import builtins

import networkx
import numpy as np
import pyagrum
import pytest

from epbook import BeliefNetwork, MarkovNetwork, Potential
from epbook.models.networks import asia
from epbook.network_files import (
    from_networkx,
    read_bif,
    read_uai,
    read_uai_evidence,
    to_networkx,
    write_uai,
    write_uai_evidence,
)

EXAMPLE = """MARKOV
3
2 2 3
2
2 0 1
2 1 2

4
 4.000 2.400
 1.000 0.000

6
 2.2500 3.2500 3.7500
 0.0000 0.0000 10.0000
"""


def random_markov():
    rng = np.random.default_rng(0)
    card = [2, 3, 4, 2]
    return MarkovNetwork(card, [(scope, rng.random([card[v] for v in scope])) for scope in [(2, 0, 3), (1,), (3, 1), (0, 2)]])


def same(one, other):
    """Whether two networks have the same terms, to the last digit."""
    pairs = zip(one.terms, other.terms, strict=True)
    return one.cardinalities == other.cardinalities and all(
        a.variables == b.variables and np.array_equal(a.table, b.table) for a, b in pairs
    )


def test_uai_tables_run_with_the_last_variable_fastest(tmp_path):
    (tmp_path / "x.uai").write_text(EXAMPLE)
    network = read_uai(tmp_path / "x.uai")
    assert isinstance(network, MarkovNetwork) and network.cardinalities == (2, 2, 3)
    assert [term.variables for term in network.terms] == [(0, 1), (1, 2)]
    assert network.terms[0].table.tolist() == [[4, 2.4], [1, 0]]
    assert network.terms[1].table.tolist() == [[2.25, 3.25, 3.75], [0, 0, 10]]


@pytest.mark.parametrize("network", [random_markov(), MarkovNetwork.grid(3, 4, rng=1), MarkovNetwork([3], []), asia()])
def test_uai_round_trip(tmp_path, network):
    write_uai(network, tmp_path / "x.uai")
    again = read_uai(str(tmp_path / "x.uai"))
    assert type(again) is type(network) and same(again, network)
    write_uai(again, tmp_path / "y.uai")
    assert (tmp_path / "x.uai").read_text() == (tmp_path / "y.uai").read_text()


def test_uai_is_read_and_written_by_a_peer(tmp_path):
    """With one parent each: the peer's files list several parents in another order than their tables have."""
    rng = np.random.default_rng(0)
    tables = [rng.dirichlet(np.ones(k), size=shape) for k, shape in ((2, ()), (3, (2,)), (4, (3,)))]
    network = BeliefNetwork({v: ((v - 1,) if v else (), table) for v, table in enumerate(tables)})
    write_uai(network, tmp_path / "x.uai")
    peer = pyagrum.loadBN(str(tmp_path / "x.uai"))
    inference = pyagrum.LazyPropagation(peer)
    for v in range(3):
        np.testing.assert_allclose(inference.posterior(v).toarray(), network.exact().marginal_of(v), atol=1e-12)
    pyagrum.saveBN(peer, str(tmp_path / "y.uai"))
    again = read_uai(tmp_path / "y.uai")
    assert again.parents == network.parents
    for ours, theirs in zip(network.terms, again.terms, strict=True):
        np.testing.assert_allclose(theirs.table, ours.table, atol=1e-5)  # it writes six digits


def test_uai_skips_comments(tmp_path):
    (tmp_path / "x.uai").write_text("c an example\n" + EXAMPLE.replace("2 2 3", "2 2 3 # states"))
    (tmp_path / "y.uai").write_text(EXAMPLE)
    assert same(read_uai(tmp_path / "x.uai"), read_uai(tmp_path / "y.uai"))


def test_uai_constants_are_kept(tmp_path):
    (tmp_path / "x.uai").write_text("MARKOV 1 2 2 0 1 0 1 7 2 1 3")
    network = read_uai(tmp_path / "x.uai")
    assert np.exp(network.exact().log_evidence) == pytest.approx(28)


def test_uai_constants_may_be_small(tmp_path):
    (tmp_path / "x.uai").write_text("MARKOV 1 2 4 0 0 1 0 0" + 2 * " 1 1e-200" + " 2 1 1 1 1e-200")
    assert read_uai(tmp_path / "x.uai").exact().log_evidence == pytest.approx(np.log(2) - 600 * np.log(10))


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_uai_refuses_what_is_no_number(tmp_path, size):
    group = Potential.group([Potential((0,), [size, size])] * 2)
    with pytest.raises(ValueError, match="over- or underflows"):
        write_uai(MarkovNetwork([2], [group]), tmp_path / "x.uai")
    assert not (tmp_path / "x.uai").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x.uai, at its end: MARKOV or BAYES should follow"),
        ("MARKO 1", "x.uai, line 1, word 1: the file should begin with MARKOV or BAYES, not 'MARKO'"),
        (EXAMPLE.replace("2 2 3", "2 2.5 3"), "line 3, word 2: .*states of variable 1 should be a whole number .*, not '2.5'"),
        (EXAMPLE.replace("3\n2 2 3", "-3\n2 2 3"), "line 2, word 1: the number of variables .* of at least 1, not '-3'"),
        (
            EXAMPLE.replace("2 1 2", "2 1 3"),
            "line 6, word 3: a variable of table 1 should be a whole number from 0 to 2, not '3'",
        ),
        (EXAMPLE.replace("2 1 2", "2 1 1"), "line 6, word 3: variable 1 stands twice in table 1"),
        (EXAMPLE.replace("\n6\n", "\n7\n"), "line 12, word 1: table 1 has 6 entries by its variables, not 7"),
        (EXAMPLE.replace("3.7500", "3.75oo"), "line 13, word 3: entry 2 of table 1 should be a finite number >= 0, not '3.75oo'"),
        (EXAMPLE.replace("3.7500", "-1"), "entry 2 of table 1 should be a finite number >= 0, not '-1'"),
        (EXAMPLE.replace("3.7500", "nan"), "not 'nan'"),
        (EXAMPLE.replace("10.0000", ""), "at its end: entry 5 of table 1 should follow"),
        (EXAMPLE + "1", "line 15, word 1: the file should end before '1'"),
        ("MARKOV 1 2 1 1 0 2 0 0", "table 0 is zero everywhere"),
        ("BAYES 2 2 2 2 1 0 2 1 0 2 .5 .5 4 1 0 0 1", r"the preamble: BAYES needs one table a variable, .* are \[0, 0\]"),
        ("BAYES 1 2 1 1 0 2 .5 .6", "x.uai, as a whole: the table of 0 .* sum to 1"),
        ("BAYES 2 2 2 2 2 0 1 2 1 0 4 1 0 0 1 4 1 0 0 1", "x.uai, as a whole: parents go round in a circle"),
        ("MARKOV 1 2 1 1 0 2 1_0 1", "entry 0 of table 0 should be a finite number >= 0, not '1_0'"),
    ],
)
def test_uai_errors_tell_the_place(tmp_path, text, message):
    (tmp_path / "x.uai").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_uai(tmp_path / "x.uai")


@pytest.mark.parametrize("text", ["2 0 1 3 0", "1\n2 0 1 3 0\n"])
def test_uai_evidence_of_both_ages(tmp_path, text):
    (tmp_path / "x.evid").write_text(text)
    assert read_uai_evidence(tmp_path / "x.evid") == {0: 1, 3: 0}
    write_uai_evidence({0: 1, 3: 0}, tmp_path / "y.evid")
    assert read_uai_evidence(tmp_path / "y.evid") == {0: 1, 3: 0}


def test_uai_evidence_of_nothing(tmp_path):
    write_uai_evidence({}, tmp_path / "x.evid")
    assert read_uai_evidence(tmp_path / "x.evid") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2 0 1 0 0", "word 4: variable 0 is observed twice"),
        ("2 1 0 2 1 3 1", "line 1, word 6: the file should end before '3'"),
        ("2 1 0 2 1 3 1 1", "the number of samples should be a whole number from 1 to 1, not '2'"),
        ("1 0 x", "the state of variable 0 should be a whole number"),
        ("2 0 1", "an observed variable should follow"),
    ],
)
def test_uai_evidence_errors(tmp_path, text, message):
    (tmp_path / "x.evid").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_uai_evidence(tmp_path / "x.evid")


BIF = """network clinic {
}
variable smoke {
  type discrete [ 2 ] { yes, no };
}
variable tub {
  type discrete [ 3 ] { none, old, new };
}
variable either {
  type discrete [ 2 ] { yes, no };
}
probability ( smoke ) {
  table 0.3, 0.7;
}
probability ( tub ) {
  table 0.8, 0.15, 0.05;
}
probability ( either | tub, smoke ) {
  (none, yes) 0.1, 0.9;
  (old, yes) 0.2, 0.8;
  (new, yes) 0.3, 0.7;
  (none, no) 0.4, 0.6;
  (old, no) 0.5, 0.5;
  (new, no) 0.6, 0.4;
}
"""


def test_bif_keeps_names_states_and_the_order_of_parents(tmp_path):
    (tmp_path / "x.bif").write_text(BIF)
    network = read_bif(tmp_path / "x.bif")
    assert network.names == ("smoke", "tub", "either") and network.states[1] == ("none", "old", "new")
    assert network.parents == [(), (), (1, 0)]
    np.testing.assert_allclose(network.terms[2].table[..., 0], [[0.1, 0.4], [0.2, 0.5], [0.3, 0.6]])
    given = network.exact({"either": "yes"})
    assert np.exp(given.log_evidence) == pytest.approx(0.8 * (0.03 + 0.28) + 0.15 * (0.06 + 0.35) + 0.05 * (0.09 + 0.42))


def test_bif_keeps_short_decimals(tmp_path):
    (tmp_path / "x.bif").write_text(BIF)
    assert read_bif(tmp_path / "x.bif").terms[0].table.tolist() == [0.3, 0.7]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("table 0.8, 0.15, 0.05;", "table 0.8, 0.2;", "x.bif: table of 'tub' should have 3 numbers, not 2"),
        ("table 0.3, 0.7;", "table 0.3, 0.7, 0.2; // three", "x.bif: table of 'smoke' should have 2 numbers, not 3"),
        ("(old, yes) 0.2, 0.8;", "(old, yes) 1.0;", r"x.bif: \(old, yes\) of 'either' should have 2 numbers, not 1"),
    ],
)
def test_bif_counts_the_numbers(tmp_path, old, new, message):
    (tmp_path / "x.bif").write_text(BIF.replace(old, new))
    with pytest.raises(ValueError, match=message):
        read_bif(tmp_path / "x.bif")


def test_bif_errors(tmp_path, monkeypatch):
    (tmp_path / "x.bif").write_text(BIF.replace("{ yes, no };", "{ yes, no ;"))
    with pytest.raises(ValueError, match="x.bif is not in the BIF format"):
        read_bif(tmp_path / "x.bif")
    with pytest.raises(FileNotFoundError):
        read_bif(tmp_path / "y.bif")
    refuse(monkeypatch, "pyagrum")
    with pytest.raises(ImportError, match=r"read_bif needs pyagrum: pip install 'epbook\[networks\]'"):
        read_bif(tmp_path / "x.bif")


def refuse(monkeypatch, package):
    """Make importing a package fail."""
    real = builtins.__import__

    def importing(name, *rest):
        if name == package:
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", importing)


def test_directed_graphs_there_and_back():
    graph = to_networkx(asia())
    assert networkx.is_directed_acyclic_graph(graph) and list(graph.predecessors("either")) == ["tub", "lung"]
    again = from_networkx(graph)
    assert isinstance(again, BeliefNetwork) and same(again, asia())
    assert (again.names, again.states) == (asia().names, asia().states)
    graph.nodes["either"]["table"][:] = 0.5
    assert same(from_networkx(to_networkx(asia())), asia())  # a graph of its own tables


def test_undirected_graphs_there_and_back():
    network = MarkovNetwork(
        [2, 3], [((1, 0), [[1, 2], [3, 4], [5, 6]]), ((0,), [1, 2]), ((0, 1), np.full((2, 3), 2))], ["a", "b"]
    )
    graph = to_networkx(network)
    assert graph.edges["a", "b"]["table"].tolist() == [[2, 6, 10], [4, 8, 12]]
    again = from_networkx(graph)
    assert again.names == ("a", "b") and again.exact().log_evidence == pytest.approx(network.exact().log_evidence)
    np.testing.assert_allclose(again.exact().mean, network.exact().mean)


def test_graphs_by_hand():
    graph = networkx.Graph()
    graph.add_edge(1, 0, table=[[1, 2, 3], [4, 5, 6]])  # node 1 came first
    graph.nodes[1]["states"], graph.nodes[0]["table"] = 2, [1, 1, 2]
    network = from_networkx(graph)
    assert network.cardinalities == (3, 2)
    assert np.exp(network.exact().log_evidence) == pytest.approx(1 + 2 + 6 + 4 + 5 + 12)
    arrow = networkx.DiGraph([("b", "a")])
    arrow.nodes["b"]["table"], arrow.nodes["a"]["table"] = [0.5, 0.5], [[0, 1], [1, 0]]
    assert from_networkx(arrow).exact({"a": 1}).marginal_of(0).tolist() == [1, 0]


def test_graph_errors(monkeypatch):
    graph = networkx.Graph([(0, 1)])
    with pytest.raises(ValueError, match="edge 0 - 1 has no attribute `table`"):
        from_networkx(graph)
    graph.edges[0, 1]["table"] = np.ones((2, 2))
    with pytest.raises(ValueError, match="node 0 has no attribute `table`"):
        from_networkx(graph)
    with pytest.raises(ValueError, match="nodes must be strings or the numbers 0..1"):
        from_networkx(networkx.Graph([(1, 2)]))
    with pytest.raises(ValueError, match=r"no place for a potential on the 3 variables \(0, 1, 2\)"):
        to_networkx(MarkovNetwork([2] * 3, [((0, 1, 2), np.ones((2, 2, 2)))]))
    changed = to_networkx(asia())
    changed.remove_edge("tub", "either")
    with pytest.raises(
        ValueError, match=r"'either' has `parents` \('tub', 'lung'\), but the graph's arrows come from \('lung',\)"
    ):
        from_networkx(changed)
    refuse(monkeypatch, "networkx")
    with pytest.raises(ImportError, match=r"to_networkx needs networkx: pip install 'epbook\[networks\]'"):
        to_networkx(asia())
