"""Networks from outside and for outside: UAI files, BIF files, graphs of networkx.

Graphs carry the numbers as attributes.  A node has `states`, how many it has, and `labels`, their names or None.
In a `DiGraph` it has `table`, indexed [parents..., child], and `parents`, their order.  In a `Graph` nodes and
edges have `table` where they have a potential; an edge's is indexed in the order of the graph's nodes.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np

from .models import BeliefNetwork, MarkovNetwork
from .uai import Network, read_uai, read_uai_evidence, write_uai, write_uai_evidence

__all__ = ["from_networkx", "read_bif", "read_uai", "read_uai_evidence", "to_networkx", "write_uai", "write_uai_evidence"]


def read_bif(path: Any) -> BeliefNetwork:
    """Read a belief network, with the names of variables and states, in the BIF format.

    The package that does the reading keeps seven digits of a probability.

    Args:
        path: the file, a str or a Path.

    Raises:
        ImportError: without the package pyagrum, which does the reading.
        FileNotFoundError: if there is no such file.
        ValueError: if it holds no such network, a table has too few or too many numbers, or its name does not end in .bif.

    Book: section 4.2.
    """
    try:
        import pyagrum
    except ImportError as error:
        raise ImportError("read_bif needs pyagrum: pip install 'epbook[networks]'") from error
    Path(path).stat()
    try:
        read = pyagrum.loadBN(str(path))
    except pyagrum.GumException as error:
        raise ValueError(f"{Path(path).name} is not in the BIF format, or not called .bif: {error}") from error
    cpts, states = {}, {}
    for number in sorted(read.nodes()):
        table = read.cpt(number)
        child, *parents = table.names
        array = table.toarray().astype(np.float32).astype(str).astype(float)  # 0.7 for the reader's 0.699999988079071
        cpts[child] = parents, np.moveaxis(array.T, 0, -1)  # its axes stand in the reverse order of its names
        states[child] = read.variable(number).labels()
    network = BeliefNetwork(cpts, states)
    _check_counts(Path(path), network)
    return network


def _check_counts(path, network):
    """The reader fills up with zeros and drops what is too much: count the numbers of each table ourselves."""
    text = re.sub(r"//[^\n]*|/\*.*?\*/", "", path.read_text("utf-8", errors="replace"), flags=re.DOTALL)
    for child, body in re.findall(r'\bprobability\s*\(\s*"?([^\s"|)]+)[^{]*\{(.*?)\}', text, re.DOTALL):
        if child not in network.names:
            continue
        term = network.terms[network.variable(child)]
        for kind, numbers in re.findall(r"(table|default|\([^)]*\))([^;]*);", body):
            given, needed = len(re.findall(r"[^\s,]+", numbers)), term.table.size if kind == "table" else term.table.shape[-1]
            if given != needed:
                raise ValueError(f"{path.name}: {kind} of {child!r} should have {needed} numbers, not {given}")


def to_networkx(network: Network) -> Any:
    """The graph of a network: arrows from parents to children, or edges between variables that share a potential.

    Args:
        network: a `BeliefNetwork` becomes a `DiGraph`, a `MarkovNetwork` a `Graph`.

    Returns:
        The graph; its nodes are the variables' names, or their numbers where they have none.

    Raises:
        ImportError: without the package networkx.
        ValueError: on a potential of three or more variables, for which a `Graph` has no place.

    Book: section 4.2.
    """
    directed, names = isinstance(network, BeliefNetwork), network.names or range(len(network.cardinalities))
    graph = _networkx().DiGraph() if directed else _networkx().Graph()
    for name, k, labels in zip(names, network.cardinalities, network.states):
        graph.add_node(name, states=k, labels=labels)
    for term in network.terms:
        called = [names[v] for v in term.variables]
        if directed:
            graph.add_edges_from((parent, called[-1]) for parent in called[:-1])
            graph.nodes[called[-1]].update(table=term.table.copy(), parents=tuple(called[:-1]))
            continue
        if len(called) > 2:
            raise ValueError(f"a graph has no place for a potential on the {len(called)} variables {term.variables}")
        if len(called) == 2:
            graph.add_edge(*called)
        data = graph.edges[called] if len(called) == 2 else graph.nodes[called[0]]
        ordered = term.table.transpose(np.argsort(term.variables))
        data["table"] = data.get("table", 1.0) * ordered
    return graph


def from_networkx(graph: Any) -> Network:
    """The network of a graph that carries its tables, such as `to_networkx` makes of pairwise networks.

    Args:
        graph: see the head of this module.  `labels` and `parents` may be left out, the parents then standing
            in the order of the graph's edges, and `states` where the node's table tells it.

    Returns:
        A `BeliefNetwork` of a directed graph, a `MarkovNetwork` of another.

    Raises:
        ValueError: on a node or edge without what it needs, `parents` that are not those of the graph, or nodes that
            are neither strings nor 0 .. n-1.

    Book: section 4.2.
    """
    nodes = list(graph.nodes)
    named = bool(nodes) and all(isinstance(node, str) for node in nodes)
    if not named and set(nodes) != set(range(len(nodes))):
        raise ValueError(f"nodes must be strings or the numbers 0..{len(nodes) - 1}, not {nodes!r:.80}")
    if graph.is_directed():
        cpts = {v: (_parents(graph, v), _table(data, f"node {v!r}")) for v, data in graph.nodes(data=True)}
        return BeliefNetwork(cpts, {v: data["labels"] for v, data in graph.nodes(data=True) if data.get("labels")})
    rank = {v: k for k, v in enumerate(nodes)}
    place = rank if named else {v: v for v in nodes}
    potentials: list[Any] = [((place[v],), data["table"]) for v, data in graph.nodes(data=True) if "table" in data]
    for u, v, data in graph.edges(data=True):
        first, second = sorted((u, v), key=rank.__getitem__)
        potentials.append(((place[first], place[second]), _table(data, f"edge {u!r} - {v!r}")))
    order = sorted(nodes, key=place.__getitem__)
    cardinalities = [_states(graph.nodes[v], v) for v in order]
    return MarkovNetwork(cardinalities, potentials, order if named else None, [graph.nodes[v].get("labels") for v in order])


def _parents(graph, v):
    """The parents of a node in the order of its table's axes."""
    drawn = tuple(graph.predecessors(v))
    told = tuple(graph.nodes[v].get("parents", drawn))
    if set(told) != set(drawn):
        raise ValueError(f"node {v!r} has `parents` {told}, but the graph's arrows come from {drawn}")
    return told


def _states(data, v):
    """How many states a node has."""
    return data["states"] if "states" in data else len(_table(data, f"node {v!r}"))


def _table(data, where):
    """The table of a node or edge."""
    if "table" not in data:
        raise ValueError(f"{where} has no attribute `table`")
    return data["table"]


def _networkx():
    try:
        import networkx
    except ImportError as error:
        raise ImportError("to_networkx needs networkx: pip install 'epbook[networks]'") from error
    return networkx
