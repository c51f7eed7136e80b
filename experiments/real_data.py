"""The experiments of chapter 5.6: five data sets, forty random splits, every machine.

    python experiments/real_data.py                         all of it, stored for the chapter to quote
    python experiments/real_data.py heart sonar --splits 3  a part, printed and not stored
    python experiments/real_data.py --redo "training times" one experiment again, put into the store

The chapter runs a part of it again, in code of its own, and compares.
"""

import argparse
import json
import os
import platform
import re
import time
from concurrent.futures import ProcessPoolExecutor
from importlib import metadata
from pathlib import Path

import numpy as np
from forecasts import forecasts
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from epbook import BayesPoint, GaussianKernel, datasets, ep, rivals
from epbook.kernels import LinearKernel

FILE = Path(__file__).parents[1] / "epbook" / "data" / "real-data.json"
SETTINGS = {
    "splits": 40,
    "splits of the forecasts": 20,
    "width": 3.0,
    "bounces": {"digits35": 2000} | dict.fromkeys(("heart", "ionosphere", "sonar", "thyroid"), 500),
    "steps of the costs": 8,
    "seeds": "split s is drawn by rng=s, its billiard by rng=1000+s",
}
SIZES = [100, 141, 200, 283, 400, 566, 800, 1131, 1600]


def separators(data, split, digits=False, bias=False):
    """The thesis's problem, without noise, and the test points."""
    parts = datasets.split(data, standardise=not digits, rng=split)
    kernel = None if digits else GaussianKernel(SETTINGS["width"])
    return BayesPoint(parts.X_train, parts.y_train, kernel, bias=bias), parts.X_test, parts.y_test


def wrong(labels, y):
    return int(np.sum(labels != y))


def errors(name, split):
    """Test errors of every machine, without and with a constant in the kernel; and EP's log evidence."""
    found = {}
    for bias in (False, True):
        problem, X, y = separators(datasets.load(name), split, name == "digits35", bias)
        result = ep(problem.posterior(), problem.terms)
        machines = {
            "EP": result,
            "SVM": rivals.support_vector_machine(problem),
            "billiard": rivals.billiard(problem, SETTINGS["bounces"][name], rng=1000 + split),
        }
        if not bias:  # under a free offset a constant in the kernel changes nothing
            machines["SVM, free offset"] = rivals.support_vector_machine(problem, free_bias=True)
        mark = " + 1" * bias
        found |= {machine + mark: wrong(problem.predict(answer, X), y) for machine, answer in machines.items()}
        found |= {"log evidence" + mark: round(result.log_evidence, 3), "EP failed" + mark: int(result.failed)}
    return found


def costs(name, split):
    """Operations and test errors on the way: after each pass of EP, after 1, 4, 16 ... bounces."""
    problem, X, y = separators(datasets.load(name), split, name == "digits35")
    if name == "digits35":  # the same inner product, but as a kernel: cheaper, and the coordinates of the other sets
        problem = problem.replace(kernel=LinearKernel())

    def mark(answer):
        return answer.history[-1].flops, wrong(problem.predict(answer, X), y)

    passes = []
    ep(problem.posterior(), problem.terms, watch=lambda now: passes.append(mark(now)))
    bounces = [4**k for k in range(SETTINGS["steps of the costs"])]
    return {
        "EP": passes,
        "billiard": [mark(rivals.billiard(problem, most, rng=1000 + split)) for most in bounces],
        "SVM": [mark(rivals.support_vector_machine(problem))],
    }


