"""What all peers' scripts share: read a problem, time the methods in turns, write answers and times.

    python peers/NAME.py problem.npz answer.json

Needs numpy and scipy only, so that it runs in every peer's environment.
"""

import importlib.metadata
import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.linalg import cholesky
from scipy.spatial.distance import cdist

ENOUGH = 2.5  # seconds of one method, after which it is not repeated
LEAST = 0.2  # seconds, to which short ones are repeated
FEW, MANY = 3, 20  # repetitions, else


def gaussian_kernel(X: np.ndarray, width: float) -> np.ndarray:
    """exp(-|x - y|^2 / (2 width^2)), symmetric to the last bit."""
    K = cdist(X, X, "sqeuclidean")
    K *= -0.5 / width**2
    return np.exp(K, out=K)


def factorisation(K: np.ndarray) -> Callable[[], None]:
    """The unit of all times with a kernel: one Cholesky factor of I + K."""
    B = K + np.eye(len(K))

    def unit():
        cholesky(B, lower=True)

    return unit


def seconds(run: Callable[[], object]) -> tuple[float, object]:
    """Processor seconds, and the answer."""
    start = time.process_time()
    answer = run()
    return time.process_time() - start, answer


def timed(methods: dict[str, Callable[[], object]]) -> dict[str, dict]:
    """The least time of each method, and its answer; in turns, so that all meet the same machine."""
    spent: dict[str, list[float]] = {name: [] for name in methods}
    answers = {}
    while waiting := [name for name, times in spent.items() if not _is_enough(times)]:
        for name in waiting:
            took, answers[name] = seconds(methods[name])
            spent[name].append(took)
    return {name: {"seconds": min(times), "repetitions": len(times), "answer": answers[name]} for name, times in spent.items()}


def _is_enough(times):
    return sum(times) > ENOUGH or len(times) >= MANY or (len(times) >= FEW and sum(times) > LEAST)


def main(package: str, methods: Callable[..., dict[str, Callable[[], object]]]) -> None:
    """Run a script: `methods` makes callables of the problem's arrays."""
    warnings.simplefilter("ignore")  # about convergence; answers are compared anyway
    with np.load(sys.argv[1]) as file:
        problem = {name: file[name][()] for name in file.files}
    versions = {name: importlib.metadata.version(name) for name in (package, "numpy", "scipy")}
    Path(sys.argv[2]).write_text(json.dumps({"versions": versions, "methods": timed(methods(**problem))}))
