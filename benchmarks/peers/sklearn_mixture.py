"""scikit-learn's variational mixture: the time of a sweep, that of the start taken off; its priors are others."""

from clock import main
from sklearn.mixture import BayesianGaussianMixture


def methods(kind, x, size, start, order, sweeps):
    def run(iterations):
        kinds = {"init_params": "random", "weight_concentration_prior_type": "dirichlet_distribution"}
        fit = BayesianGaussianMixture(n_components=int(size), max_iter=iterations, tol=0, random_state=0, **kinds).fit(x)
        return {"sweeps": int(fit.n_iter_)}

    return {"scikit-learn, one sweep": lambda: run(1), "scikit-learn": lambda: run(int(sweeps))}


if __name__ == "__main__":
    main("scikit-learn", methods)