def training_times():
    """Processor seconds of EP in kernel space, the least of three runs, over the number of points."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((max(SIZES), 13))
    y = np.sign(X @ rng.standard_normal(13) + rng.standard_normal(max(SIZES)))
    seconds = []
    for n in tqdm(SIZES, desc="training times"):
        problem = BayesPoint(X[:n], y[:n], GaussianKernel(SETTINGS["width"]))
        posterior, runs = problem.posterior(), []
        for _ in range(3):
            start = time.process_time()
            with threadpool_limits(1):
                ep(posterior, problem.terms)
            runs.append(time.process_time() - start)
        seconds.append(float(f"{min(runs):.3g}"))
    return {"n": SIZES, "seconds": seconds}


def merged(answers):
    """[{a: 1}, {a: 2}] -> {a: [1, 2]}"""
    return {key: [answer[key] for answer in answers] for key in answers[0]}


def merged_trails(answers):
    """For each machine the median operations at each step, and the errors of every split; a run that has ended stays."""
    trails = {}
    for machine, ways in merged(answers).items():
        steps = max(len(way) for way in ways)
        full = np.array([way + way[-1:] * (steps - len(way)) for way in ways])  # split, step, (flops, errors)
        trails[machine] = {"flops": np.median(full[:, :, 0], axis=0).astype(int).tolist(), "errors": full[:, :, 1].tolist()}
    return trails


def merged_forecasts(answers):
    """The scores of every split; the bins summed over the splits."""
    found = {machine: merged(scores) for machine, scores in merged(answers).items()}
    return {machine: scores | {"bins": np.sum(scores["bins"], axis=0).round(3).tolist()} for machine, scores in found.items()}


EXPERIMENTS = {  # name: (what is done once, how often, how its answers are put together)
    "errors": (errors, "splits", merged),
    "costs": (costs, "splits", merged_trails),
    "forecasts": (forecasts, "splits of the forecasts", merged_forecasts),
}


def once(job):
    """One experiment on one split, by one thread: two jobs at a time are faster than two threads for one."""
    experiment, name, number = job
    with threadpool_limits(1):
        return EXPERIMENTS[experiment][0](name, number)


def run(experiments, names, most=SETTINGS["splits"]):
    """experiment -> data set -> answers, on two cores."""
    jobs = [(e, name, k) for e in experiments for name in names for k in range(min(most, SETTINGS[EXPERIMENTS[e][1]]))]
    with ProcessPoolExecutor(2) as pool:
        answers = list(tqdm(pool.map(once, jobs), total=len(jobs), desc="runs"))
    found = {experiment: {name: [] for name in names} for experiment in experiments}
    for (experiment, name, _), answer in zip(jobs, answers):
        found[experiment][name].append(answer)
    return {e: {name: EXPERIMENTS[e][2](found[e][name]) for name in names} for e in experiments}


def surroundings():
    packages = ("numpy", "scipy", "scikit-learn")
    return {
        "versions": {"python": platform.python_version()} | {name: metadata.version(name) for name in packages},
        "machine": f"{platform.system()}, {platform.machine()}, {os.cpu_count()} cores",
    }


def everything():
    """All there is to store; the minutes are processor time of this process and its two workers, the waiting left out."""
    found = run(EXPERIMENTS, datasets.NAMES) | {"training times": training_times()}
    minutes = round(sum(os.times()[:4]) / 60, 1)
    return {"settings": SETTINGS, **surroundings(), "processor minutes": minutes, **found}


def redone(experiment, names):
    """The store with one experiment made again."""
    store = json.loads(FILE.read_text(encoding="utf-8"))
    if store["versions"] != surroundings()["versions"] or store["settings"] != SETTINGS:
        raise SystemExit("the store was made with other versions or settings, so one experiment cannot be exchanged; run all")
    if experiment == "training times":
        return store | {experiment: training_times()}
    return store | {experiment: store[experiment] | run([experiment], names)[experiment]}


def text(found):
    """JSON, a list of numbers on one line."""
    return re.sub(r"\[[^\[\]{}]*\]", lambda numbers: re.sub(r"\s+", " ", numbers[0]), json.dumps(found, indent=1)) + "\n"


def asked():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"data sets, of {', '.join(datasets.NAMES)}; all if none is named")
    parser.add_argument("--splits", type=int, help="at most so many of each; all if not given")
    parser.add_argument("--redo", choices=[*EXPERIMENTS, "training times"], help="make one experiment again and store it")
    asked = parser.parse_args()
    if unknown := [name for name in asked.names if name not in datasets.NAMES]:
        parser.error(f"no data set {', '.join(unknown)}; there are {', '.join(datasets.NAMES)}")
    if asked.splits is not None and asked.splits < 1:
        parser.error(f"--splits is {asked.splits}; ask for 1 or more, or leave it out for all")
    if asked.redo and asked.splits is not None:
        parser.error("--redo stores what it finds, so it takes all splits; leave out --splits")
    return asked


def main():
    names, splits, redo = vars(asked()).values()
    if not redo and (names or splits):
        print(text(run(EXPERIMENTS, names or datasets.NAMES, splits or SETTINGS["splits"])))
        return
    FILE.write_text(text(redone(redo, names or datasets.NAMES) if redo else everything()), encoding="utf-8")
    print(f"written to {FILE.name}")


if __name__ == "__main__":
    main()
