"""The bounds of bayespy (Luttinen 2016), pass by pass, on problems that epbook's vmp solves too.

bayespy is no dependency: truncnorm, which it needs, does not build everywhere.  So its bounds are stored, with the
versions that gave them.  To renew them, in an environment that has bayespy, numpy and scipy:

    PYTHONPATH=. python tests/bayespy_bounds.py

writes tests/bayespy_bounds.json; `test_vmp_models` compares it with our bounds.
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np

from epbook import (
    BayesianPCA,
    Categoricals,
    GaussianMixture,
    HiddenMarkovModel,
    RelevanceRegression,
)

STORED = Path(__file__).with_suffix(".json")
PASSES = 20


def clouds(n):
    """Three clouds in the plane."""
    rng = np.random.default_rng(4)
    return np.array([[-4.0, 0.0], [4.0, 1.0], [0.0, 5.0]])[rng.integers(3, size=n)] + rng.standard_normal((n, 2))


def problems():
    """For each name a model, a start, and the order of the updates."""
    rng = np.random.default_rng(7)
    mixture, X = GaussianMixture(clouds(150), 4), rng.standard_normal((40, 5))
    regression = RelevanceRegression(X, X @ [1.0, 0.0, 0.0, -2.0, 0.5] + 0.2 * rng.standard_normal(40))
    x = rng.standard_normal((30, 2)) @ rng.standard_normal((2, 4)) + 0.1 * rng.standard_normal((30, 4))
    pca = BayesianPCA(np.where(rng.random(x.shape) > 0.1, x, np.nan), 3)
    chain = HiddenMarkovModel(clouds(60), 3)
    labels = {"label": Categoricals.random(150, 4, rng=0)}
    return {
        "mixture": (
            mixture,
            mixture.start(rng=0) | labels,
            ["weights", "means", "precisions", "label"],
        ),
        "regression": (
            regression,
            regression.start(),
            ["weights", "relevance", "noise"],
        ),
        "pca": (
            pca,
            pca.start(rng=0),
            ["offset", "loadings", "scores", "relevance", "noise"],
        ),
        "chain": (
            chain,
            chain.start(rng=0),
            ["label", "first", "next", "means", "precisions"],
        ),
    }


def _components(model, label, nodes):
    """Gaussian components of unknown mean and precision, and the data from them."""
    K = model.components
    means = nodes.Gaussian(np.zeros(2), 0.01 * np.eye(2), plates=(K,))
    precisions = nodes.Wishart(2, 2 * np.eye(2), plates=(K,))
    observed = nodes.Mixture(label, nodes.Gaussian, means, precisions)
    observed.observe(model.x)
    return observed, {"label": label, "means": means, "precisions": precisions}


def _mixture(model, start, nodes):
    weights = nodes.Dirichlet(np.ones(model.components))
    label = nodes.Categorical(weights, plates=(len(model.x),))
    observed, unknown = _components(model, label, nodes)
    label.initialize_from_parameters(start["label"].mean)
    return observed, unknown | {"weights": weights}


def _chain(model, start, nodes):
    K = model.components
    first, following = (
        nodes.Dirichlet(np.ones(K)),
        nodes.Dirichlet(np.ones(K), plates=(K,)),
    )
    label = nodes.CategoricalMarkovChain(first, following, states=len(model.x))
    observed, unknown = _components(model, label, nodes)
    unknown["means"].initialize_from_parameters(start["means"].mean, np.eye(2))
    unknown["precisions"].initialize_from_parameters(2, 2 * np.eye(2))
    return observed, unknown | {"first": first, "next": following}


def _precisions(count, nodes):
    relevance, noise = nodes.Gamma(1e-3, 1e-3, plates=(count,)), nodes.Gamma(1e-3, 1e-3)
    relevance.initialize_from_parameters(np.ones(count), 1.0)
    noise.initialize_from_parameters(1.0, 1.0)
    return {"relevance": relevance, "noise": noise}


def _regression(model, start, nodes):
    d = model.X.shape[1]
    unknown = _precisions(d, nodes)
    weights = nodes.GaussianARD(0, unknown["relevance"], shape=(d,))
    observed = nodes.GaussianARD(nodes.SumMultiply("i,i", model.X, weights), unknown["noise"])
    observed.observe(model.y[:, 0])
    return observed, unknown | {"weights": weights}


def _pca(model, start, nodes):
    (n, d), k, known = model.x.shape, model.dimension, np.isfinite(model.x)
    unknown = _precisions(k, nodes)
    loadings = nodes.GaussianARD(0, unknown["relevance"], shape=(k,), plates=(d,))
    scores = nodes.GaussianARD(0, 1, shape=(k,), plates=(n, 1))
    offset = nodes.GaussianARD(0, 1e-3, plates=(d,))
    loadings.initialize_from_parameters(np.zeros((d, k)), 1.0)
    scores.initialize_from_parameters(start["scores"].mean, 1e3)
    observed = nodes.GaussianARD(nodes.Add(nodes.SumMultiply("i,i", loadings, scores), offset), unknown["noise"])
    observed.observe(np.where(known, model.x, 0.0), mask=known)
    return observed, unknown | {
        "loadings": loadings,
        "scores": scores,
        "offset": offset,
    }


def theirs(name):
    """bayespy's bound after each pass."""
    from bayespy import nodes
    from bayespy.inference import VB

    model, start, order = problems()[name]
    build = {
        "mixture": _mixture,
        "regression": _regression,
        "pca": _pca,
        "chain": _chain,
    }[name]
    observed, unknown = build(model, start, nodes)
    variables = [unknown[variable] for variable in order]
    engine = VB(observed, *variables)
    engine.update(*variables, repeat=PASSES, tol=-np.inf, verbose=False)
    return engine.L[:PASSES].tolist()


if __name__ == "__main__":
    versions = {package: version(package) for package in ("bayespy", "numpy", "scipy")}
    stored = {
        "versions": versions,
        "bounds": {name: theirs(name) for name in problems()},
    }
    STORED.write_text(json.dumps(stored, indent=1) + "\n")
