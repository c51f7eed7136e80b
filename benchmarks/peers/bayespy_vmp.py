"""bayespy's variational message passing: the same models, starts and orders, the bound after every sweep included."""

import numpy as np
from bayespy import nodes
from bayespy.inference import VB
from clock import main


def precisions(count):
    relevance, noise = nodes.Gamma(1e-3, 1e-3, plates=(count,)), nodes.Gamma(1e-3, 1e-3)
    relevance.initialize_from_parameters(np.ones(count), 1.0)
    noise.initialize_from_parameters(1.0, 1.0)
    return {"relevance": relevance, "noise": noise}


def gaussian(x, size, start):
    mean, precision = nodes.GaussianARD(0, 0.01), nodes.Gamma(1, 1)
    precision.initialize_from_prior()
    observed = nodes.GaussianARD(mean, precision, plates=(len(x),))
    observed.observe(x)
    return observed, {"mean": mean, "precision": precision}


def regression(x, size, start):
    unknown = precisions(x.shape[1] - 1)
    unknown["weights"] = nodes.GaussianARD(0, unknown["relevance"], shape=(x.shape[1] - 1,))
    observed = nodes.GaussianARD(nodes.SumMultiply("i,i", x[:, 1:], unknown["weights"]), unknown["noise"])
    observed.observe(x[:, 0])
    return observed, unknown


def pca(x, size, start):
    (n, d), unknown = x.shape, precisions(size)
    loadings = nodes.GaussianARD(0, unknown["relevance"], shape=(size,), plates=(d,))
    scores = nodes.GaussianARD(0, 1, shape=(size,), plates=(n, 1))
    offset = nodes.GaussianARD(0, 1e-3, plates=(d,))
    loadings.initialize_from_parameters(np.zeros((d, size)), 1.0)
    scores.initialize_from_parameters(start, 1e3)
    observed = nodes.GaussianARD(nodes.Add(nodes.SumMultiply("i,i", loadings, scores), offset), unknown["noise"])
    observed.observe(x)
    return observed, unknown | {"loadings": loadings, "scores": scores, "offset": offset}


def mixture(x, size, start):
    d, weights = x.shape[1], nodes.Dirichlet(np.ones(size))
    label = nodes.Categorical(weights, plates=(len(x),))
    means = nodes.Gaussian(np.zeros(d), 0.01 * np.eye(d), plates=(size,))
    shapes = nodes.Wishart(d, d * np.eye(d), plates=(size,))
    observed = nodes.Mixture(label, nodes.Gaussian, means, shapes)
    observed.observe(x)
    label.initialize_from_parameters(start)
    return observed, {"weights": weights, "label": label, "means": means, "precisions": shapes}


BUILD = {"Gaussian": gaussian, "regression": regression, "PCA": pca, "mixture": mixture}


def methods(kind, x, size, start, order, sweeps):
    observed, unknown = BUILD[str(kind)](x, int(size), start)
    variables = [unknown[str(name)] for name in order]
    model = VB(observed, *variables)

    def run():  # a repetition goes on where the last one ended; a sweep costs the same everywhere
        model.update(*variables, repeat=int(sweeps), tol=-np.inf, verbose=False)
        return {"bounds": model.L[: int(sweeps)].tolist()}

    return {"bayespy": run}


if __name__ == "__main__":
    main("bayespy", methods)
