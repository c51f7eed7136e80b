"""epbook beyond kernel matrices, and billiards: figures of its own, without a peer."""

import numpy as np
from clock import main

from epbook import BayesPoint, GaussianKernel, Step
from epbook.fast import InducingBayesPoint, linear_ep
from epbook.rivals import billiard


def answer(result):
    return {"passes": result.passes, "mismatch": result.mismatch, "status": result.status}


def linear(n, size, rng):
    X = rng.standard_normal((n, size))
    X *= np.sign(X @ rng.standard_normal(size) / size**0.5 + rng.standard_normal(n))[:, None]
    return {"linear_ep, probit": lambda: answer(linear_ep(X, Step(slack=1.0), tol=1e-5))}


def inducing(n, size, rng):
    X = rng.standard_normal((n, 10))
    y = np.sign(np.sin(X[:, 0]) + X[:, 1] ** 2 - 1 + 0.5 * rng.standard_normal(n))

    def run():
        return answer(InducingBayesPoint(X, y, GaussianKernel(3.0), size, slack=1.0, rng=0).ep(tol=1e-5))

    return {"InducingBayesPoint, probit": run}


def billiards(n, size, rng):
    X = rng.standard_normal((n, 5))
    problem = BayesPoint(X, np.sign(X @ rng.standard_normal(5)))
    total = 20_000

    def run(balls):
        result = billiard(problem, bounces=total // balls, balls=balls, rng=0)
        return {"bounces": total, "status": result.status}

    return {"one ball": lambda: run(1), "many balls": lambda: run(int(size))}


WHAT = {"linear": linear, "inducing": inducing, "billiards": billiards}


def methods(what, n, size):
    return WHAT[str(what)](int(n), int(size), np.random.default_rng(0))


if __name__ == "__main__":
    main("epbook", methods)
