"""The answers that all are held to: the loop's own sweeps to 1e-10, or for many points Newton's method to 1e-8."""

from clock import gaussian_kernel, main

from epbook import Step, ep
from epbook.fast import BlockedKernelGaussian, kernel_ep

FEW = 1000  # points, for which sweeps are affordable


def methods(X, y, width, slack):
    C, terms = gaussian_kernel(X, width), [Step(slack=float(slack))] * len(X)
    C *= y
    C *= y[:, None]
    few = len(X) <= FEW
    result = ep(BlockedKernelGaussian(C), terms, tol=1e-10, passes=200) if few else kernel_ep(C, terms, tol=1e-8)
    said = {"log evidence": result.log_evidence, "mismatch": result.mismatch, "status": result.status}
    return {"reference": lambda: said}


if __name__ == "__main__":
    main("epbook", methods)
