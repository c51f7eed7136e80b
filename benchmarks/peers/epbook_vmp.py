"""epbook's variational message passing, the bound after every sweep included."""

from clock import main

from epbook import BayesianPCA, Categoricals, GaussianMixture, RelevanceRegression, UnknownGaussian, vmp

MODELS = {
    "Gaussian": lambda x, size: UnknownGaussian(x),
    "regression": lambda x, size: RelevanceRegression(x[:, 1:], x[:, 0]),
    "PCA": lambda x, size: BayesianPCA(x, size),
    "mixture": lambda x, size: GaussianMixture(x, size),
}


def methods(kind, x, size, start, order, sweeps):
    model = MODELS[str(kind)](x, int(size))
    first = model.start(rng=0) if kind in ("PCA", "mixture") else model.start()
    if kind == "mixture":
        first["label"] = Categoricals(start)

    def run():
        result = vmp(model.factors, first, passes=int(sweeps), tol=0, schedule=[str(name) for name in order])
        return {"bounds": [snapshot.log_evidence for snapshot in result.history]}

    return {"epbook vmp": run}


if __name__ == "__main__":
    main("epbook", methods)
