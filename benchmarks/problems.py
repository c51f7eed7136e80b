"""The problems that all peers are given, as arrays."""

from collections.abc import Iterator

import numpy as np

from epbook import MarkovNetwork, loopy_belief_propagation

SWEEPS = 50  # of variational message passing


def clusters(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Four clusters in ten dimensions, of either label in turn."""
    rng = np.random.default_rng(0)
    cluster = rng.integers(4, size=n)
    return rng.normal(scale=1.5, size=(4, 10))[cluster] + rng.normal(size=(n, 10)), np.where(cluster % 2, 1.0, -1.0)


def curve(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Two dimensions, and labels that change along a curve."""
    X = np.random.default_rng(0).standard_normal((n, 2))
    return X, np.sign(np.sin(1.5 * X[:, 0]) + X[:, 1])


def kernel(n: int, slack: float, plane: bool = False) -> dict:
    """Kernel EP."""
    X, y = curve(n) if plane else clusters(n)
    return {"X": X, "y": y, "width": 3.0, "slack": slack}


def grid(side: int, coupling: float = 0.5, seed: int = 0) -> dict:
    """A network of spins, and how many passes epbook needs for it."""
    network = MarkovNetwork.grid(side, side, coupling=coupling, rng=seed)
    pairs = [term for term in network.terms if len(term.variables) == 2]
    fields = np.ones((side * side, 2))
    for term in network.terms:
        if len(term.variables) == 1:
            fields[term.variables[0]] *= term.table
    ends, tables = np.array([term.variables for term in pairs]), np.array([term.table for term in pairs])
    passes = loopy_belief_propagation(network).passes
    return {
        "side": side, "coupling": coupling, "seed": seed, "passes": passes, "fields": fields, "pairs": ends, "tables": tables
    }  # fmt: skip


def variational(quick: bool) -> Iterator[tuple[str, dict]]:
    """Models with data, a start, and the order of the updates."""
    for n in (100, 10_000)[: 1 if quick else 2]:
        x = 2 + 1.5 * np.random.default_rng(1).standard_normal(n)
        yield f"n = {n}", _model("Gaussian", x, 0, np.zeros(0), ["mean", "precision"])
    for d in (10, 100)[: 1 if quick else 2]:
        rng = np.random.default_rng(2)
        X = rng.standard_normal((1000, d))
        y = X @ rng.standard_normal(d) + 0.5 * rng.standard_normal(1000)
        yield (
            f"n = 1000, {d} inputs",
            _model("regression", np.column_stack([y, X]), 0, np.zeros(0), ["weights", "relevance", "noise"]),
        )
    for n, d, k in ((500, 10, 3), (2000, 50, 10))[: 1 if quick else 2]:
        rng = np.random.default_rng(3)
        x = rng.standard_normal((n, k)) @ rng.standard_normal((k, d)) + 0.5 * rng.standard_normal((n, d))
        scores = np.random.default_rng(0).standard_normal((n, 1, k))
        yield f"{n} of {d}, {k} scores", _model("PCA", x, k, scores, ["offset", "loadings", "scores", "relevance", "noise"])
    for n, K, d in ((1000, 3, 2), (10_000, 3, 2), (100_000, 3, 2), (5000, 10, 5))[: 1 if quick else 4]:
        rng = np.random.default_rng(0)
        x = (5 * rng.standard_normal((K, d)))[rng.integers(K, size=n)] + rng.standard_normal((n, d))
        labels = rng.dirichlet(np.ones(K), size=n)
        yield f"{n} of {d}, {K} parts", _model("mixture", x, K, labels, ["weights", "means", "precisions", "label"])


def _model(kind, x, size, start, order):
    sweeps = SWEEPS if x.size < 100_000 else 20
    return {"kind": kind, "x": x, "size": size, "start": start, "order": np.array(order), "sweeps": sweeps}
