"""The stored benchmarks are whole, their answers agree, and their targets follow from their rows; no clock is read here."""

import importlib
import json
import math
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
STORED = json.loads((ROOT / "book" / "data" / "benchmarks.json").read_text("utf-8"))
ROWS = STORED["rows"]


@pytest.fixture
def module(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module


def test_machine_date_and_versions_are_stored():
    assert {"processor", "cores", "memory GiB"} <= set(STORED["machine"]) and len(STORED["date"]) == 10
    assert STORED["machine"]["cores"] > 0 and all("numpy" in versions for versions in STORED["versions"].values())


def test_every_peer_took_part_or_is_said_to_be_left_out(module):
    measure = module("measure")
    peers = {peer.script for peers in (measure.KERNEL, measure.GRIDS, measure.VARIATIONAL, measure.LARGE) for peer in peers}
    assert peers == set(STORED["versions"]) | {out["peer"] for out in STORED["left out"]}
    assert all(out["reason"] for out in STORED["left out"])


def test_rows_have_a_time_each_and_no_row_is_there_twice():
    keys = [tuple(row[name] for name in ("subject", "case", "size", "method")) for row in ROWS]
    assert len(set(keys)) == len(keys) > 100
    assert all(math.isfinite(row["ms"]) and row["ms"] > 0 for row in ROWS)


def test_answers_agree():
    limits = {"kernel": 1e-3, "grid": 1e-3, "Gaussian": 1e-9, "regression": 1e-9, "PCA": 1e-9, "mixture": 1e-9}
    gaps = [(row["gap"], limits[row["subject"]]) for row in ROWS if "gap" in row]
    assert len(gaps) > 50 and all(gap < limit for gap, limit in gaps)


def test_targets_follow_from_the_rows(module):
    assert module("targets").targets(ROWS) == STORED["targets"]


def test_a_missed_target_is_called_so(module, capsys):
    targets = module("targets")
    slow = [{"subject": "kernel", "case": "probit", "size": 1000, "method": targets.OURS, "ms": 9.0, "units": 21.0}]
    (found,) = targets.targets(slow)
    assert (found["value"], found["limit"], found["met"]) == (21.0, 20.0, False)
    targets.print_table([found])
    assert "missed" in capsys.readouterr().out


def test_every_requirement_of_a_peer_has_a_version_and_none_an_address():
    files = list((ROOT / "benchmarks" / "peers").glob("*.txt"))
    lines = [line for file in files for line in file.read_text("utf-8").splitlines() if not line.startswith("#")]
    assert len(files) == 3 and all(line.count("==") == 1 and "/" not in line for line in lines)


def test_methods_are_repeated_and_the_least_time_counts(module, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks" / "peers")
    clock = importlib.import_module("clock")
    took = iter([1.5, 1.0, 2.0] * 5)
    monkeypatch.setattr(clock, "seconds", lambda run: (next(took), run()))
    assert clock.timed({"a": lambda: "answer"}) == {"a": {"seconds": 1.0, "repetitions": 3, "answer": "answer"}}
    X = np.random.default_rng(0).normal(size=(5, 2))
    assert np.array_equal(clock.gaussian_kernel(X, 2.0), clock.gaussian_kernel(X, 2.0).T)
