"""`fit`: the linear Bayes Point Machine, or the probit model, on data that no one machine need hold."""

import math
import os
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..checks import number_in, whole_number
from ..errors import ConvergenceWarning
from ..families import FullGaussian
from ..models.predictor import Predictor, WeightPredictor
from ..result import Result
from ..terms import Step
from .clusters import connected
from .partition import load
from .rounds import Server, Traffic

MOST_DAMPING = 0.9


@dataclass(repr=False)
class DistributedResult(Result):
    """A `Result` whose posterior is a `FullGaussian` over the weights, and whose passes are rounds.

    Attributes:
        traffic: one `Traffic` a round.
        term: the term of every row.
        bias: whether the last weight is the bias.

    Book: section 8.3.
    """

    traffic: list[Traffic] = field(default_factory=list)
    term: Step = field(default_factory=Step)
    bias: bool = False

    def predictor(self) -> Predictor:
        """What predicts: means, variances, labels, probabilities."""
        columns = self.posterior.shift.size - self.bias
        return WeightPredictor(SimpleNamespace(term=self.term, bias=self.bias, X=np.empty((0, columns))), self.posterior)


def fit(
    partitions: Iterable[Any],
    *,
    noise: float = 0.0,
    slack: float = 0.0,
    bias: bool = False,
    client: Any = None,
    workers: int = 2,
    rounds: int = 100,
    tol: float = 1e-6,
    inner: int = 2,
    damping: float = 0.0,
    asynchronous: bool = False,
    every: int = 10,
    checkpoint: str | Path | None = None,
    resume: str | Path | None = None,
    watch: Callable[[Result], None] | None = None,
) -> DistributedResult:
    """EP for labels y_i = sign(w.x_i) on partitions of the data: the answer of one machine, `ep(LinearGaussian(X), terms)`.

    In a round each partition refines its sites against the posterior without them, where its rows are, and sends back
    their product, d (d + 1) numbers.

    Args:
        partitions: what `load` reads, one a partition: pairs (X, y) of arrays, or names of .npz or Parquet files, which the
            workers must find under these names.  A pair of dask arrays is as many partitions as it has blocks of rows.
        noise: probability of a wrong label, in [0, 0.5).
        slack: width of the step; 0 is sharp, 1 the probit.
        bias: add a constant feature 1.
        client: a `distributed.Client` of a cluster that runs; None starts workers on this machine for the call;
            `Serial()` does all in this process, without dask.
        workers: how many to start, if client is None.
        rounds: at most this many.
        tol: as in `ep`: converged when no moment mismatch of a synchronous round reaches this.
        inner: passes of a partition over its rows in a round.
        damping: share of the old sites that each pass keeps, in [0, 1); it is raised whenever three rounds have not
            lowered the mismatch, or no proper posterior is left.
        asynchronous: take each message when it comes; a synchronous round checks when the mismatch seems below tol.
        every: after so many rounds all sites are fetched, 16 bytes a row; a worker's death costs at most the work since.
        checkpoint: an .npz file in which they are then stored, and at the end.
        resume: such a file, of the same rows in the same order, in any number of partitions.
        watch: called with the result after each round.

    Returns:
        A `DistributedResult`. Unless it converged, a `ConvergenceWarning` tells its status.

    Raises:
        ValueError: on options out of range, no partitions, data that `load` refuses (names the partition), partitions that
            differ in columns, or a checkpoint of other data.
        ImportError: without dask.distributed, unless client is `Serial()`.

    Example:
        >>> from epbook.distributed import Serial
        >>> parts = [([[0.0, 0.0], [0.0, 1.0]], [-1, -1]), ([[1.0, 0.0]], [1])]
        >>> fit(parts, bias=True, client=Serial()).mean.round(3).tolist()
        [1.178, -0.514, -0.533]

    Book: section 8.3.
    """
    term, rounds, every = Step(noise, slack), whole_number("rounds", rounds, 1), whole_number("every", every, 1)
    tol, damping = number_in("tol", tol, 0, np.inf), number_in("damping", damping, 0, 1, open_high=True)
    inner, workers = whole_number("inner", inner, 1), whole_number("workers", workers, 1)
    stored = () if resume is None else _stored(resume)
    with connected(client, workers) as cluster:
        rows, shapes = _loaded(cluster, partitions, bool(bias))
        server = Server(cluster, rows, shapes, term, inner)
        server.start(*stored)
        result = DistributedResult(FullGaussian(*server.posterior()), term=term, bias=bool(bias))
        mismatch = math.inf
        for number in range(1, rounds + 1):
            check = not asynchronous or mismatch < tol or number == rounds
            mismatch, skipped = (server.synchronous if check else server.asynchronous)(damping)
            _record(result, server, tol, mismatch, skipped, check)
            if number % every == 0 or (checkpoint and (result.converged or number == rounds)):
                _store(checkpoint, server.fetch())
            if watch:
                watch(result)
            if result.converged:
                break
            damping = _raised(damping, result.history)
    if not result.converged:
        warnings.warn(result.status, ConvergenceWarning, stacklevel=2)
    return result


