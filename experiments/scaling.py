"""The times of chapter 8.3: one process, one worker and two on the same data.

    python experiments/scaling.py           measured and stored for the chapter to quote
    python experiments/scaling.py --small   a small part, printed and not stored

The clock on the wall is meant: run it on a machine that does nothing else.
"""

import argparse
import json
import logging
import os
import platform
import time
import warnings
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib import metadata
from itertools import product
from pathlib import Path

import numpy as np
from distributed import Client, LocalCluster
from threadpoolctl import threadpool_limits

from epbook import ConvergenceWarning
from epbook.distributed import Serial, fit

FILE = Path(__file__).parents[1] / "book" / "data" / "scaling.json"
WORKERS = (1, 2)
SETTINGS = {"n": 200_000, "d": 50, "partitions": 8, "slack": 1.0, "inner": 2, "rounds": 8, "repetitions": 3, "seed": 0}


def data(n, d, partitions, slack, seed):
    """Probit data in parts."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    y = np.sign(X @ rng.standard_normal(d) / d**0.5 + slack * rng.standard_normal(n))
    return list(zip(np.array_split(X, partitions), np.array_split(y, partitions), strict=True))


def run(parts, client, slack, inner, rounds):
    """Per round: seconds on the wall, processor seconds of the server and of the busiest worker; and the answer.

    The first round is left out: it still imports and loads.
    """
    marks = []

    def mark(result):
        if result.passes in (1, rounds):
            workers = [0.0] if isinstance(client, Serial) else client.run(time.process_time).values()
            marks.append((time.perf_counter(), time.process_time(), *workers))

    result = fit(parts, slack=slack, inner=inner, rounds=rounds, tol=0.0, client=client, watch=mark)
    wall, server, *workers = np.subtract(marks[1], marks[0]) / (rounds - 1)
    return (wall, server, max(workers)), result


def measure(n, d, partitions, slack, inner, rounds, repetitions, seed):
    """The least of every place, in turns; with the data, and with next to none, so that the messages alone are left."""
    sizes = {"full": data(n, d, partitions, slack, seed), "empty": data(4 * d, d, partitions, slack, seed)}
    spent = {f"{size}, {place}": [] for size in sizes for place in ("here", *WORKERS)}
    with ExitStack() as stack:
        options = {"threads_per_worker": 1, "dashboard_address": "127.0.0.1:0", "silence_logs": logging.CRITICAL}
        clusters = [stack.enter_context(LocalCluster(n_workers=workers, **options)) for workers in WORKERS]
        clients = [stack.enter_context(Client(cluster)) for cluster in clusters]
        places = {"here": Serial()} | dict(zip(WORKERS, clients, strict=True))
        for _, size in product(range(repetitions), sizes):
            answers = []
            for place, client in places.items():
                seconds, answer = run(sizes[size], client, slack, inner, rounds)
                spent[f"{size}, {place}"].append(seconds)
                answers.append(answer)
            for answer in answers[1:]:  # compared before any time is believed
                np.testing.assert_allclose(answer.mean, answers[0].mean, rtol=1e-9)
    least = {name: np.min(seconds, axis=0) for name, seconds in spent.items()}
    clocks = "wall", "server", "busiest worker"
    return {
        "seconds a round": {
            name: {c: float(f"{s:.3g}") for c, s in zip(clocks, row, strict=True)} for name, row in least.items()
        },
        "traffic": answers[0].traffic[0]._asdict(),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="4,000 rows, twice 3 rounds, printed and not stored")
    settings = SETTINGS | ({"n": 4_000, "rounds": 3, "repetitions": 2} if parser.parse_args().small else {})
    warnings.simplefilter("ignore", ConvergenceWarning)  # all runs have the same number of rounds
    with threadpool_limits(1):
        found = {"settings": settings, **measure(**settings)}
    found |= {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "versions": {"python": platform.python_version()}
        | {name: metadata.version(name) for name in ("numpy", "scipy", "dask", "distributed")},
    }
    text = json.dumps(found, indent=1) + "\n"
    if settings == SETTINGS:
        FILE.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
