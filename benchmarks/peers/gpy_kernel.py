"""GPy's EP, the kernel matrix given, without the gradients it adds: one site at a time, its default, and all at once."""

import numpy as np
from clock import factorisation, gaussian_kernel, main
from GPy.inference.latent_function_inference.expectation_propagation import EP
from GPy.likelihoods import Bernoulli
from GPy.likelihoods.link_functions import Heaviside, Probit
from paramz import ObsAr

MOST_IN_SEQUENCE = 1000  # points


def methods(X, y, width, slack):
    K, labels = gaussian_kernel(X, width), ObsAr((y[:, None] > 0).astype(float))
    likelihood = Bernoulli(gp_link=Probit() if slack else Heaviside())

    def run(parallel):
        engine, mean = EP(parallel_updates=parallel), np.zeros(len(X))
        _, sites, _, log_scale = engine.expectation_propagation(mean, K, labels, likelihood, None)
        return {"log evidence": float(engine._ep_marginal(mean, K, sites, log_scale)[0])}

    runs = {"unit": factorisation(K), "GPy EP, parallel": lambda: run(True)}
    if len(X) <= MOST_IN_SEQUENCE:
        runs["GPy EP"] = lambda: run(False)
    return runs


if __name__ == "__main__":
    main("GPy", methods)
