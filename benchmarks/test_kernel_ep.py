"""What the loop costs: `ep()` on the kernel BPM against a hand-written loop around one BLAS call.

Run with `make bench`, or `pytest benchmarks`; not part of the test run.  Both sides make the
same passes over the same data; `ep()` also measures mismatch and evidence, keeps a history
and guards against rounding.  The answers are compared before the times.  One BLAS thread:
on few cores a second one waits in a loop and slows the Python between the calls.
"""

import math
import time
import warnings

import numpy as np
import pytest
from scipy.linalg.blas import dger
from threadpoolctl import threadpool_limits

from epbook import BayesPoint, ep
from epbook.kernels import GaussianKernel

PASSES = 5
LIMIT = {200: 2.5, 1000: 1.5}  # times the hand-written loop, per site


def hand_written(C):
    """Kernel EP for the sharp step, nothing but the updates of thesis 5.3 in safe form."""
    n = len(C)
    A, h = np.array(C, order="F"), np.zeros(n)
    tau, nu = np.zeros(n), np.zeros(n)
    for _ in range(PASSES):
        for i in range(n):
            a, mean, old_tau, old_nu = A.item(i, i), h.item(i), tau.item(i), nu.item(i)
            lam = 1 / (1 / a - old_tau)
            cavity = lam * (mean / a - old_nu)
            z = cavity / math.sqrt(lam)
            alpha = math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi * lam) / (0.5 * math.erfc(-z / math.sqrt(2)))
            new = cavity + lam * alpha
            left = lam * (1 - alpha * new)
            tau[i], nu[i] = 1 / left - 1 / lam, new / left - cavity / lam
            step = tau.item(i) - old_tau
            scale = 1 / (1 + step * a)
            column = A[:, i].copy()
            h += column * ((nu.item(i) - old_nu - step * mean) * scale)
            A = dger(-step * scale, column, column, a=A, overwrite_a=1)
    return h


def problem(n):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 10))
    return BayesPoint(X, np.sign(X[:, 0] + 0.3 * X[:, 1] ** 2), GaussianKernel(3.0))


def library(bpm):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the passes are fixed; convergence is not the question
        return ep(bpm.posterior(), bpm.terms, passes=PASSES, tol=0)


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


@pytest.mark.parametrize("n", LIMIT)
def test_ep_against_a_hand_written_loop(n, benchmark):
    bpm = problem(n)
    C = bpm.posterior().C
    np.testing.assert_allclose(library(bpm).mean, hand_written(C), rtol=1e-9, atol=1e-10)
    pairs = []
    for _ in range(7):  # in turn, so that both meet the same machine
        start = time.perf_counter()
        hand_written(C)
        middle = time.perf_counter()
        library(bpm)
        pairs.append((middle - start, time.perf_counter() - middle))
    ratio = float(np.median([ours / theirs for theirs, ours in pairs]))
    sites = n * PASSES
    benchmark.extra_info["hand_us_per_site"] = 1e6 * min(theirs for theirs, _ in pairs) / sites
    benchmark.extra_info["ep_us_per_site"] = 1e6 * min(ours for _, ours in pairs) / sites
    benchmark.extra_info["ratio"] = ratio
    print(f"\nn = {n}: ep() takes {ratio:.2f} times the hand-written loop (limit {LIMIT[n]})")
    benchmark.pedantic(library, args=(bpm,), rounds=3)
    assert ratio <= LIMIT[n]