def _loaded(cluster, partitions, bias):
    """The rows of all partitions, results on the workers, and their shapes."""
    sources = [block for source in partitions for block in _blocks(cluster, source)]
    if not sources:
        raise ValueError("there are no partitions: without data the posterior is the prior")
    rows = [cluster.submit(load, source, bias, f"partition {k}") for k, source in enumerate(sources)]
    shapes = cluster.gather([cluster.submit(np.shape, part) for part in rows])
    odd = [k for k, shape in enumerate(shapes) if shape[1] != shapes[0][1]]
    if odd:
        k = odd[0]
        raise ValueError(f"partition {k} has {shapes[k][1] - bias} columns, and partition 0 has {shapes[0][1] - bias}")
    return rows, shapes


def _blocks(cluster, source):
    """A source itself, or the blocks of a pair of dask arrays."""
    if isinstance(source, (str, Path)) or not all(hasattr(part, "to_delayed") for part in source):
        return [source]
    X, y = source
    if X.ndim != 2 or y.ndim != 1 or len(X) != len(y):
        raise ValueError(f"dask arrays must have shapes (n, d) and (n,), not {X.shape} and {y.shape}")
    X = X.rechunk({1: -1})
    pairs = zip(X.to_delayed().ravel(), y.rechunk((X.chunks[0],)).to_delayed().ravel(), strict=True)
    return [(cluster.compute(points), cluster.compute(labels)) for points, labels in pairs]


def _record(result, server, tol, mismatch, skipped, check):
    """One round into the result: the answer, its history and its diagnosis, which needs one posterior for all partitions."""
    result.posterior = FullGaussian(*server.posterior())
    n, d = sum(n for n, _ in server.shapes), server.shapes[0][1]
    price = server.inner * (n * (server.term.flops + 6 * d * d + 4 * d + 40) + len(server.rows) * 3 * d**3)
    result.record(server.log_evidence(), price, mismatch, skipped)
    result.traffic.append(server.traffic())
    result.diagnose(tol)
    if not check:
        result.converged = False
        result.status = f"on the way: mismatch {mismatch:.1e} after {result.passes} asynchronous rounds"


def _raised(damping, history):
    """The damping for the next round: more, if three rounds did not lower the mismatch or one was thrown away."""
    trail = [snapshot.mismatch for snapshot in history[-3:]]
    stuck = len(history) % 3 == 0 and trail[-1] > 0.9 * trail[0]
    return min((1 + damping) / 2, max(damping, MOST_DAMPING)) if stuck or not trail[-1] < math.inf else damping


def _store(path, sites):
    """Both arrays in one file, which is whole at any time."""
    if path is not None:
        part = Path(path).with_suffix(".part")
        with open(part, "wb") as file:
            np.savez(file, precision=sites[0], shift=sites[1])
        os.replace(part, path)


def _stored(path):
    with np.load(path, allow_pickle=False) as file:
        if not {"precision", "shift"} <= set(file):
            raise ValueError(f"{Path(path).name} is no checkpoint: it holds {', '.join(file)}, not precision and shift")
        return file["precision"], file["shift"]
