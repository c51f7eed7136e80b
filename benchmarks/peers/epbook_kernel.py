"""epbook's kernel EP, the kernel matrix given.  Low rank is also tried from the points, without a matrix."""

import numpy as np
from clock import factorisation, gaussian_kernel, main

from epbook import GaussianKernel, Step
from epbook.fast import LowRankKernel, kernel_ep

MANY = 5000  # points, from which the machine's own speed is measured too


def answer(result):
    return {
        "log evidence": result.log_evidence,
        "mismatch": result.mismatch,
        "evaluations": result.passes,
        "status": result.status,
        "flops": float(result.history[-1].flops),
        "stated error": float(getattr(result.posterior, "error", 0.0)),
    }


def methods(X, y, width, slack):
    C, terms = gaussian_kernel(X, width), [Step(slack=float(slack))] * len(X)
    runs = {"unit": factorisation(C)}
    C *= y
    C *= y[:, None]
    runs["epbook kernel_ep"] = lambda: answer(kernel_ep(C, terms))
    if X.shape[1] == 2:
        kernel = GaussianKernel(float(width))
        runs["epbook low rank"] = lambda: answer(kernel_ep(LowRankKernel.from_points(kernel, X, y), terms))
    if len(X) >= MANY:
        block = np.ones((2000, 2000))
        runs["dgemm"] = lambda: {"flops": 2.0 * len(block) ** 3, "entry": float((block @ block)[0, 0])}
    return runs


if __name__ == "__main__":
    main("epbook", methods)
