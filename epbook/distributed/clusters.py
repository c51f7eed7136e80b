"""Who does the work: the workers of dask.distributed, or this process.

Both take a function and arguments, some of them results still to come, and give a result to come.
"""

import contextlib
import logging
from typing import Any


class Serial:
    """Does at once, here, what a cluster would do elsewhere: `fit(..., client=Serial())` needs no dask.

    Example:
        >>> serial = Serial()
        >>> serial.gather([serial.submit(max, serial.submit(abs, -3), 2)])
        [3]

    Book: section 8.3.
    """

    def submit(self, function: Any, *arguments: Any) -> Any:
        """The function's result; a result to come is, here, the result."""
        return _Done(function(*(argument.value if isinstance(argument, _Done) else argument for argument in arguments)))

    def compute(self, delayed: Any) -> Any:
        """A piece of a dask collection."""
        return delayed.compute(scheduler="synchronous")

    def gather(self, results: Any) -> list[Any]:
        """The results themselves."""
        return [result.value if isinstance(result, _Done) else result for result in results]

    def first(self, results: Any) -> Any:
        """One that has come: the oldest."""
        return next(iter(results))

    def lanes(self, rows: list[Any]) -> list[list[int]]:
        """All partitions in one lane."""
        return [list(range(len(rows)))]


class _Done:
    """A result that has come; hashed by identity, like dask's."""

    def __init__(self, value):
        self.value = value


class Cluster:
    """A dask client seen the same way.

    No task is pure to dask: two that look alike are two.  What a task needs travels with it, so that the scheduler can
    do it again elsewhere; what is scattered would be lost with its worker.
    """

    def __init__(self, client: Any):
        self.client = client

    def submit(self, function: Any, *arguments: Any) -> Any:
        """A future."""
        import dask

        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"}):  # large where rows travel, once
            return self.client.submit(function, *arguments, pure=False)

    def compute(self, delayed: Any) -> Any:
        """A future of a piece of a dask collection."""
        return self.client.compute(delayed)

    def gather(self, results: Any) -> list[Any]:
        """The results, waited for."""
        return list(self.client.gather(list(results)))

    def first(self, results: Any) -> Any:
        """One that has come, waited for: the oldest of those."""
        from distributed import wait

        done = wait(list(results), return_when="FIRST_COMPLETED").done
        return next(result for result in results if result in done)

    def lanes(self, rows: list[Any]) -> list[list[int]]:
        """The partitions in as many lanes as threads can work at once, each on the worker that holds its rows."""
        holders, threads = self.client.who_has(rows), self.client.nthreads()
        at = [next(iter(holders[part.key]), "lost just now") for part in rows]
        lanes = []
        for worker in sorted(set(at)):
            held, count = [k for k, place in enumerate(at) if place == worker], threads.get(worker, 1)
            lanes += [held[j::count] for j in range(min(count, len(held)))]
        return lanes


@contextlib.contextmanager
def connected(client: Any, workers: int):
    """What `fit` submits to: for None, workers on this machine that live as long as the block."""
    if isinstance(client, Serial):
        yield client
    elif client is not None:
        yield Cluster(client)
    else:
        distributed = _distributed()
        with (
            distributed.LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL
            ) as machine,
            distributed.Client(machine) as own,
        ):
            yield Cluster(own)


def _distributed():
    try:
        import distributed
    except ImportError:
        raise ImportError(
            "workers need dask.distributed: pip install 'epbook[distributed]', or do without them by client=Serial()"
        ) from None
    return distributed
